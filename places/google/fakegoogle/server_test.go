package fakegoogle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

const (
	newPath    = "/v1/places:searchNearby"
	legacyPath = "/maps/api/place/nearbysearch/json?location=34,-118&radius=100&key=k"
)

// call asks the New API if there is a body, else the legacy one.
func call(ctx context.Context, s *Server, path, body, key, mask string) (string, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Close = true
	for name, value := range map[string]string{"X-Goog-Api-Key": key, "X-Goog-FieldMask": mask} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, b), err
}

// TestStrict: it takes only what Google takes.
func TestStrict(t *testing.T) {
	s := start(t, Options{Key: "k"})
	circle := func(lat, radius string) string {
		return `"locationRestriction":{"circle":{"center":{"latitude":` + lat + `,"longitude":-118},"radius":` + radius + `}}`
	}
	good := circle("34", "100")
	for _, tt := range []struct{ path, body, key, mask, want string }{
		{newPath, "{" + good + "}", "k", "places.id,places.currentOpeningHours.openNow", "200 {"},
		{newPath, `{"maxResultCount":20,"rankPreference":"DISTANCE","languageCode":"fr",` + good + "}", "k", "places.id", "200 {"},
		{newPath, "{" + good + "}", "", "places.id", "403 "},
		{newPath, "{" + good + "}", "another", "places.id", "400 "},
		{newPath, "{" + good + "}", "k", "", "400 "},
		{newPath, "{" + good + "}", "k", "places.id, places.types", "400 "},
		{newPath, "{" + good + "}", "k", "id", "400 "},
		{newPath, `{"maxResultCount":21,` + good + "}", "k", "places.id", "400 "},
		{newPath, `{"maxResultCount":0,` + good + "}", "k", "places.id", "400 "},
		{newPath, `{"rankPreference":"PROMINENCE",` + good + "}", "k", "places.id", "400 "},
		{newPath, `{"keyword":"tea",` + good + "}", "k", "places.id", "400 "},
		{newPath, "{" + circle("91", "100") + "}", "k", "places.id", "400 "},
		{newPath, "{" + circle("34", "50001") + "}", "k", "places.id", "400 "},
		{newPath, "{}", "k", "places.id", "400 "},
		{newPath, "", "k", "places.id", "404 "},
		{"/v2", "", "k", "", "404 "},
		{legacyPath, "", "", "", "200 {\n   \"html_attributions\""},
		{strings.TrimSuffix(legacyPath, "&key=k"), "", "", "", "200 {\n   \"error_message\" : \"You must use"},
		{legacyPath + "k", "", "", "", "200 {\n   \"error_message\" : \"The provided API key is invalid"},
		{strings.Replace(legacyPath, "34", "91", 1), "", "", "", "200 {\n   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : \"INVALID_REQUEST\""},
	} {
		got, err := call(t.Context(), s, tt.path, tt.body, tt.key, tt.mask)
		if err != nil || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%+v: got %s, %v", tt, got, err)
		}
	}
}

// TestScript: faults for a call each, then those for all.
func TestScript(t *testing.T) {
	s := start(t, Options{})
	s.SetFault(Status(404, ""))
	s.Script(Status(500, ""), Fault{}, LegacyInvalid())
	for _, want := range []string{"500", "OK", "INVALID_REQUEST", "404", "404"} {
		got, err := call(t.Context(), s, legacyPath, "", "", "")
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("got %s, %v; want %s in it", got, err, want)
		}
	}
	if s.Calls("legacy") != 5 || s.Calls("new") != 0 || s.Calls("") != 5 || s.MaxInFlight() != 1 {
		t.Errorf("%d, %d and %d calls, %d at once", s.Calls("legacy"), s.Calls("new"), s.Calls(""), s.MaxInFlight())
	}
}

// TestCloseEndsFaults: no handler keeps a server from closing.
func TestCloseEndsFaults(t *testing.T) {
	s := start(t, Options{})
	var asking sync.WaitGroup
	faults := []Fault{Hung(), Trickle(), NeverClosing(), Huge()}
	for _, f := range faults {
		s.Script(f)
		asking.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+legacyPath, nil)
			if err != nil {
				t.Error(err)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				err = errors.Join(err, resp.Body.Close())
			}
			if err == nil {
				t.Error("a reply, and it is whole")
			}
		})
	}
	for s.Calls("") < len(faults) {
		runtime.Gosched()
	}
	s.Close()
	s.Close()
	asking.Wait()
}
