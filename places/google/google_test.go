package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"herd/places"
	"herd/places/google/fakegoogle"
	"herd/places/placestest"
)

const canary = "AIza-canary_key"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ocean has no places in the tests' Google.
var ocean = places.Query{Latitude: -20, Longitude: -140, Radius: 5000, Limit: 5}

func start(t testing.TB, o fakegoogle.Options) *fakegoogle.Server {
	t.Helper()
	o.Key = canary
	o.Places = func(lat, lng, _ float64) int {
		if lat == ocean.Latitude && lng == ocean.Longitude {
			return 0
		}
		return 60
	}
	s, err := fakegoogle.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func provider(t testing.TB, s *fakegoogle.Server, c Config) *Provider {
	t.Helper()
	c.BaseURL, c.RootCAs = s.URL, s.Roots()
	if c.Key == nil {
		c.Key = func() string { return canary }
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.CloseIdle)
	return p
}

func TestConforms(t *testing.T) {
	s := start(t, fakegoogle.Options{TLS: true})
	world := placestest.World{Crowded: campus, Empty: ocean, More: []places.Query{
		{Latitude: 90, Radius: places.MaxRadius},
		{Latitude: -90, Longitude: 180, Radius: places.MaxRadius},
		{Latitude: -18, Longitude: 180, Radius: places.MaxRadius},
		{Latitude: 52, Longitude: -180, Radius: 1},
		{Radius: 1000},
	}}
	for _, c := range []Config{{API: "new"}, {API: "new", Fields: "enterprise", Rank: "distance"}, {API: "legacy"}, {}} {
		if err := placestest.Test(provider(t, s, c), world); err != nil {
			t.Errorf("%+v: %v", c.API, err)
		}
	}
}

func TestConfig(t *testing.T) {
	key := func() string { return canary }
	for _, tt := range []struct {
		config Config
		want   string // is in the error
	}{
		{Config{Key: key}, ""},
		{Config{Key: key, API: "new", Rank: "distance"}, ""},
		{Config{}, "no key"},
		{Config{Key: key, API: "newest"}, "no such API"},
		{Config{Key: key, Fields: "all"}, "no such fields"},
		{Config{Key: key, Rank: "price"}, "no such rank"},
		{Config{Key: key, Rank: "distance"}, ""}, // auto
		{Config{Key: key, API: "legacy", Rank: "distance"}, `no rank "distance"`},
		{Config{Key: key, BaseURL: "http://places.example"}, "base URL"},
	} {
		if _, err := New(tt.config); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
}

// recorder is a server that only looks at what it is asked.
func recorder(t *testing.T, c Config) (p *Provider, got func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan string, 1)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(strings.Builder)
		for _, h := range []string{"Content-Type", "X-Goog-Api-Key", "X-Goog-FieldMask"} {
			fmt.Fprintf(body, "%s: %s\n", h, r.Header.Get(h))
		}
		var raw json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&raw)
		requests <- fmt.Sprintf("%s %s\n%s%s", r.Method, r.URL, body, raw)
		_, _ = w.Write([]byte(`{"results":[],"status":"ZERO_RESULTS"}`))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	c.BaseURL, c.Key = "http://"+l.Addr().String(), func() string { return "TEST_KEY" }
	if p, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.CloseIdle)
	return p, func() string { return <-requests }
}

