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

// byHand is search without an index.
func (s *Set) byHand(q places.Query, rank Rank) []hit {
	var hits []hit
	from, longest := vectorOf(q.Latitude, q.Longitude), chord(q.Radius)
	for i := range uint32(s.Len()) {
		d := vectorOf(s.degrees(i)).chord(from)
		if !(d <= longest) {
			continue
		}
		h := hit{row: i, score: -d, chord: d}
		if rank == Prominence {
			h.score = float64(s.importance[i])/8 - toll(q.Radius)*d
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

// TestSearchIsExact compares with a search by hand: 10,000 questions, most of
// them where places are, many across the 180th meridian and the poles, with radii
// from metres to all around the earth.
func TestSearchIsExact(t *testing.T) {
	set := mustDecode(t, random(5, 800))
	r := rand.New(rand.NewPCG(6, 0))
	found := 0
	for range 10_000 {
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
		case 2: // on a seam
			q.Longitude = 180
			if r.IntN(2) == 0 {
				q.Longitude = -180
			}
			if r.IntN(2) == 0 {
				q.Latitude = math.Copysign(90, r.Float64()-0.5)
			}
		}
		for _, rank := range []Rank{Prominence, Distance} {
			got, want := rows(set.search(nil, q, rank)), rows(set.byHand(q, rank))
			if !slices.Equal(got, want) {
				t.Fatalf("search(%+v, %d) =\n%v, want\n%v", q, rank, got, want)
			}
			found += len(got)
		}
	}
	if found < 50_000 {
		t.Errorf("only %d places found in all: the questions prove little", found)
	}
}

func TestNearestTown(t *testing.T) {
	set := mustDecode(t, random(7, 1000))
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

// TestDegenerate: a million places in one spot give the tree nothing to split by.
func TestDegenerate(t *testing.T) {
	for _, n := range []int{0, 1, leafSize, leafSize + 1, 1_000_000} {
		spot := make([]int32, n)
		importance, number := make([]uint8, n), make([]uint64, n)
		for i := range importance {
			importance[i], number[i] = uint8(i), uint64(i)
		}
		set := &Set{lat: spot, lng: spot, importance: importance, number: number, kind: make([]uint16, n), kinds: make([]kind, 1)}
		set.makeIndex()
		seen := make([]bool, n)
		for _, number := range set.number {
			if seen[number] {
				t.Fatalf("%d of %d is there twice", number, n)
			}
			seen[number] = true
		}
		q := places.Query{Radius: 1, Limit: places.MaxLimit}
		for _, rank := range []Rank{Prominence, Distance} {
			if got, want := rows(set.search(nil, q, rank)), rows(set.byHand(q, rank)); !slices.Equal(got, want) {
				t.Errorf("%d in one spot: %v, want %v", n, got, want)
			}
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
