package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
)

// near is what a test looks at in an answer.
type near struct {
	Center struct {
		Lat, Lon float64
		Client   string
	}
	Radius  float64 `json:"radius_m"`
	Clients []struct {
		ID       string
		Distance float64 `json:"distance_m"`
	}
}

func (n near) ids() string {
	ids := []string{}
	for _, c := range n.Clients {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

func (n testNode) near(t *testing.T, query string) (answer near) {
	t.Helper()
	code, body := n.get(t, "GET", "/v1/near?"+query)
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 || answer.Clients == nil {
		t.Fatalf("%s: got %d, %v: %s", query, code, err, body)
	}
	return answer
}

func TestNear(t *testing.T) {
	n := newTestNode(t)
	n.put(t, "kiwi", "+34.068930-118.445127")
	n.put(t, "emu", "+34.069-118.446")   // 81 m from kiwi
	n.put(t, "rhea", "+34.069-118.4452") // 10 m
	n.put(t, "moa", "+34.068930-118.445127")
	n.put(t, "penguin", "-90+0")
	n.put(t, "fiji", "-17+179.5")
	n.put(t, "taveuni", "-17-179.5")
	for _, tt := range []struct{ query, want string }{
		{"client=kiwi", "moa rhea emu"},
		{"client=kiwi&radius=20", "moa rhea"},
		{"client=kiwi&radius=0", "moa"},
		{"client=kiwi&limit=2", "moa rhea"},
		{"client=kiwi&limit=1&radius=0", "moa"},
		{"client=penguin", ""},
		{"lat=34.06893&lon=-118.445127", "kiwi moa rhea emu"},
		{"lat=34.06893&lon=-118.445127&limit=1", "kiwi"},
		{"lat=-17&lon=180&radius=1e5", "fiji taveuni"},
		{"client=fiji&radius=110000", "taveuni"},
		{"lat=-90&lon=123", "penguin"},
		{"lat=90&lon=0&radius=20015115", "emu rhea kiwi moa fiji taveuni penguin"},
	} {
		if got := n.near(t, tt.query).ids(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.query, got, tt.want)
		}
	}
	a := n.near(t, "client=kiwi&limit=2")
	if c := a.Center; c.Client != "kiwi" || c.Lat != 34.06893 || c.Lon != -118.445127 || a.Radius != 1000 {
		t.Errorf("got %+v", a)
	}
	if d := location.Distance(34.06893, -118.445127, 34.069, -118.4452); a.Clients[1].Distance != d || a.Clients[0].Distance != 0 {
		t.Errorf("got %+v, want 0 and %v", a.Clients, d)
	}
	if s := n.Stats().Near; s.Took.Total() != 13 || s.Bytes == 0 {
		t.Errorf("counted %d questions, %d bytes", s.Took.Total(), s.Bytes)
	}
}

func TestNearForms(t *testing.T) {
	n := newTestNode(t)
	n.put(t, "kiwi", "+34.068930-118.445127")
	n.put(t, "moa", "+34.068930-118.445127")
	_, body := n.get(t, "GET", "/v1/near?client=kiwi")
	for _, want := range []string{`{"center":{"lat":34.06893,"lon":-118.445127,"client":"kiwi"},"radius_m":1000,"clients":[{"id":"moa",`, `"distance_m":0}]}`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	_, body = n.get(t, "GET", "/v1/near?lat=34&lon=-118.4&radius=10000&format=geojson&limit=1")
	var f struct {
		Type     string
		Features []struct {
			ID       string
			Geometry struct{ Coordinates []float64 }
		}
	}
	if err := json.Unmarshal([]byte(body), &f); err != nil || f.Type != "FeatureCollection" || len(f.Features) != 1 || f.Features[0].ID != "kiwi" ||
		!slices.Equal(f.Features[0].Geometry.Coordinates, []float64{-118.445127, 34.06893}) || !strings.Contains(body, `"distance_m":`) {
		t.Errorf("got %v, %s", err, body)
	}
	if _, body = n.get(t, "GET", "/v1/near?lat=0&lon=0"); body != `{"center":{"lat":0,"lon":0},"radius_m":1000,"clients":[]}`+"\n" {
		t.Errorf("nobody is near: got %s", body)
	}
}

func TestWrongNear(t *testing.T) {
	n := newTestNode(t)
	for query, want := range map[string]string{
		"":                           "Give lat and lon, or client.",
		"radius=5":                   "Give lat and lon, or client.",
		"client=kiwi&lat=1":          "Give lat and lon, or client, not both.",
		"lat=1":                      "lon is needed, a number from -180 to 180.",
		"lon=1":                      "lat is needed, a number from -90 to 90.",
		"lat=90.1&lon=0":             `lat is "90.1": it must be a number from -90 to 90.`,
		"lat=0&lon=NaN":              `lon is "NaN": it must be a number from -180 to 180.`,
		"lat=0&lon=0&radius=-1":      `radius is "-1": it must be a number from 0 to 20015115.`,
		"lat=0&lon=0&radius=inf":     `radius is "inf": it must be a number from 0 to 20015115.`,
		"lat=0&lon=0&radius=2.1e7":   `radius is "2.1e7": it must be a number from 0 to 20015115.`,
		"lat=0&lon=0&limit=0":        `limit is "0": it must be a whole number from 1 to 1000.`,
		"lat=0&lon=0&limit=1001":     `limit is "1001": it must be a whole number from 1 to 1000.`,
		"lat=0&lon=0&format=xml":     `format is "xml": it must be one of json, geojson.`,
		"lat=0&lon=0&long=0":         `There is no parameter "long" here: /v1/near takes lat, lon, client, radius, limit, format.`,
		"client=":                    "Neither the client's ID nor what is said of it may be empty or hold white space.",
		"client=a%20b":               "Neither the client's ID nor what is said of it may be empty or hold white space.",
		"client=kiwi&client=moa":     "The parameter client is given more than once.",
		"lat=0&lon=0&lat=1":          "The parameter lat is given more than once.",
		"lat=0&lon=0&radius=1&limit": `limit is "": it must be a whole number from 1 to 1000.`,
	} {
		n.refuses(t, wrong{"GET", "/v1/near?" + query, "", 400, want})
	}
	n.refuses(t, wrong{"GET", "/v1/near?client=emu", "", 404, "The herd knows of no such client."})
	n.refuses(t, wrong{"POST", "/v1/near?client=emu", "", 405, "/v1/near takes GET, HEAD."})
	if n.table.NearBytes() != 0 {
		t.Error("what was refused was looked for")
	}
}

// A list is as long as it may be, whoever is left out.
func TestNearLongList(t *testing.T) {
	n := newTestNode(t)
	for i := range maxNear + 10 {
		n.put(t, fmt.Sprintf("client-%04d", i), "+1+1")
	}
	for _, query := range []string{"lat=1&lon=1", "client=client-0500", "client=client-1009"} {
		if got := n.near(t, query+"&limit=1000"); len(got.Clients) != maxNear {
			t.Errorf("%s: got %d clients", query, len(got.Clients))
		}
	}
}

// A node gives up what it keeps for questions when there are none.
func TestNearRests(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		n.put(t, "kiwi", "+1+1")
		n.near(t, "lat=1&lon=1")
		time.Sleep(nearRest + time.Second)
		if n.table.NearBytes() == 0 {
			t.Error("given up at once")
		}
		time.Sleep(nearRest)
		if n.table.NearBytes() != 0 {
			t.Error("kept")
		}
	})
}