// TestRequests: what Google is asked, to the byte.
func TestRequests(t *testing.T) {
	const (
		pro = "places.id,places.displayName,places.types,places.location,places.viewport,places.shortFormattedAddress,places.plusCode," +
			"places.businessStatus,places.iconMaskBaseUri,places.iconBackgroundColor,places.photos,places.attributions"
		header = "POST /v1/places:searchNearby\nContent-Type: application/json\nX-Goog-Api-Key: TEST_KEY\nX-Goog-FieldMask: "
		circle = `"locationRestriction":{"circle":{"center":{"latitude":34.06893,"longitude":-118.445127},"radius":10000}}`
		none   = "\nContent-Type: \nX-Goog-Api-Key: \nX-Goog-FieldMask: \n"
	)
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{}, header + pro + "\n" + `{"maxResultCount":5,"rankPreference":"POPULARITY",` + circle + `}`},
		{
			Config{API: "new", Fields: "enterprise", Rank: "distance", Language: "fr"},
			header + pro + ",places.rating,places.userRatingCount,places.priceLevel,places.currentOpeningHours.openNow\n" +
				`{"maxResultCount":5,"rankPreference":"DISTANCE",` + circle + `,"languageCode":"fr"}`,
		},
		{Config{API: "legacy"}, "GET /maps/api/place/nearbysearch/json?key=TEST_KEY&location=34.06893%2C-118.445127&radius=10000" + none},
		{Config{API: "legacy", Language: "zh-TW"}, "GET /maps/api/place/nearbysearch/json?key=TEST_KEY&language=zh-TW&location=34.06893%2C-118.445127&radius=10000" + none},
	} {
		p, got := recorder(t, tt.config)
		q := campus
		q.Limit = 5
		if _, err := p.Near(t.Context(), q); err != nil {
			t.Errorf("%+v: %v", tt.config, err)
		}
		if got := got(); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}

// TestFields: what is not asked for does not come.
func TestFields(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	for fields, want := range map[string]bool{"pro": false, "enterprise": true} {
		a, err := provider(t, s, Config{Fields: fields}).Near(t.Context(), campus)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(written(t, a), `"price_level" : 0`); got != want {
			t.Errorf("%s: price level %t", fields, got)
		}
	}
}

// TestLegacyBytes: outside the results every byte is Google's.
func TestLegacyBytes(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	p := provider(t, s, Config{API: "legacy"})
	whole, err := p.Near(t.Context(), campus)
	if err != nil {
		t.Fatal(err)
	}
	all := mustScan(t, whole.Body)
	if len(all.ends) != 20 || !strings.Contains(string(whole.Body), "next_page_token") {
		t.Fatalf("%d results in %s", len(all.ends), whole.Body)
	}
	for _, n := range []int{1, 5, 19, 20} {
		q := campus
		q.Limit = n
		a, err := p.Near(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want := string(whole.Body[:all.ends[n-1]]) + string(whole.Body[all.ends[19]:])
		if string(a.Body) != want {
			t.Errorf("%d results: got\n%s\nwant\n%s", n, a.Body, want)
		}
	}
}

// step is a question to auto and what becomes of it.
type step struct {
	faults []fakegoogle.Fault
	asked  string // which API
	kind   places.Kind
	again  bool
	reason string // "": an answer
	then   string // which API is next
}

// TestAuto: over to the legacy API and back, with one call a question.
func TestAuto(t *testing.T) {
	none := []fakegoogle.Fault{}
	disabled := []fakegoogle.Fault{fakegoogle.ServiceDisabled()}
	neither := []fakegoogle.Fault{fakegoogle.KeyBlocked(), fakegoogle.LegacyNotEnabled()}
	for name, steps := range map[string][]step{
		"all is well":     {{none, "new", 0, false, "", "new"}, {none, "new", 0, false, "", "new"}},
		"only the legacy": {{disabled, "new", places.Denied, true, "SERVICE_DISABLED", "legacy"}, {disabled, "legacy", 0, false, "", "legacy"}, {none, "legacy", 0, false, "", "legacy"}},
		"neither": {
			{neither, "new", places.Denied, true, "API_KEY_SERVICE_BLOCKED", "legacy"},
			{neither, "legacy", places.Denied, false, "API_KEY_SERVICE_BLOCKED", "new"},
			{neither, "new", places.Denied, true, "API_KEY_SERVICE_BLOCKED", "legacy"},
			{neither, "legacy", places.Denied, false, "API_KEY_SERVICE_BLOCKED", "new"},
			{none, "new", 0, false, "", "new"},
		},
		"other refusals": {
			{[]fakegoogle.Fault{fakegoogle.BillingDisabled()}, "new", places.Denied, false, "BILLING_DISABLED", "new"},
			{[]fakegoogle.Fault{fakegoogle.BadKey()}, "new", places.Denied, false, "API_KEY_INVALID", "new"},
			{[]fakegoogle.Fault{fakegoogle.RateLimited()}, "new", places.Limited, false, "RATE_LIMIT_EXCEEDED", "new"},
		},
		"trouble with the legacy": {
			{disabled, "new", places.Denied, true, "SERVICE_DISABLED", "legacy"},
			{[]fakegoogle.Fault{fakegoogle.LegacyOverQueryLimit()}, "legacy", places.Limited, false, "-", "legacy"},
			{none, "legacy", 0, false, "", "legacy"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, fakegoogle.Options{})
			p := provider(t, s, Config{})
			for i, step := range steps {
				s.SetFault(step.faults...)
				before := map[string]int{"new": s.Calls("new"), "legacy": s.Calls("legacy")}
				_, err := p.Near(t.Context(), campus)
				if step.reason == "" {
					if err != nil {
						t.Errorf("step %d: %v", i, err)
					}
				} else {
					var e *places.Error
					var r *refusal
					if !errors.As(err, &e) || !errors.As(err, &r) {
						t.Fatalf("step %d: %v", i, err)
					}
					if e.Kind != step.kind || e.Again != step.again || step.reason != "-" && r.Reason != step.reason {
						t.Errorf("step %d: %v, again %t", i, err, e.Again)
					}
				}
				before[step.asked]++
				if s.Calls("new") != before["new"] || s.Calls("legacy") != before["legacy"] || p.API() != step.then {
					t.Errorf("step %d: %d and %d calls, then %s", i, s.Calls("new"), s.Calls("legacy"), p.API())
				}
			}
		})
	}
}

