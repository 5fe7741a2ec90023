package node

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What a route does not take is refused before the route is asked.
func TestUnknownParameters(t *testing.T) {
	n := newTestNode(t, func(c *Config) { c.Settings.Chaos = true })
	for _, c := range []struct {
		method, target string
		code           int
		detail         string
	}{
		{"GET", "/livez?probe=1", 200, ""},
		{"GET", "/metrics?name=x", 200, ""},
		{"GET", "/v1/self?", 200, ""},
		{"GET", "/v1/self?verbose", 400, `There is no parameter "verbose" here: /v1/self takes none.`},
		{"GET", "/v1/members?state=%zz", 400, `The query can't be read: invalid URL escape "%zz".`},
		{"GET", "/v1/members?a;b", 400, "The query can't be read: invalid semicolon separator in query."},
		{"DELETE", "/v1/chaos?ID=1", 400, `There is no parameter "ID" here: /v1/chaos takes id.`},
		{"DELETE", "/v1/chaos?id=1&id=2", 400, "The parameter id is given more than once."},
		{"DELETE", "/v1/chaos", 200, ""},
	} {
		r := httptest.NewRequest(c.method, "http://10.0.0.1:4133/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.target, "?")
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		var got struct{ Detail string }
		if c.code != 200 {
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Errorf("%s %s: %v: %s", c.method, c.target, err, w.Body)
			}
		}
		if w.Code != c.code || got.Detail != c.detail {
			t.Errorf("%s %s: got %d %q, want %d %q", c.method, c.target, w.Code, got.Detail, c.code, c.detail)
		}
	}
}

func params1(name, value string) *params {
	return &params{values: url.Values{name: {value}}}
}

func TestParams(t *testing.T) {
	none := &params{}
	if none.whole("n", 1, 2, 7) != 7 || none.number("n", 1, 2, 7.5) != 7.5 || none.span("n", 1, 2, 3) != 3 ||
		none.oneOf("n", "a", "b") != "a" || none.text("n", 0) != "" || none.box("n") != world || none.wrong != "" {
		t.Errorf("no default, or a complaint: %q", none.wrong)
	}
	if none.needed("n", -1, 1); none.wrong != "n is needed, a number from -1 to 1." {
		t.Errorf("got %q", none.wrong)
	}
	const degrees = "west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90, south no greater than north"
	for _, c := range []struct {
		read   func(p *params)
		good   []string
		bad    []string
		mustBe string
	}{
		{
			func(p *params) { p.whole("x", -5, 1000, 7) },
			[]string{"-5", "0", "1000", "+3"},
			[]string{"", "-6", "1001", "1.5", "1e2", "0x1", " 1", "99999999999999999999", "٣"},
			"a whole number from -5 to 1000",
		},
		{
			func(p *params) { p.number("x", -90, 90, 7) },
			[]string{"-90", "90.0", "1e1", ".5"},
			[]string{"", "90.0000001", "-91", "NaN", "inf", "-Inf", "1e999", "one", "1,5"},
			"a number from -90 to 90",
		},
		{
			func(p *params) { p.span("x", time.Millisecond, time.Minute, 0) },
			[]string{"1ms", "1m", "1.5s"},
			[]string{"", "0s", "61s", "-1s", "5"},
			"a duration from 1ms to 1m0s",
		},
		{
			func(p *params) { p.oneOf("x", "json", "geojson") },
			[]string{"json", "geojson"},
			[]string{"", "JSON", "xml"},
			"one of json, geojson",
		},
		{
			func(p *params) { p.text("x", 3) },
			[]string{"", "abc", "\xff\x00 "},
			[]string{"abcd", "éé"},
			"no longer than 3 bytes",
		},
		{
			func(p *params) { p.box("x") },
			[]string{"-180,-90,180,90", "170,-10,-170,10", "0,0,0,0", "-1.5,2.25,1e1,3"},
			[]string{"", "1,2,3", "1,2,3,4,5", "-181,0,0,0", "0,-91,0,0", "0,0,180.1,0", "0,0,0,90.1", "0,2,1,1", "NaN,0,0,0", "0,NaN,0,0", "a,b,c,d", "1, 2,3,4"},
			degrees,
		},
	} {
		for _, value := range c.good {
			p := params1("x", value)
			if c.read(p); p.wrong != "" {
				t.Errorf("%q is refused: %s", value, p.wrong)
			}
		}
		for _, value := range c.bad {
			p := params1("x", value)
			c.read(p)
			if want := fmt.Sprintf("x is %q: it must be %s.", value, c.mustBe); p.wrong != want {
				t.Errorf("got %q, want %q", p.wrong, want)
			}
			w := httptest.NewRecorder()
			if !p.bad(w) || w.Code != 400 {
				t.Errorf("%q: got %d", value, w.Code)
			}
		}
	}
	two := &params{values: url.Values{"a": {"x"}, "b": {"y"}}}
	two.whole("a", 1, 2, 1)
	if two.whole("b", 1, 2, 1); !strings.HasPrefix(two.wrong, "a is ") {
		t.Errorf("the first mistake is not the one that is told: %s", two.wrong)
	}
}

