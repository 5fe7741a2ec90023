package overpass

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"herd/places"
	"herd/places/dataset"
	"herd/places/overpass/fakeoverpass"
	"herd/places/placestest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares with a file that was checked by eye.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = "../../testdata/places/overpass/" + file
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

var campus = places.Query{Latitude: 34.06893, Longitude: -118.445127, Radius: 1000, Limit: 20}

func start(t testing.TB, elements ...fakeoverpass.Element) *fakeoverpass.Server {
	t.Helper()
	s, err := fakeoverpass.Start(elements...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func provider(t testing.TB, s *fakeoverpass.Server, c Config) *Provider {
	t.Helper()
	c.BaseURL = s.URL()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.CloseIdle)
	return p
}

// TestLegacyBody renders a server's reply as a client gets it.
func TestLegacyBody(t *testing.T) {
	body, err := os.ReadFile("../../testdata/places/overpass/ok.json")
	if err != nil {
		t.Fatal(err)
	}
	for file, c := range map[string]Config{
		"ok.prominence.json": {},
		"ok.distance.json":   {Rank: dataset.Distance, MaxRadius: 900},
	} {
		s := start(t)
		s.Say(body)
		chain := places.New(places.Config{Links: places.Links(provider(t, s, c))})
		golden(t, file, string(chain.Near(t.Context(), campus))+"\n")
	}
}

func TestQuery(t *testing.T) {
	var b strings.Builder
	for _, tt := range []struct {
		q     places.Query
		reach float64
		rank  dataset.Rank
	}{
		{campus, 0.2, dataset.Prominence},
		{campus, 600, dataset.Prominence},
		{campus, 10_000, dataset.Prominence},
		{campus, 10_000, dataset.Distance},
		{places.Query{Latitude: -90, Longitude: 180}, 50_000, dataset.Distance},
	} {
		fmt.Fprintf(&b, "// %v m, rank %d\n%s\n", tt.reach, tt.rank, query(tt.q, tt.reach, tt.rank, 4))
	}
	golden(t, "query.golden", b.String())
}

func TestPatience(t *testing.T) {
	for _, tt := range []struct {
		left time.Duration
		want int
	}{
		{-time.Second, 1}, {time.Millisecond, 1}, {4*time.Second + 900*time.Millisecond, 4}, {time.Hour, 25},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), tt.left)
		if got := patience(ctx); got != tt.want {
			t.Errorf("with %s left: %d s, want %d", tt.left, got, tt.want)
		}
		cancel()
	}
	if got := patience(context.Background()); got != 25 {
		t.Errorf("without a deadline: %d s, want 25", got)
	}
}

// cafe is a node so many metres north of the campus.
func cafe(id int64, north float64) fakeoverpass.Element {
	return fakeoverpass.Element{
		Type: "node", ID: id, Lat: campus.Latitude + north/111_195, Lon: campus.Longitude,
		Tags: map[string]string{"amenity": "cafe", "name": fmt.Sprint("Café ", id)},
	}
}

func town(elements ...fakeoverpass.Element) []fakeoverpass.Element {
	for i := range 100 {
		elements = append(elements, cafe(int64(i+1), float64(i)*25))
	}
	return elements
}

