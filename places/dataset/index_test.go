package dataset

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"herd/places"
)

// everywhere asks for all places: beyond what a chain lets through.
func everywhere(lat, lng float64) places.Query {
	return places.Query{Latitude: lat, Longitude: lng, Radius: 30_000_000, Limit: places.MaxLimit}
}

// byHand searches without an index.
type byHand struct {
	*Set
	at []vector
}

func (s *Set) byHand() *byHand {
	h := &byHand{Set: s}
	for i := range uint32(s.Len()) {
		h.at = append(h.at, vectorOf(s.degrees(i)))
	}
	return h
}

func (s *byHand) search(q places.Query, rank Rank) []hit {
	var hits []hit
	from, longest, toll := vectorOf(q.Latitude, q.Longitude), chord(q.Radius), toll(q.Radius)
	for i, v := range s.at {
		d := v.chord(from)
		if !(d <= longest) {
			continue
		}
		h := hit{row: uint32(i), score: -d, chord: d}
		if rank == Prominence {
			h.score = float64(s.importance[i])/8 - toll*d
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(g, h hit) int {
		return cmp.Or(cmp.Compare(h.score, g.score), cmp.Compare(g.chord, h.chord), cmp.Compare(g.row, h.row))
	})
	return hits[:min(len(hits), q.Limit)]
}

func rows(hits []hit) []uint32 {
	var rows []uint32
	for _, h := range hits {
		rows = append(rows, h.row)
	}
	return rows
}

// crowd is n places on a few square metres, or decimetres near a pole: most are
// at the same distance from one as another, or nearly.
func crowd(seed uint64, n int) *Table {
	r := rand.New(rand.NewPCG(seed, 0))
	t := random(seed, n)
	for i := range t.Places {
		p := &t.Places[i]
		p.Lat, p.Lng = r.Int32N(30), maxLng-r.Int32N(30)
		if i%2 == 0 {
			p.Lat = maxLat - r.Int32N(30)
		}
		p.Importance = uint8(r.UintN(4))
	}
	return t
}

// TestSearchIsExact compares with a search by hand: 10,000 questions and more,
// most of them where places are, many across the 180th meridian and the poles,
// with radii from metres to all around the earth.
func TestSearchIsExact(t *testing.T) {
	world, err := embedded().Set()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		set     *Set
		asked   int
		atLeast int // places found
	}{
		{"random", mustDecode(t, random(5, 300)), 10_000, 40_000},
		{"crowd", mustDecode(t, crowd(10, 300)), 1000, 6000},
		{"embedded", world, 25, 100},
	} {
		set, hand := tt.set, tt.set.byHand()
		r := rand.New(rand.NewPCG(6, 0))
		found := 0
		for range tt.asked {
			q := places.Query{
				Latitude: r.Float64()*180 - 90, Longitude: r.Float64()*360 - 180,
				Radius: math.Exp(r.Float64() * math.Log(2.1e7)), Limit: 1 + r.IntN(places.MaxLimit),
			}
			switch r.IntN(5) {
			case 0: // at a place
				q.Latitude, q.Longitude = set.degrees(r.Uint32N(uint32(set.Len())))
			case 1: // near a place
				lat, lng := set.degrees(r.Uint32N(uint32(set.Len())))
				q.Latitude = min(max(lat+r.NormFloat64()*0.1, -90), 90)
				q.Longitude = math.Mod(lng+r.NormFloat64()*0.1+540, 360) - 180
			case 2: // on a seam, at a pole, at zero
				q.Longitude = 180 * float64(r.IntN(3)-1)
				if r.IntN(2) == 0 {
					q.Latitude = 90 * float64(r.IntN(3)-1)
				}
			}
			if r.IntN(4) == 0 { // with a place at the rim, or a hair beyond
				lat, lng := set.degrees(r.Uint32N(uint32(set.Len())))
				if d := q.Distance(lat, lng); d > 0.01 {
					q.Radius = d + 1e-4*(r.Float64()-0.5)
				}
			}
			for _, rank := range []Rank{Prominence, Distance} {
				got, want := rows(set.search(nil, q, rank)), rows(hand.search(q, rank))
				if !slices.Equal(got, want) {
					t.Fatalf("%s: search(%+v, %d) =\n%v, want\n%v", tt.name, q, rank, got, want)
				}
				found += len(got)
			}
		}
		if found < tt.atLeast {
			t.Errorf("%s: only %d places found in all: the questions prove little", tt.name, found)
		}
	}
}