// TestExplainBoth: if neither API is to be had, both reasons are told.
func TestExplainBoth(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	s.SetFault(fakegoogle.ServiceDisabled(), fakegoogle.LegacyNotEnabled())
	p := provider(t, s, Config{})
	_, _ = p.Near(t.Context(), campus)
	_, err := p.Near(t.Context(), campus)
	for _, want := range []string{"Places API (New) is not enabled", "The legacy API was asked too", "newer projects can't enable it"} {
		if text := Explain(err); !strings.Contains(text, want) {
			t.Errorf("%v explained as %q, want %q in it", err, text, want)
		}
	}
	if err := discreet(err); err != nil {
		t.Error(err)
	}
}

// TestKeys: the key is asked for each time, and what can't be one is not sent.
func TestKeys(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	key := canary
	p := provider(t, s, Config{API: "new", Key: func() string { return key }})
	for _, tt := range []struct {
		key    string
		reason string
	}{
		{canary, ""}, {"another", "API_KEY_INVALID"}, {"", "-"}, {canary + "\n", oddKey}, {"a b", oddKey}, {"é", oddKey}, {canary, ""},
	} {
		key = tt.key
		_, err := p.Near(t.Context(), campus)
		if tt.reason == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var r *refusal
		if !errors.As(err, &r) || places.KindOf(err) != places.Denied || tt.reason != "-" && r.Reason != tt.reason {
			t.Errorf("key %q: %v, want %s", tt.key, err, tt.reason)
		}
	}
	p, err := New(Config{Key: func() string { return "" }, DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("Google was asked without a key")
		return nil, errors.New("no")
	}})
	if err != nil {
		t.Fatal(err)
	}
	var r *refusal
	if _, err := p.Near(t.Context(), campus); !errors.As(err, &r) || r.Reason != noKey {
		t.Errorf("no key: %v", err)
	}
}

// TestHosts: each API has a host of its own.
func TestHosts(t *testing.T) {
	for api, want := range map[string]string{"new": "places.googleapis.com:443", "legacy": "maps.googleapis.com:443"} {
		var got string
		p, err := New(Config{API: api, Key: func() string { return canary }, DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			got = addr
			return nil, errors.New("no")
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Near(t.Context(), campus); err == nil || got != want {
			t.Errorf("%s: dialled %s, want %s; %v", api, got, want, err)
		}
	}
}