func TestSuite(t *testing.T) {
	s := start(t, town()...)
	world := placestest.World{
		Crowded: campus,
		Empty:   places.Query{Latitude: -20, Longitude: -140, Radius: 5000},
		More: []places.Query{
			{Latitude: 90, Radius: 50_000},
			{Latitude: -90, Longitude: 180, Radius: 1},
			{Latitude: campus.Latitude, Longitude: campus.Longitude, Radius: 50_000},
		},
	}
	for _, rank := range []dataset.Rank{dataset.Prominence, dataset.Distance} {
		if err := placestest.Test(provider(t, s, Config{Rank: rank}), world); err != nil {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

func ids(list []places.Place) []string {
	var ids []string
	for _, p := range list {
		ids = append(ids, strings.TrimPrefix(p.ID, "osm:"))
	}
	return ids
}

func TestRank(t *testing.T) {
	far := cafe(200, 4000)
	far.Type, far.Tags = "relation", map[string]string{"tourism": "museum", "name": "Museum", "name:en": "Museum of All", "wikidata": "Q1"}
	plain := cafe(201, 4500)
	plain.Tags = map[string]string{"tourism": "museum", "name": "Nobody's"}
	s := start(t, town(far, plain)...)
	q := campus
	q.Radius, q.Limit = 9000, 3
	for _, tt := range []struct {
		c    Config
		want []string
	}{
		{Config{}, []string{"relation/200", "node/1", "node/2"}},
		{Config{Rank: dataset.Distance}, []string{"node/1", "node/2", "node/3"}},
		{Config{MaxRadius: 3000}, []string{"node/1", "node/2", "node/3"}},
	} {
		a, err := provider(t, s, tt.c).Near(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(a.Places); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %s, want %s", tt.c, got, tt.want)
		}
		if cut := tt.c.MaxRadius != 0; cut != (len(a.Messages) == 1) {
			t.Errorf("%+v: messages %q", tt.c, a.Messages)
		}
	}
	if s.Calls() != 3 {
		t.Errorf("3 questions cost %d calls", s.Calls())
	}

	// In the country the circles grow until there is something.
	q.Latitude -= 9000 / 111_195.0
	q.Radius = 9100
	for _, rank := range []dataset.Rank{dataset.Prominence, dataset.Distance} {
		a, err := provider(t, s, Config{Rank: rank}).Near(t.Context(), q)
		if want := []string{"node/1", "node/2", "node/3"}; err != nil || !slices.Equal(ids(a.Places), want) {
			t.Errorf("in the country, rank %d: %s, %v; want %s", rank, ids(a.Places), err, want)
		}
	}
}

func TestChoose(t *testing.T) {
	at := func(lat, lon float64) *center { return &center{&lat, &lon} }
	lat, lon := campus.Latitude, campus.Longitude
	node := func(id int64, tags ...string) element {
		e := element{Type: "node", ID: id, Lat: &lat, Lon: &lon, Tags: map[string]string{}}
		for _, tag := range tags {
			key, value, _ := strings.Cut(tag, "=")
			e.Tags[key] = value
		}
		return e
	}
	way := func(id int64, at *center, tags ...string) element {
		e := node(id, tags...)
		e.Type, e.Lat, e.Lon, e.Center = "way", nil, nil, at
		return e
	}
	nowhere := node(1, "amenity=cafe", "name=X")
	nowhere.Lat = nil
	tests := []struct {
		name string
		list elements
		want []string
	}{
		{"nameless", elements{node(1, "amenity=cafe"), node(2, "amenity=cafe", "name= ")}, nil},
		{"no place", elements{node(1, "highway=residential", "name=X")}, nil},
		{"no position", elements{nowhere, way(2, nil, "amenity=cafe", "name=X"), way(3, &center{}, "amenity=cafe", "name=X")}, nil},
		{"off the globe", elements{way(1, at(lat+360, lon), "amenity=cafe", "name=X"), way(2, at(91, 0), "amenity=cafe", "name=X")}, nil},
		{"middle outside", elements{way(1, at(lat+0.01, lon), "amenity=cafe", "name=X")}, nil},
		{"area", elements{{Type: "area", ID: 1, Center: at(lat, lon), Tags: map[string]string{"amenity": "cafe", "name": "X"}}}, nil},
		{"endless name", elements{node(1, "amenity=cafe", "name="+strings.Repeat("x", longest+1))}, nil},
		{"twice", elements{node(1, "amenity=cafe", "name=X"), node(1, "amenity=cafe", "name=X")}, []string{"node/1"}},
		{"two names for one", elements{node(1, "amenity=cafe", "name=X"), node(1, "amenity=cafe", "name=Y")}, []string{"node/1"}},
		{"drawn twice", elements{node(1, "amenity=cafe", "name=X"), way(1, at(lat+0.0005, lon), "amenity=cafe", "name=X")}, []string{"node/1"}},
		{"a chain", elements{node(1, "amenity=cafe", "name=X"), way(1, at(lat+0.002, lon), "amenity=cafe", "name=X")}, []string{"node/1", "way/1"}},
		{"of the same name", elements{node(1, "amenity=cafe", "name=X"), node(2, "amenity=bank", "name=X")}, []string{"node/1", "node/2"}},
		{"fame", elements{
			node(1, "amenity=cafe", "name=A"), node(2, "amenity=cafe", "name=B", "wikipedia=en:B"),
			node(3, "amenity=cafe", "name=C", "wikidata=Q3", "name:de=C", "name:fr=C"), node(4, "amenity=cafe", "name=D", "name:de=D"),
		}, []string{"node/3", "node/2", "node/1", "node/4"}},
		{"rim", elements{node(1, "amenity=cafe", "name=A"), way(2, at(lat+0.008, lon), "amenity=school", "name=B"), way(3, at(lat+0.008, lon), "tourism=museum", "name=C")}, []string{"way/3", "node/1", "way/2"}},
		{"weight", elements{node(1, "amenity=bench", "name=A"), node(2, "amenity=university", "name=B"), node(3, "shop=shoes", "name=C")}, []string{"node/2", "node/3", "node/1"}},
	}
	p := &Provider{}
	for _, tt := range tests {
		if got := ids(p.choose(campus, 1000, tt.list)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}

	english := &Provider{language: "en"}
	list := elements{node(1, "amenity=cafe", "name=Москва", "name:en=Moscow"), node(2, "amenity=bank", "name=Банк")}
	if got := english.choose(campus, 1000, list); got[0].Name != "Moscow" || got[1].Name != "Банк" {
		t.Errorf("in English: %+v", got)
	}
}

func TestVicinity(t *testing.T) {
	for tags, want := range map[string]string{
		"": "",
		"addr:housenumber=308 addr:street=Example_Plaza addr:city=Los_Angeles": "308 Example_Plaza, Los_Angeles",
		"addr:street=Rue addr:village=Y":                                       "Rue, Y",
		"addr:housenumber=1 addr:place=Alm":                                    "1 Alm",
		"addr:housenumber=1 addr:city=Paris":                                   "Paris",
		"addr:full=All_of_it":                                                  "All_of_it",
	} {
		m := make(map[string]string)
		for tag := range strings.FieldsSeq(tags) {
			key, value, _ := strings.Cut(tag, "=")
			m[key] = value
		}
		if got := vicinity(m); got != want {
			t.Errorf("vicinity(%s) = %q, want %q", tags, got, want)
		}
	}
}

func TestViewport(t *testing.T) {
	for _, tt := range []struct{ at, northeast, southwest places.Point }{
		{places.Point{}, places.Point{Lat: 0.00135, Lng: 0.00135}, places.Point{Lat: -0.00135, Lng: -0.00135}},
		{places.Point{Lat: 60, Lng: 180}, places.Point{Lat: 60.00135, Lng: -179.9973}, places.Point{Lat: 59.99865, Lng: 179.9973}},
		{places.Point{Lng: -180}, places.Point{Lat: 0.00135, Lng: -179.99865}, places.Point{Lat: -0.00135, Lng: 179.99865}},
		{places.Point{Lat: 90, Lng: 5}, places.Point{Lat: 90, Lng: 180}, places.Point{Lat: 89.99865, Lng: -180}},
	} {
		want := places.Viewport{Northeast: tt.northeast, Southwest: tt.southwest}
		if got := viewport(tt.at); got != want {
			t.Errorf("viewport(%v) = %v, want %v", tt.at, got, want)
		}
	}
}

// TestFaults sees that no fault looks like an answer, and what each is taken for.
func TestFaults(t *testing.T) {
	s := start(t, town()...)
	p := provider(t, s, Config{})
	for _, tt := range []struct {
		fault fakeoverpass.Fault
		kind  places.Kind
		after time.Duration
		text  string
	}{
		{fakeoverpass.Limited, places.Limited, fakeoverpass.RetryAfter, "rate_limited"},
		{fakeoverpass.Busy, places.Limited, 0, "too busy"},
		{fakeoverpass.Slow, places.TimedOut, 0, "timed out"},
		{fakeoverpass.Memory, places.Unavailable, 0, "out of memory"},
		{fakeoverpass.Page, places.Unavailable, 0, "no JSON: Error : runtime error: open64"},
		{fakeoverpass.Cut, places.Unavailable, 0, "no JSON"},
		{fakeoverpass.Stranger, places.Unavailable, 0, "no elements"},
	} {
		s.Fail(tt.fault)
		before := s.Calls()
		a, err := p.Near(t.Context(), campus)
		var known *places.Error
		if !errors.As(err, &known) || !reflect.DeepEqual(a, places.Answer{}) {
			t.Errorf("%s: %+v, %v", tt.fault, a, err)
			continue
		}
		if known.Kind != tt.kind || known.RetryAfter != tt.after || known.Again || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %+v; want %s, retry after %s, %q", tt.fault, known, tt.kind, tt.after, tt.text)
		}
		if n := s.Calls() - before; n != 1 {
			t.Errorf("%s: %d calls", tt.fault, n)
		}
	}

	s.Fail(fakeoverpass.Hung)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	before := s.Calls()
	go func() {
		_, err := p.Near(ctx, campus)
		done <- err
	}()
	if err := s.Await(t.Context(), before+1); err != nil {
		t.Error(err)
	}
	cancel() // it hangs there
	if err := <-done; places.KindOf(err) != places.Canceled {
		t.Errorf("hung and given up: %v", err)
	}

	s.Fail(fakeoverpass.None)
	if a, err := p.Near(t.Context(), campus); err != nil || len(a.Places) != 20 {
		t.Errorf("well again: %d places, %v", len(a.Places), err)
	}
}

func TestRefusedQuery(t *testing.T) {
	s := start(t)
	p := provider(t, s, Config{UserAgent: "Go-http-client/2.0"})
	if _, err := p.Near(t.Context(), campus); places.KindOf(err) != places.Unavailable || !strings.Contains(err.Error(), "406") {
		t.Errorf("without a name of its own: %v", err)
	}
	p = provider(t, s, Config{})
	q := campus
	q.Radius = -1 // that the server takes for wrong
	if _, err := p.Near(t.Context(), q); places.KindOf(err) != places.Invalid || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("a wrong query: %v", err)
	}
}

func TestNew(t *testing.T) {
	for _, c := range []Config{{MaxRadius: -1}, {MaxRadius: 50_001}, {BaseURL: "http://example.com/"}, {BaseURL: "x"}} {
		if p, err := New(c); err == nil {
			t.Errorf("New(%+v) = %+v, want an error", c, p)
		}
	}
	if _, err := New(Config{}); err != nil {
		t.Errorf("New with the defaults: %v", err)
	}
}

// TestAnswers compares with a search of all there is.
func TestAnswers(t *testing.T) {
	tags := rapid.SampledFrom([]string{"amenity=cafe", "amenity=bench", "tourism=museum", "highway=residential", "place=town", "shop=x"})
	element := rapid.Custom(func(t *rapid.T) fakeoverpass.Element {
		e := fakeoverpass.Element{
			Type: rapid.SampledFrom([]string{"node", "way", "relation"}).Draw(t, "type"),
			ID:   rapid.Int64Range(1, 1000).Draw(t, "id"),
			Lat:  campus.Latitude + rapid.Float64Range(-0.1, 0.1).Draw(t, "north"),
			Lon:  campus.Longitude + rapid.Float64Range(-0.1, 0.1).Draw(t, "east"),
			Tags: map[string]string{"name": rapid.SampledFrom([]string{"A", "B", "C", "", " "}).Draw(t, "name")},
		}
		key, value, _ := strings.Cut(tags.Draw(t, "tag"), "=")
		e.Tags[key] = value
		if rapid.Bool().Draw(t, "noted") {
			e.Tags["wikidata"] = "Q1"
		}
		return e
	})
	s := start(t)
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfNDistinct(element, 0, 50, func(e fakeoverpass.Element) string { return fmt.Sprint(e.Type, e.ID) }).Draw(rt, "elements")
		q := campus
		q.Radius = rapid.Float64Range(0.1, 20_000).Draw(rt, "radius")
		q.Limit = rapid.IntRange(1, places.MaxLimit).Draw(rt, "limit")
		c := Config{Rank: rapid.SampledFrom([]dataset.Rank{dataset.Prominence, dataset.Distance}).Draw(rt, "rank"), MaxRadius: 15_000}

		s.Know(list...)
		c.BaseURL = s.URL()
		p, err := New(c)
		if err != nil {
			rt.Fatal(err)
		}
		defer p.CloseIdle()
		a, err := p.Near(context.Background(), q)
		if err != nil {
			rt.Fatal(err)
		}
		checkAnswer(rt, q, a)

		// As few as there are, the server keeps nothing back.
		var every elements
		for _, e := range list {
			every = append(every, drawn(e))
		}
		if want := p.choose(q, min(q.Radius, c.MaxRadius), every); !reflect.DeepEqual(a.Places, want) {
			rt.Errorf("got %s, want %s", ids(a.Places), ids(want))
		}
		last := -1.0
		for _, place := range a.Places {
			d := q.Distance(place.Location.Lat, place.Location.Lng)
			if c.Rank == dataset.Distance && d < last {
				rt.Errorf("%s at %.0f m comes after one at %.0f m", place.ID, d, last)
			}
			last = d
		}
	})
}

