package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const nearAnswer = `{"center":{"lat":1,"lon":2},"radius_m":1000,"clients":[
	{"id":"kiwi","position":"+1+2","received":"2021-05-19T22:53:48.2Z","node":"Clark","distance_m":12.4},
	{"id":"emu","position":"+1.1+2.1/","received":"2021-05-19T22:53:49.2Z","node":"Bailey","distance_m":15724.1}]}`

// nearServer answers a question and says what it was.
func nearServer(t *testing.T, answer string) (addr string, asked *string) {
	t.Helper()
	asked = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = r.URL.RequestURI()
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), asked
}

func TestNear(t *testing.T) {
	addr, asked := nearServer(t, nearAnswer)
	for _, tt := range []struct{ args, asked, want string }{
		{"kiwi", "client=kiwi&limit=20&radius=1000", "DISTANCE  CLIENT  POSITION   AGE "},
		{"34.0689 -118.4452 --limit 5", "lat=34.0689&limit=5&lon=-118.4452&radius=1000", "15.7 km   emu     +1.1+2.1/"},
		{"-33.8688 151.2093 --radius 0", "lat=-33.8688&limit=20&lon=151.2093&radius=0", "DISTANCE  CLIENT  POSITION"},
		{"-33.8688,151 --radius 2e7", "lat=-33.8688&limit=20&lon=151&radius=20000000", "DISTANCE"},
		{"+34.068930-118.445127 --geojson", "format=geojson&lat=34.06893&limit=20&lon=-118.445127&radius=1000", "{\n  \"center\": {\n"},
		{"a&b=c --json", "client=a%26b%3Dc&limit=20&radius=1000", "\n      \"id\": \"kiwi\",\n"},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"near", "--http-addr", addr}, strings.Fields(tt.args)...), &out, &errs, nil)
		if code != exitDone || *asked != "/v1/near?"+tt.asked || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit code %d, asked %s, printed\n%s%s", tt.args, code, *asked, &out, &errs)
		}
	}
	addr, _ = nearServer(t, `{"clients":[]}`)
	var out strings.Builder
	if code := run(t.Context(), []string{"near", "kiwi", "--http-addr", addr}, &out, &out, nil); code != exitDone || out.String() != "Nobody within 1.0 km.\n" {
		t.Errorf("exit code %d: %s", code, &out)
	}
	addr, _ = nearServer(t, "kiwi")
	out.Reset()
	if code := run(t.Context(), []string{"near", "kiwi", "--http-addr", addr}, &out, &out, nil); code != exitFailed || !strings.Contains(out.String(), "read who is near from "+addr) {
		t.Errorf("exit code %d: %s", code, &out)
	}
}
