package dataset

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"herd/places"
	"herd/places/placestest"
)

var (
	campus = places.Query{Latitude: 34.068930, Longitude: -118.445127, Radius: 10_000, Limit: 5}
	ocean  = places.Query{Latitude: -20, Longitude: -140, Radius: places.MaxRadius, Limit: 5}
)

// embedded is one provider for all tests, as a program has one for all nodes.
var embedded = sync.OnceValue(func() *Provider { return Embedded(Prominence) })

// byDistance is the same table, which is loaded once.
func byDistance() *Provider {
	p := &Provider{name: "embedded", rank: Distance, set: embedded().set}
	_, err := p.set()
	p.done.Store(err == nil)
	return p
}

// Nobody has to wait for a table once it is unpacked, or known to be none.
func TestLoaded(t *testing.T) {
	for _, file := range [][]byte{embeddedFile, []byte("no table")} {
		p := newProvider("embedded", file, Prominence)
		if p.Loaded() {
			t.Error("loaded before it was asked for")
		}
		p.Load(t.Context())
		if !p.Loaded() {
			t.Error("not loaded afterwards")
		}
	}
}

func TestEmbeddedConforms(t *testing.T) {
	world := placestest.World{
		Crowded: campus,
		Empty:   ocean,
		More: []places.Query{
			{Latitude: -90, Radius: places.MaxRadius}, // the south pole has an airport
			{Latitude: 90, Longitude: 180, Radius: places.MaxRadius},
			{Latitude: -18.1, Longitude: 180, Radius: places.MaxRadius},
			{Latitude: -16.69, Longitude: -179.99, Radius: places.MaxRadius},
			{Latitude: 48.8566, Longitude: 2.3522, Radius: places.MaxRadius},
			{Latitude: 48.8566, Longitude: 2.3522, Radius: 1},
		},
	}
	for _, p := range []*Provider{embedded(), byDistance()} {
		if err := placestest.Test(p, world); err != nil {
			t.Errorf("rank %d: %v", p.rank, err)
		}
	}
}

// TestEmbeddedTable holds the committed file to what it is meant to be.
func TestEmbeddedTable(t *testing.T) {
	if len(embeddedFile) > 3<<20 {
		t.Errorf("%d bytes, more than 3 MiB", len(embeddedFile))
	}
	set, err := embedded().Set()
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 199_524+5_209 {
		t.Errorf("%d places", set.Len())
	}
	var names []string
	for _, s := range set.Sources() {
		names = append(names, s.Name)
		if s.URL == "" || s.License == "" || s.Attribution == "" || len(s.Date) != len("2023-03-05") {
			t.Errorf("source %+v says too little", s)
		}
	}
	if !slices.Equal(names, []string{"geonames", "ourairports"}) {
		t.Errorf("sources %q", names)
	}
	for i := range uint32(set.Len()) {
		if set.areas.at(set.area[i]) == "" {
			t.Errorf("%s is in no area", set.name(i))
		}
	}
}

// TestAttribution: sources that an answer draws from are named, others not.
func TestAttribution(t *testing.T) {
	set := mustDecode(t, &Table{
		Sources: small().Sources, Kinds: small().Kinds, Areas: []string{"Texas", "Nowhere"},
		Places: []Place{
			{Lat: 0, Name: "Town", Kind: 0},
			{Lat: 1_000, Name: "Field", Kind: 2, Area: 1, Number: 7},
			{Lat: 5_000_000, Name: "Ice", Kind: 2, Area: 1},
		},
	})
	for _, tt := range []struct {
		lat      float64
		vicinity string
		want     []string
	}{
		{0, "Texas", []string{set.sources[0].Attribution}},
		{0.01, "Town, Texas", []string{set.sources[0].Attribution, set.sources[1].Attribution}}, // the town says where
		{50, "Nowhere", []string{set.sources[1].Attribution}},
		{10, "", nil},
	} {
		a := set.answer(set.search(nil, places.Query{Latitude: tt.lat, Radius: 100, Limit: 1}, Distance))
		if !slices.Equal(a.Attributions, tt.want) {
			t.Errorf("at %v: attributions %q, want %q", tt.lat, a.Attributions, tt.want)
		}
		if len(a.Places) > 0 && a.Places[0].Vicinity != tt.vicinity {
			t.Errorf("at %v: vicinity %q, want %q", tt.lat, a.Places[0].Vicinity, tt.vicinity)
		}
	}
	a := set.answer(set.search(nil, places.Query{Latitude: 0.01, Radius: 100, Limit: 1}, Distance))
	if p := a.Places[0]; p.ID != "fields:7" || p.Scope != "FIELDS" || !reflect.DeepEqual(p.Types, []string{"airport"}) {
		t.Errorf("got %+v", p)
	}
}