// TestDistances: places come in the order of their distances on the earth, and
// none within the radius is missing.
func TestDistances(t *testing.T) {
	set := mustDecode(t, random(11, 2000))
	const micrometre = 1e-6
	for _, q := range around(set, 500, places.MaxRadius, places.MaxLimit) {
		var want []float64
		for i := range uint32(set.Len()) {
			if d := q.Distance(set.degrees(i)); d <= q.Radius {
				want = append(want, d)
			}
		}
		slices.Sort(want)
		want = want[:min(len(want), q.Limit)]
		got := set.search(nil, q, Distance)
		if len(got) != len(want) {
			t.Fatalf("%+v: %d places, want %d", q, len(got), len(want))
		}
		for i, h := range got {
			if d := q.Distance(set.degrees(h.row)); math.Abs(d-want[i]) > micrometre {
				t.Errorf("%+v: place %d is at %v m, want %v", q, i, d, want[i])
			}
		}
	}
}

func TestNearestTown(t *testing.T) {
	set := mustDecode(t, random(7, 500))
	for of := range uint32(set.Len()) {
		for _, reach := range []float64{100_000, 30_000_000} {
			want, found, best := uint32(0), false, reach
			var q places.Query
			q.Latitude, q.Longitude = set.degrees(of)
			for i := range uint32(set.Len()) {
				if d := q.Distance(set.degrees(i)); set.kinds[set.kind[i]].town && (d < best || !found && d == best) {
					want, found, best = i, true, d
				}
			}
			if got, ok := set.town(of, reach); ok != found || got != want {
				t.Fatalf("town(%d, %v) = %d, %v, want %d, %v", of, reach, got, ok, want, found)
			}
		}
	}
}

// TestDegenerate: places in one spot give the tree nothing to split by.
func TestDegenerate(t *testing.T) {
	for _, n := range []int{0, 1, leafSize, leafSize + 1, 1000, 250_000} {
		spot := make([]int32, n)
		importance, number := make([]uint8, n), make([]uint64, n)
		for i := range importance {
			importance[i], number[i] = uint8(i), uint64(i)
		}
		set := &Set{lat: spot, lng: spot, importance: importance, number: number, kind: make([]uint16, n), kinds: make([]kind, 1)}
		set.makeIndex(nil)
		seen := make([]bool, n)
		for _, number := range set.number {
			if seen[number] {
				t.Fatalf("%d of %d is there twice", number, n)
			}
			seen[number] = true
		}
		q := places.Query{Radius: 1, Limit: places.MaxLimit}
		var first, greatest []uint32 // the rows wanted by distance, by prominence
		for best := 255; best >= 0 && len(greatest) < min(n, q.Limit); best-- {
			for i := range uint32(n) {
				if best == 255 && i < uint32(q.Limit) {
					first = append(first, i)
				}
				if int(set.importance[i]) == best && len(greatest) < q.Limit {
					greatest = append(greatest, i)
				}
			}
		}
		if got := rows(set.search(nil, q, Distance)); !slices.Equal(got, first) {
			t.Errorf("%d in one spot, by distance: %v, want %v", n, got, first)
		}
		if got := rows(set.search(nil, q, Prominence)); !slices.Equal(got, greatest) {
			t.Errorf("%d in one spot, by prominence: %v, want %v", n, got, greatest)
		}
		q.Longitude = 1 // 111 km away
		if got := set.search(nil, q, Distance); len(got) > 0 {
			t.Errorf("%d in another spot: %v", n, got)
		}
	}
}

func TestSearchOfNothing(t *testing.T) {
	set := mustDecode(t, small())
	for _, q := range []places.Query{
		{},
		{Radius: 1000},
		{Limit: 5},
		{Radius: -1, Limit: 5},
		{Radius: math.NaN(), Limit: 5},
		{Radius: 1000, Limit: -1},
		{Latitude: math.NaN(), Radius: 1000, Limit: 5},
	} {
		if got := set.search(nil, q, Prominence); len(got) > 0 {
			t.Errorf("search(%+v) = %v, want nothing", q, got)
		}
	}
}

func TestViewport(t *testing.T) {
	for _, tt := range []struct {
		lat, lng int32
		want     places.Viewport
	}{
		{0, 0, places.Viewport{Northeast: places.Point{Lat: 0.02, Lng: 0.02}, Southwest: places.Point{Lat: -0.02, Lng: -0.02}}},
		{3401949, -11849138, places.Viewport{Northeast: places.Point{Lat: 34.03949, Lng: -118.46725}, Southwest: places.Point{Lat: 33.99949, Lng: -118.51551}}},
		{0, 17999000, places.Viewport{Northeast: places.Point{Lat: 0.02, Lng: -179.99}, Southwest: places.Point{Lat: -0.02, Lng: 179.97}}},
		{0, -18000000, places.Viewport{Northeast: places.Point{Lat: 0.02, Lng: -179.98}, Southwest: places.Point{Lat: -0.02, Lng: 179.98}}},
		{9000000, 12345, places.Viewport{Northeast: places.Point{Lat: 90, Lng: 180}, Southwest: places.Point{Lat: 89.98, Lng: -180}}},
	} {
		if got := viewport(tt.lat, tt.lng); got != tt.want {
			t.Errorf("viewport(%d, %d) = %v, want %v", tt.lat, tt.lng, got, tt.want)
		}
	}
}
