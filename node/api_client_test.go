package node

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"herd/gossip/location"
)

// fixAt is a fix that Clark took.
func fixAt(t testing.TB, position, time string, received int64) location.Fix {
	t.Helper()
	p, err := location.ParsePosition([]byte(position))
	if err != nil {
		t.Fatal(err)
	}
	v, err := location.ParseTime([]byte(time))
	if err != nil {
		t.Fatal(err)
	}
	return location.NewFix("Clark", received, 5e9, p, v)
}

// written is what form has a client written as, in one line.
func written(t *testing.T, form string, c clientInfo) string {
	t.Helper()
	w := httptest.NewRecorder()
	writeClient(w, form, 200, c)
	want := "application/json"
	if form == geoJSON {
		want = "application/geo+json"
	}
	if got := w.Header().Get("Content-Type"); got != want {
		t.Errorf("%s: got %s", form, got)
	}
	return strings.TrimSpace(w.Body.String())
}

// The form of a client is a contract.
func TestClientObject(t *testing.T) {
	f := fixAt(t, "+34.068930-118.445127", "1621464827.959498503", 1621464828223371889)
	c := describeClient("kiwi.cs.ucla.edu", &f)
	const details = `"position":"+34.068930-118.445127","time":"1621464827.959498503","at":"2021-05-19T22:53:47.959498503Z",` +
		`"received":"2021-05-19T22:53:48.223371889Z","skew_seconds":"+0.263873386","node":"Clark",` +
		`"at_line":"AT Clark +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503"`
	const plain = `{"id":"kiwi.cs.ucla.edu","lat":34.06893,"lon":-118.445127,` + details + `}`
	const geo = `{"type":"Feature","id":"kiwi.cs.ucla.edu","geometry":{"type":"Point","coordinates":[-118.445127,34.06893]},"properties":{` + details + `}}`
	if got := written(t, plainJSON, c); got != plain {
		t.Errorf("got\n%s, want\n%s", got, plain)
	}
	if got := written(t, geoJSON, c); got != geo {
		t.Errorf("got\n%s, want\n%s", got, geo)
	}
	list, err := json.Marshal(collect([]clientInfo{c}))
	if want := `{"type":"FeatureCollection","features":[` + geo + `]}`; err != nil || string(list) != want {
		t.Errorf("got %v\n%s, want\n%s", err, list, want)
	}
	if list, err := json.Marshal(collect(nil)); err != nil || string(list) != `{"type":"FeatureCollection","features":[]}` {
		t.Errorf("got %v, %s", err, list)
	}
}

// Texts are as they were sent, at the edges too; an ID that JSON can't hold comes in
// base64 as well.
func TestClientObjectAtTheEdges(t *testing.T) {
	f := fixAt(t, "-90.000-180/", "9223372036.8547758070", 5)
	c := describeClient("\xff<&\"", &f)
	c.Stale = true
	metres := 0.0
	c.Distance = &metres
	got := written(t, plainJSON, c)
	for _, want := range []string{
		`"id":"\ufffd<&\""`, `"id_base64":"/zwmIg=="`, `"lat":-90,"lon":-180`, `"position":"-90.000-180/"`, `"time":"9223372036.8547758070"`,
		`"at":"2262-04-11T23:47:16.854775807Z"`, `"received":"1970-01-01T00:00:00.000000005Z"`, `"skew_seconds":"-9223372036.854775802"`,
		`"distance_m":0`, `"stale":true`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
