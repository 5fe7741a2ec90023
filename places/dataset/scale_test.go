package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"

	"herd/places"
)

// million is a table of a million places: those of the embedded one, again and
// again, each time strewn by some hundred metres to some kilometres.
var million = sync.OnceValue(func() *Table {
	set, err := embedded().Set()
	if err != nil {
		panic(err)
	}
	t := set.table()
	r := rand.New(rand.NewPCG(9, 0))
	for n := len(t.Places); len(t.Places) < 1_000_000; {
		p := t.Places[len(t.Places)%n]
		far := 500 * math.Exp(r.Float64()*math.Log(20))
		p.Lat = int32(min(max(float64(p.Lat)+far*r.NormFloat64(), -maxLat), maxLat))
		p.Lng = int32(min(max(float64(p.Lng)+far*r.NormFloat64(), -maxLng), maxLng))
		p.Number += uint64(len(t.Places)) << 32
		t.Places = append(t.Places, p)
	}
	return t
})

var millionSet = sync.OnceValue(func() *Set {
	set, err := NewSet(million())
	if err != nil {
		panic(err)
	}
	return set
})

// around asks at random places of a set, or some kilometres off: dense where
// people are.
func around(set *Set, n int, radius float64, limit int) []places.Query {
	r := rand.New(rand.NewPCG(8, 0))
	queries := make([]places.Query, n)
	for i := range queries {
		lat, lng := set.degrees(r.Uint32N(uint32(set.Len())))
		queries[i] = places.Query{
			Latitude:  min(max(lat+r.NormFloat64()*0.02, -90), 90),
			Longitude: min(max(lng+r.NormFloat64()*0.02, -180), 180),
			Radius:    radius, Limit: limit,
		}
	}
	return queries
}

// sorted is the index that S2 is used for where one is written with it: the
// cells of all places in order, searched through a covering of the circle. It
// has what is cheap to have: positions as vectors in the same order, and no
// look at a place that can't be good enough; it measures as a set does.
//
// It is searched in two ways: as its pages show it, with a Covering of the circle;
// and in the quickest that was found, with a FastCovering of ever larger circles
// until there are enough.
type sorted struct {
	set *Set
	way way
	ids []s2.CellID
	at  []s2.Point
	row []uint32
}

type way struct {
	cover func(*s2.RegionCoverer, s2.Region) s2.CellUnion
	first float64 // the radius to begin with
}

var (
	plain = way{(*s2.RegionCoverer).Covering, math.Inf(1)}
	quick = way{(*s2.RegionCoverer).FastCovering, 500}
)

func newSorted(set *Set) *sorted {
	x := &sorted{set, plain, make([]s2.CellID, set.Len()), make([]s2.Point, set.Len()), make([]uint32, set.Len())}
	for i := range x.ids {
		x.ids[i] = s2.CellIDFromLatLng(s2.LatLngFromDegrees(set.degrees(uint32(i))))
		x.row[i] = uint32(i)
	}
	sort.Sort(x)
	for i, row := range x.row {
		v := vectorOf(set.degrees(row))
		x.at[i].X, x.at[i].Y, x.at[i].Z = v[0], v[1], v[2]
	}
	return x
}

func (x *sorted) Len() int           { return len(x.ids) }
func (x *sorted) Less(i, j int) bool { return x.ids[i] < x.ids[j] }
func (x *sorted) Swap(i, j int) {
	x.ids[i], x.ids[j] = x.ids[j], x.ids[i]
	x.row[i], x.row[j] = x.row[j], x.row[i]
}

// visit calls f for each place within radius metres, whose chord is reach, until
// f says how little a reach is enough.
func (x *sorted) visit(from s2.Point, radius, reach float64, f func(row uint32, chord float64) float64) {
	coverer := s2.RegionCoverer{MaxLevel: 24, MaxCells: 8}
	circle := s2.CapFromCenterAngle(s2.Point{Vector: from.Normalize()}, s1.Angle((radius+1)/6_371_008.8))
	cover := x.way.cover(&coverer, circle)
	for _, cell := range cover {
		i, _ := slices.BinarySearch(x.ids, cell.RangeMin())
		for last := cell.RangeMax(); i < len(x.ids) && x.ids[i] <= last; i++ {
			if d := x.at[i].Sub(from.Vector).Norm2(); d <= reach*reach {
				reach = f(x.row[i], math.Sqrt(d))
			}
		}
	}
}

// best keeps the best hits of all it is given, in order.
type best struct {
	hits  []hit
	limit int
}

func (b *best) full() bool { return len(b.hits) == b.limit }
func (b *best) last() *hit { return &b.hits[len(b.hits)-1] }

