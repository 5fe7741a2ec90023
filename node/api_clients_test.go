package node

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"herd/gossip/location"
	"herd/places"
)

// put has the node hold a client.
func (n testNode) put(t testing.TB, id, position string) {
	t.Helper()
	n.table.Merge([]byte(id), location.Entry{Fix: fixAt(t, position, "1621464827.959498503", 1621464828223371889)})
}

// clientPage is a page as a caller reads it.
type clientPage struct {
	Clients []struct{ ID string }
	Next    string
}

// list asks for a page.
func (n testNode) list(t fataler, query string) clientPage {
	t.Helper()
	w := httptest.NewRecorder()
	n.api.Handler.ServeHTTP(w, httptest.NewRequest("GET", "http://10.0.0.1:4133/v1/clients"+query, nil))
	var page clientPage
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.Clients == nil {
		t.Fatalf("%s: got %d, %v: %s", query, w.Code, err, w.Body)
	}
	return page
}

// fataler is what tests and property tests have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// walk asks for page after page, calls between before each but the first, and gives all
// IDs, sorted.
func (n testNode) walk(t fataler, query string, between func()) []string {
	t.Helper()
	all := []string{}
	next := ""
	for range 300 {
		page := n.list(t, "?"+query+"&cursor="+url.QueryEscape(next))
		for _, c := range page.Clients {
			all = append(all, c.ID)
		}
		if next = page.Next; next == "" {
			slices.Sort(all)
			return all
		}
		between()
	}
	t.Fatalf("the list has no end")
	return nil
}

func nothing() {}