// TestVicinity: what a file of someone's own may know of where its places are.
func TestVicinity(t *testing.T) {
	table := &Table{
		Sources: []Source{{Name: "campus"}},
		Kinds: []Kind{
			{Types: []string{"restaurant", "food"}},
			{Types: []string{"locality", "political"}},
			{Types: []string{"neighborhood", "political"}},
			{Types: []string{"airport"}, ByTown: true},
		},
		Areas: []string{"", "Texas", "1 Main Street\nMarfa"},
	}
	add := func(lng int32, name string, kind, area int) {
		table.Places = append(table.Places, Place{Lng: lng, Name: name, Kind: kind, Area: area, ID: name})
	}
	add(0, "Marfa", 1, 1)
	add(1_000, "diner", 0, 0)
	add(2_000, "cantina", 0, 2)
	add(3_000, "field", 3, 1)
	add(4_000, "quarter", 2, 0)
	add(5_000_000, "Nameless", 1, 0)
	add(5_001_000, "inn", 0, 0)
	add(9_000_000, "outpost", 0, 0) // no town within 100 km
	add(10_000_000, "strip", 3, 1)
	for range 5000 { // that none of them is a town must not cost anything
		add(9_000_100, "hut", 0, 0)
	}
	set, err := NewSet(table)
	if err != nil {
		t.Fatal(err)
	}
	for lng, want := range map[float64]string{
		0: "Texas", 0.01: "Marfa, Texas", 0.02: "1 Main Street\nMarfa", 0.03: "Marfa, Texas", 0.04: "",
		50: "", 50.01: "Nameless", 90: "", 100: "Texas",
	} {
		a := set.Near(places.Query{Longitude: lng, Radius: 10, Limit: 1}, Distance)
		if len(a.Places) != 1 || a.Places[0].Vicinity != want || a.Places[0].ID != "campus:"+a.Places[0].Name {
			t.Errorf("at %v: %+v, want vicinity %q", lng, a.Places, want)
		}
	}
}

// TestStats counts by kind and source.
func TestStats(t *testing.T) {
	set := mustDecode(t, small())
	stats := set.Stats()
	var kinds, sources []int
	for _, k := range stats.Kinds {
		kinds = append(kinds, k.Places)
	}
	for _, s := range stats.Sources {
		sources = append(sources, s.Places)
	}
	if stats.Places != 8 || !slices.Equal(kinds, []int{2, 1, 2, 3}) || !slices.Equal(sources, []int{3, 5}) {
		t.Errorf("got %+v", stats)
	}
	if stats.Kinds[2].Source != "fields" || stats.Sources[1].License != "public domain" {
		t.Errorf("got %+v", stats)
	}
	if n := set.Bytes(); n < 200 || n > 2000 {
		t.Errorf("%d bytes", n)
	}
}

// TestBrokenTable: a file that is no table fails when loaded and when asked.
func TestBrokenTable(t *testing.T) {
	p := newProvider("campus", []byte("junk"), Prominence)
	if err := p.Load(t.Context()); err == nil {
		t.Error("Load: no error")
	}
	body := places.New(places.Config{Links: places.Links(p)}).Near(t.Context(), campus)
	var reply struct{ Status string }
	if err := json.Unmarshal(body, &reply); err != nil || reply.Status != "UNKNOWN_ERROR" {
		t.Errorf("got %s, %v; want UNKNOWN_ERROR", body, err)
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	before := heap()
	set, err := Decode(embeddedFile)
	if err != nil {
		b.Fatal(err)
	}
	after := heap()
	for b.Loop() {
		if _, err := Decode(embeddedFile); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(after-before)/float64(set.Len()), "heap-B/place")
	b.ReportMetric(float64(set.Bytes())/float64(set.Len()), "said-B/place")
}

// BenchmarkNear asks around random places of the table, which are dense where
// people are, and around campus.
func BenchmarkNear(b *testing.B) {
	set, err := embedded().Set()
	if err != nil {
		b.Fatal(err)
	}
	chain := places.New(places.Config{Links: places.Links(embedded())})
	r := rand.New(rand.NewPCG(8, 0))
	queries := make([]places.Query, 1024)
	for i := range queries {
		lat, lng := set.degrees(r.Uint32N(uint32(set.Len())))
		queries[i] = places.Query{Latitude: lat + r.NormFloat64()*0.02, Longitude: lng + r.NormFloat64()*0.02}
	}
	for _, bm := range []struct {
		name   string
		limit  int
		radius float64
	}{{"k5-10km", 5, 10_000}, {"k20-10km", 20, 10_000}, {"k20-50km", 20, 50_000}} {
		bench := func(name string, ask func(places.Query)) {
			b.Run(name+"/"+bm.name, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q := queries[i%len(queries)]
					q.Radius, q.Limit = bm.radius, bm.limit
					ask(q)
				}
			})
		}
		bench("distance", func(q places.Query) { set.search(nil, q, Distance) })
		bench("prominence", func(q places.Query) { set.search(nil, q, Prominence) })
		bench("reply", func(q places.Query) { chain.Near(context.Background(), q) })
	}
	b.Run("reply/campus", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			chain.Near(context.Background(), campus)
		}
	})
}