func (h *hit) before(than *hit) bool {
	switch {
	case h.score != than.score:
		return h.score > than.score
	case h.chord != than.chord:
		return h.chord < than.chord
	}
	return h.row < than.row
}

func (b *best) add(h hit) {
	if !b.full() {
		b.hits = append(b.hits, h)
	} else if !h.before(b.last()) {
		return
	}
	i := len(b.hits) - 1
	for ; i > 0 && h.before(&b.hits[i-1]); i-- {
		b.hits[i] = b.hits[i-1]
	}
	b.hits[i] = h
}

func (x *sorted) search(hits []hit, q places.Query, rank Rank) []hit {
	var from s2.Point
	v := vectorOf(q.Latitude, q.Longitude)
	from.X, from.Y, from.Z = v[0], v[1], v[2]
	found, longest, toll := best{hits, q.Limit}, chord(q.Radius), toll(q.Radius)
	if rank == Prominence {
		x.visit(from, q.Radius, longest, func(row uint32, chord float64) float64 {
			weight := float64(x.set.importance[row]) / 8
			if !found.full() || weight >= found.last().score {
				found.add(hit{row: row, score: weight - toll*chord, chord: chord})
			}
			return longest
		})
		return found.hits
	}
	for radius := min(x.way.first, q.Radius); ; radius = min(2*radius, q.Radius) { // until there are enough
		reach := chord(radius)
		found.hits = found.hits[:0]
		x.visit(from, radius, reach, func(row uint32, chord float64) float64 {
			if found.add(hit{row: row, score: -chord, chord: chord}); found.full() {
				reach = found.last().chord
			}
			return reach
		})
		if found.full() || radius == q.Radius {
			return found.hits
		}
	}
}

// BenchmarkMillion is look-ups among a million places, with S2's among the same.
func BenchmarkMillion(b *testing.B) {
	set := millionSet()
	x := newSorted(set)
	for _, rank := range []Rank{Distance, Prominence} {
		for _, radius := range []float64{10_000, 50_000} {
			for _, limit := range []int{5, 20} {
				queries := around(set, 4096, radius, limit)
				for _, q := range queries[:200] {
					if got, want := rows(set.search(nil, q, rank)), rows(x.search(nil, q, rank)); !slices.Equal(got, want) {
						b.Fatalf("search(%+v, %d) =\n%v, S2\n%v", q, rank, got, want)
					}
				}
				b.Run(fmt.Sprintf("%s/%.0fkm/k=%d", rankName(rank), radius/1000, limit), func(b *testing.B) {
					slow, fast := *x, *x
					slow.way, fast.way = plain, quick
					compare(b, queries, rank, set.search, slow.search, fast.search)
				})
			}
		}
	}
}

// compare looks up in turns, so that all ways have the same machine, and reports
// how many times as many the first does in a second as the others.
func compare(b *testing.B, queries []places.Query, rank Rank, ways ...func([]hit, places.Query, Rank) []hit) {
	spent := make([]time.Duration, len(ways))
	n := 0
	for b.Loop() {
		some := queries[n%len(queries):][:64]
		for i, search := range ways {
			var hits [places.MaxLimit]hit
			start := time.Now()
			for _, q := range some {
				search(hits[:0], q, rank)
			}
			spent[i] += time.Since(start)
		}
		n += len(some)
	}
	b.ReportMetric(float64(n)/spent[0].Seconds(), "queries/s")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "x-S2-plain")
	b.ReportMetric(float64(spent[2])/float64(spent[0]), "x-S2-quick")
	b.ReportMetric(0, "ns/op") // of all ways together
}

func rankName(r Rank) string {
	if r == Distance {
		return "distance"
	}
	return "prominence"
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMillionLoad is the way of a million places into memory: from a table,
// and from a packed file.
func BenchmarkMillionLoad(b *testing.B) {
	bench := func(name string, n int, load func() (*Set, error)) {
		b.Run(name, func(b *testing.B) {
			before := heap()
			set, err := load()
			if err != nil {
				b.Fatal(err)
			}
			after := heap()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := load(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(after-before)/float64(n), "heap-B/place")
			b.ReportMetric(float64(set.Bytes())/float64(n), "said-B/place")
			runtime.KeepAlive(set)
		})
	}
	table := million()
	file, err := Encode(table)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("packed: %d bytes", len(file))
	bench("NewSet", len(table.Places), func() (*Set, error) { return NewSet(table) })
	bench("Decode", len(table.Places), func() (*Set, error) { return Decode(file) })
}