// However a list is cut into pages, it has each client that it should have, once.
func TestClientPages(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := location.NewTable(rapid.SampledFrom([]int{1, 2, 64}).Draw(rt, "shards"), 7)
		n := newTestNode(t, func(c *Config) { c.Table = table })
		defer n.Close()
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab]{1,3}[a-z0-9]{0,2}`), 0, 40, rapid.ID).Draw(rt, "clients")
		prefix := rapid.SampledFrom([]string{"", "a", "ab", "ba1"}).Draw(rt, "prefix")
		west, east := rapid.IntRange(-180, 180).Draw(rt, "west"), rapid.IntRange(-180, 180).Draw(rt, "east")
		area := box{float64(west), -45, float64(east), 60}
		want := []string{}
		for _, id := range ids {
			lat, lon := rapid.IntRange(-90, 90).Draw(rt, "latitude"), rapid.IntRange(-180, 180).Draw(rt, "longitude")
			n.put(t, id, fmt.Sprintf("%+d%+d", lat, lon))
			if strings.HasPrefix(id, prefix) && area.holds(float64(lat), float64(lon)) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		query := fmt.Sprintf("limit=%d&prefix=%s&bbox=%d,-45,%d,60", limit, prefix, west, east)
		if got := n.walk(rt, query, nothing); !slices.Equal(got, want) {
			rt.Fatalf("%s: got %q, want %q", query, got, want)
		}
	})
}

// Clients that are there all the time are listed once each, whatever comes and moves
// meanwhile.
func TestClientPagesWhileOthersCome(t *testing.T) {
	n := newTestNode(t, func(c *Config) { c.Table = location.NewTable(64, 3) })
	const old = 500
	for i := range old {
		n.put(t, fmt.Sprint("old", i), "+1+2")
	}
	fix := fixAt(t, "+3+4", "2", 5)
	came := 0
	meanwhile := func() {
		for range 40 {
			n.table.Merge(fmt.Append(nil, "new", came), location.Entry{Fix: fix})
			fix.Order++
			n.table.Merge(fmt.Append(nil, "old", came%old), location.Entry{Fix: fix})
			came++
		}
	}
	for range 3 {
		seen := map[string]int{}
		for _, id := range n.walk(t, "limit=60", meanwhile) {
			seen[id]++
		}
		for id, times := range seen {
			if times > 1 {
				t.Errorf("%s is listed %d times", id, times)
			}
		}
		for i := range old {
			if seen[fmt.Sprint("old", i)] != 1 {
				t.Fatalf("old%d is listed %d times", i, seen[fmt.Sprint("old", i)])
			}
		}
	}
	if came < 1000 {
		t.Errorf("only %d clients came meanwhile", came)
	}
}

// A page costs no more than so much, however few there are to be found.
func TestClientPageIsBounded(t *testing.T) {
	n := newTestNode(t, func(c *Config) { c.Table = location.NewTable(4096, 3) })
	fix := fixAt(t, "+1+2", "2", 5)
	const clients = 2*maxClientsRead + 5000
	for i := range clients {
		n.table.Merge(fmt.Append(nil, i), location.Entry{Fix: fix})
	}
	pages := 1
	if got := n.walk(t, "prefix=123456&limit=1000", func() { pages++ }); len(got) != 1 || pages != 3 {
		t.Errorf("got %q in %d pages", got, pages)
	}
}

// A cursor says how far a list has come, here and now.
func TestCursor(t *testing.T) {
	for _, c := range []cursor{{0, "a"}, {4095, ""}, {4095, strings.Repeat("\xff", location.MaxID)}} {
		text := c.text(0xc1)
		if got, err := parseCursor(text, 0xc1, 4096); got != c || err != nil || len(text) > maxCursor {
			t.Errorf("%v comes back as %v, %v", c, got, err)
		}
	}
	encode := func(b string) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }
	const self = "\x00\x00\x00\x00\x00\x00\x00\xc1"
	for text, want := range map[string]string{
		cursor{1, "a"}.text(0xc2):    "is of another node, or of this one before it started again: begin anew",
		cursor{4096, "a"}.text(0xc1): "is not one that this node gave",
		encode(self):                 "is not one that this node gave",
		encode(self + "\xff\xff"):    "is not one that this node gave",
		encode(self[1:]):             "is not one that this node gave",
		"kiwi!":                      "is not one that this node gave",
		encode(self + strings.Repeat("\x01", location.MaxID+2)): "is not one that this node gave",
	} {
		if _, err := parseCursor(text, 0xc1, 4096); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestClient(t *testing.T) {
	n := newTestNode(t)
	n.put(t, "kiwi.cs.ucla.edu", "+34.068930-118.445127")
	n.put(t, "a/b?c%\xff", "+1-2")
	if code, body := n.get(t, "GET", "/v1/clients/kiwi.cs.ucla.edu"); code != 200 || !strings.Contains(body, `"id":"kiwi.cs.ucla.edu","lat":34.06893,`) {
		t.Errorf("got %d %s", code, body)
	}
	if code, body := n.get(t, "GET", "/v1/clients/kiwi.cs.ucla.edu?format=geojson"); code != 200 || !strings.HasPrefix(body, `{"type":"Feature","id":"kiwi`) {
		t.Errorf("got %d %s", code, body)
	}
	if code, body := n.get(t, "GET", "/v1/clients/a%2Fb%3Fc%25%FF"); code != 200 || !strings.Contains(body, `"at_line":"AT Clark +0.263873386 a/b?c%\ufffd +1-2 1621464827.959498503"`) {
		t.Errorf("got %d %s", code, body)
	}
	if code, body := n.get(t, "GET", "/v1/clients?format=geojson&prefix=a"); code != 200 ||
		!strings.HasPrefix(body, `{"type":"FeatureCollection","features":[{"type":"Feature","id":"a/b?c%`) || !strings.HasSuffix(body, `],"next":""}`+"\n") {
		t.Errorf("got %d %s", code, body)
	}
}

// here is a provider that says what it was asked.
type here struct{}

func (here) Name() string { return "here" }
func (here) Prompt()      {}
func (here) Near(_ context.Context, q places.Query) (places.Answer, error) {
	return places.Answer{Places: []places.Place{{Name: fmt.Sprint(q.Latitude, q.Longitude, q.Radius, q.Limit)}}}, nil
}

// Places near a client are the body of a WHATSAT, byte for byte.
func TestClientPlaces(t *testing.T) {
	n := newTestNode(t, func(c *Config) { c.Links = places.Links(here{}) })
	n.put(t, "kiwi", "+34.068930-118.445127")
	for query, want := range map[string]string{
		"?radius=10.5&limit=5": `"34.06893 -118.445127 10500 5"`,
		"?limit=5&radius=50":   `"34.06893 -118.445127 50000 5"`,
		"":                     `"34.06893 -118.445127 10000 20"`,
		"?radius=0":            `"ZERO_RESULTS"`,
	} {
		q := places.Query{Latitude: 34.06893, Longitude: -118.445127}
		if _, err := fmt.Sscanf(want, "\"34.06893 -118.445127 %g %d\"", &q.Radius, &q.Limit); err != nil {
			q.Limit = 20
		}
		body := string(n.places.Near(t.Context(), q))
		if code, got := n.get(t, "GET", "/v1/clients/kiwi/places"+query); code != 200 || got != body || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %s, want %s with %s", query, code, got, body, want)
		}
	}
}