func drawn(e fakeoverpass.Element) element {
	if e.Type == "node" {
		return element{Type: e.Type, ID: e.ID, Lat: &e.Lat, Lon: &e.Lon, Tags: e.Tags}
	}
	return element{Type: e.Type, ID: e.ID, Center: &center{&e.Lat, &e.Lon}, Tags: e.Tags}
}

// checkAnswer sees what holds for every answer.
func checkAnswer(t interface{ Errorf(string, ...any) }, q places.Query, a places.Answer) {
	if len(a.Places) > q.Limit || (len(a.Places) > 0) != (len(a.Attributions) == 1) {
		t.Errorf("%d places, attributions %q", len(a.Places), a.Attributions)
	}
	seen := make(map[string]bool)
	for _, p := range a.Places {
		if d := q.Distance(p.Location.Lat, p.Location.Lng); d > q.Radius || seen[p.ID] || strings.TrimSpace(p.Name) == "" || len(p.Types) == 0 {
			t.Errorf("%.0f m away: %+v", d, p)
		}
		seen[p.ID] = true
	}
}

func TestTooManyElements(t *testing.T) {
	body := `{"elements":[` + strings.Repeat(`{},`, maxNear+maxRels+2*maxKind) + `{}]}`
	if _, err := parse([]byte(body)); !errors.Is(err, errTooMany) {
		t.Errorf("parse = %v, want %v", err, errTooMany)
	}
}

func FuzzParse(f *testing.F) {
	body, err := os.ReadFile("../../testdata/places/overpass/ok.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	for _, s := range []string{
		`{"elements":[]}`, `{"elements":null}`, `{"elements":{}}`, `{}`, `[]`, ``, `{"elements":[],"remark":"runtime error: x"}`,
		`{"elements":[{"type":"way","id":-1,"center":{"lat":34.06893,"lon":-118.445127},"tags":{"shop":"x","name":"\ud800"}}]}`,
	} {
		f.Add([]byte(s))
	}
	p := &Provider{}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := parse(body)
		if err != nil {
			var known *places.Error
			if !errors.As(err, &known) || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("parse(%q) = %v", body, err)
			}
			return
		}
		a := places.Answer{Places: p.choose(campus, campus.Radius, list)}
		if len(a.Places) > 0 {
			a.Attributions = []string{attribution}
		}
		checkAnswer(t, campus, a)
	})
}
