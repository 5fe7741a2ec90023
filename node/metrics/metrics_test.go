package metrics

import (
	"context"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"herd/gossip"
	"herd/node/protocol"
	"herd/places"
)

// scrape is what Prometheus reads of s.
func scrape(t *testing.T, s Stats) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(func() Stats { return s }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// ours is the series of a scrape that are a node's own, and their values.
func ours(text string) map[string]string {
	series := make(map[string]string)
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, "herd_") {
			series[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return series
}

// fresh is what a node with one places provider has counted before anything happened.
func fresh() Stats {
	return Stats{
		Version: "1.2.3", Members: []Member{{Name: "Clark"}}, HTTP: []Requests{{Route: "GET /v1/self"}, {Route: "other"}},
		Places: places.New(places.Config{Links: places.Links(nowhere{})}).Stats(),
	}
}

// nowhere is a provider that knows no place.
type nowhere struct{}

func (nowhere) Name() string { return "nowhere" }
func (nowhere) Prompt()      {}
func (nowhere) Near(context.Context, places.Query) (places.Answer, error) {
	return places.Answer{}, nil
}

// Names, units and help are as Prometheus wants them.
func TestLint(t *testing.T) {
	text := scrape(t, fresh())
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "herd_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Before anything has happened every series is there, at 0.
func TestAllAtZero(t *testing.T) {
	text := scrape(t, fresh())
	got := ours(text)
	for name, value := range got {
		if value != "0" && !strings.HasPrefix(name, "herd_build_info") {
			t.Errorf("%s is %s", name, value)
		}
	}
	for _, m := range all() {
		name, _, _ := strings.Cut(strings.TrimPrefix(m.desc.String(), `Desc{fqName: "`), `"`)
		found := false
		for series := range got {
			found = found || series == name || strings.HasPrefix(series, name+"{") || strings.HasPrefix(series, name+"_bucket{")
		}
		if !found {
			t.Errorf("%s has no series:\n%s", name, text)
		}
	}
	for _, name := range []string{
		`herd_build_info{go="`, `herd_ready`, `herd_members{state="suspect"}`, `herd_places_results_total{provider="nowhere",result="timed_out"}`,
		`herd_gossip_streams_refused_total{reason="wrong_key"}`, "go_goroutines", "process_start_time_seconds",
	} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("no %s:\n%s", name, text)
		}
	}
}

// The same series are there after traffic: nothing appears on the first event.
func TestNothingAppears(t *testing.T) {
	busy := fresh()
	fill(reflect.ValueOf(&busy).Elem(), new(uint64))
	before, after := ours(scrape(t, fresh())), ours(scrape(t, busy))
	for name := range after {
		if _, ok := before[name]; !ok && !strings.HasPrefix(name, "herd_build_info") {
			t.Errorf("%s was not there from the start", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d series, %d before", len(after), len(before))
	}
}

// Each number is shown once, and none is left out: every field of Stats has a
// value of its own, and all of them come out.
func TestEachNumberOnce(t *testing.T) {
	busy := fresh()
	var last uint64 = 1000
	fill(reflect.ValueOf(&busy).Elem(), &last)
	seen, sorted := make(map[string]string), make(map[string]bool)
	for name, value := range ours(scrape(t, busy)) {
		if strings.HasPrefix(name, "herd_propagation_seconds") || strings.HasPrefix(name, "herd_near_seconds") || strings.HasPrefix(name, "herd_ack_wait_seconds") {
			continue // its series add numbers up: see TestPropagation
		}
		if strings.HasPrefix(name, "herd_updates_total") || strings.HasPrefix(name, "herd_commands_total") {
			sorted[value] = true // they sort what others count: see TestSorted
			continue
		}
		if other, ok := seen[value]; ok && value != "1" {
			t.Errorf("%s and %s show the same number, %s", name, other, value)
		}
		seen[value] = name
	}
	none := busy.Server.Invalid[protocol.None] // no reason
	for n := uint64(1001); n <= last; n++ {
		if n == none {
			continue
		}
		if number := strconv.FormatUint(n, 10); seen[number] == "" && !sorted[number] {
			t.Errorf("number %d of %d is not shown", n-1000, last-1000)
		}
	}
}

// Every fix that came and every line is in one place of the two families that sort them.
func TestSorted(t *testing.T) {
	s := fresh()
	s.Gossip.Replica.Accepted, s.Gossip.Replica.Stale, s.Gossip.Replica.Repeated, s.Gossip.Replica.Refused = 105, 30, 20, 5
	s.Gossip.Replica.Applied, s.Gossip.Replica.Redundant, s.Gossip.Replica.Duplicate, s.Gossip.Replica.Incredible = 50, 9, 4, 2
	s.Server.IAmAt, s.Server.WhatsAt = 100, 7
	for r := range s.Server.Invalid {
		s.Server.Invalid[r] = 1 << r
	}
	got := ours(scrape(t, s))
	for series, want := range map[string]string{
		`herd_updates_total{result="applied",source="client"}`: "70", `herd_updates_total{result="stale",source="client"}`: "10",
		`herd_updates_total{result="refused",source="client"}`: "5", `herd_updates_total{result="duplicate",source="client"}`: "20", `herd_updates_total{result="invalid",source="client"}`: "48",
		`herd_updates_total{result="applied",source="node"}`: "50", `herd_updates_total{result="stale",source="node"}`: "5",
		`herd_updates_total{result="duplicate",source="node"}`: "4", `herd_updates_total{result="invalid",source="node"}`: "2",
		`herd_commands_total{result="answered",verb="IAMAT"}`: "100", `herd_commands_total{result="refused",verb="IAMAT"}`: "48",
		`herd_commands_total{result="answered",verb="WHATSAT"}`: "7", `herd_commands_total{result="refused",verb="WHATSAT"}`: "448",
		`herd_commands_total{result="refused",verb="other"}`: "526",
	} {
		if got[series] != want {
			t.Errorf("%s is %q, want %s", series, got[series], want)
		}
	}
}

// A histogram has all its buckets from the start, and each counts those before it.
func TestPropagation(t *testing.T) {
	s := fresh()
	before := ours(scrape(t, s))
	s.Gossip.Propagation.Counts[0], s.Gossip.Propagation.Counts[7] = 3, 4 // to 25 µs, to 300 µs
	s.Gossip.Propagation.Counts[len(gossip.SpreadBounds())] = 5
	s.Gossip.Propagation.Sum = 90 * time.Second
	after := ours(scrape(t, s))
	for series, want := range map[string]string{
		`herd_propagation_seconds_bucket{le="2.5e-05"}`: "3",
		`herd_propagation_seconds_bucket{le="0.00025"}`: "3",
		`herd_propagation_seconds_bucket{le="0.0003"}`:  "7",
		`herd_propagation_seconds_bucket{le="5"}`:       "7",
		`herd_propagation_seconds_bucket{le="+Inf"}`:    "12",
		`herd_propagation_seconds_count`:                "12",
		`herd_propagation_seconds_sum`:                  "90",
	} {
		if before[series] != "0" || after[series] != want {
			t.Errorf("%s is %q, then %q, want 0, then %s", series, before[series], after[series], want)
		}
	}
}

// fill gives every number in v the next value, maps' values too.
func fill(v reflect.Value, last *uint64) {
	next := func() uint64 { *last++; return *last }
	if v.Type() == reflect.TypeFor[gossip.Spread]() {
		return // no number of it is shown as it is
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), last)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), last)
		}
	case reflect.Map:
		if v.Len() == 0 && v.Type() == reflect.TypeFor[map[string]int]() {
			v.Set(reflect.ValueOf(map[string]int{"alive": 0, "suspect": 0, "failed": 0, "left": 0}))
		}
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			fill(value, last)
			v.SetMapIndex(key, value)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(next())
	case reflect.Int, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			v.SetInt(int64(next()) * int64(time.Second))
		} else {
			v.SetInt(int64(next()))
		}
	}
}