// A box holds what lies between its edges, on a globe.
func TestBox(t *testing.T) {
	for _, c := range []struct {
		box      box
		lat, lon float64
		want     bool
	}{
		{world, 90, 180, true},
		{world, -90, -180, true},
		{box{170, -10, -170, 10}, 0, 175, true},
		{box{170, -10, -170, 10}, 0, -175, true},
		{box{170, -10, -170, 10}, 0, 0, false},
		{box{170, -10, -170, 10}, 0, 180, true},
		{box{170, -10, -170, 10}, 0, -180, true},
		{box{170, -10, -170, 10}, 11, 180, false},
		{box{170, -10, 180, 10}, 0, -180, true}, // the same meridian
		{box{-180, -10, -170, 10}, 0, 180, true},
		{box{-180, -10, -170, 10}, 0, 179.9, false},
		{box{10, 10, 10, 10}, 10, 10, true},
		{box{10, 10, 20, 20}, 20, 20.0001, false},
	} {
		if got := c.box.holds(c.lat, c.lon); got != c.want {
			t.Errorf("%v holds %v, %v: %t, want %t", c.box, c.lat, c.lon, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		west, east := rapid.Float64Range(-180, 180).Draw(t, "west"), rapid.Float64Range(-180, 180).Draw(t, "east")
		lon := rapid.Float64Range(-180, 180).Draw(t, "longitude")
		inside := box{west, -90, east, 90}.holds(0, lon)
		outside := box{east, -90, west, 90}.holds(0, lon)
		if !inside && !outside && west != east { // or both are one meridian
			t.Fatalf("%v lies neither between %v and %v nor between %v and %v", lon, west, east, east, west)
		}
		if inside && outside && west != east && lon != west && lon != east && lon != 180 && lon != -180 {
			t.Fatalf("%v lies on both sides", lon)
		}
	})
}

func TestAccepts(t *testing.T) {
	const plain, geo = "application/json", "application/geo+json"
	for header, want := range map[string]string{
		"":                                 plain,
		"*/*":                              plain,
		"text/html":                        plain,
		geo:                                geo,
		"application/*":                    plain,
		geo + ", " + plain:                 plain,
		plain + ";q=0.5, " + geo:           geo,
		geo + ";q=0.5, */*;q=0.8":          plain,
		geo + "; charset=utf-8":            geo,
		"*/*, " + plain + ";q=0":           geo,
		"application/*;q=0.1, " + geo:      geo,
		",;;,=" + geo:                      plain,
		"APPLICATION/GEO+JSON":             geo,
		geo + ";q=nonsense":                geo,
		"application/json;q=0.2,*/*;q=0.9": geo,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Accept", header)
		}
		if got := accepts(r, plain, geo); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}
