package dataset

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"herd/places"
)

// Rank is what makes one place better than another.
type Rank uint8

// The orders that answers come in.
const (
	// Prominence weighs a place's importance against its distance: at the rim
	// of the circle a place counts like one of an eighth of the inhabitants in
	// its middle.
	Prominence Rank = iota
	// Distance puts the nearest first.
	Distance
)

// rimPenalty is what prominence takes off at the rim, in powers of two.
const rimPenalty = 3

// Set is a table of places in memory, indexed. It never changes; any number of
// goroutines may search it.
type Set struct {
	sources []Source
	kinds   []kind
	areas   texts

	// Columns, a row for each place.
	lat, lng   []int32 // 1e-5 degrees
	kind       []uint16
	area       []uint32
	importance []uint8
	number     []uint64 // of the places without an ID; nil if there are none
	ids        texts    // empty if there are none
	names      texts    // each with a newline at its end

	index *index
}

// kind is a Kind, with what answers need of it.
type kind struct {
	source int
	types  []string
	scope  string // the source's name in capitals
	town   bool   // a town: what other places are near to
	within bool   // a part of its area, and needs no town to say where it is
	byTown bool   // the nearest town says better than its area where it is
}

// political is the type of places that are a part of the next larger one.
const political = "political"

func newKind(k Kind, source string) kind {
	return kind{
		source: k.Source,
		types:  k.Types,
		scope:  strings.ToUpper(source),
		town:   slices.Contains(k.Types, "locality"),
		within: slices.Contains(k.Types, political),
		byTown: k.ByTown,
	}
}

// Len is the number of places.
func (s *Set) Len() int { return len(s.lat) }

// Sources are where the places come from.
func (s *Set) Sources() []Source { return slices.Clone(s.sources) }

// hit is a place found: its row, and what it is ranked by.
type hit struct {
	row             uint32
	score, distance float64 // distance in metres
}

func (h hit) better(than hit) bool {
	switch {
	case h.score != than.score:
		return h.score > than.score
	case h.distance != than.distance:
		return h.distance < than.distance
	}
	return h.row < than.row
}

// best keeps the best hits of all it is given, in order.
type best struct {
	hits  []hit
	limit int
}

func (b *best) full() bool { return len(b.hits) == b.limit }
func (b *best) last() hit  { return b.hits[len(b.hits)-1] }

func (b *best) add(h hit) {
	if !b.full() {
		b.hits = append(b.hits, h)
	} else if !h.better(b.last()) {
		return
	}
	i := len(b.hits) - 1
	for ; i > 0 && h.better(b.hits[i-1]); i-- {
		b.hits[i] = b.hits[i-1]
	}
	b.hits[i] = h
}

// search finds the best places of a query.
func (s *Set) search(q places.Query, rank Rank) []hit {
	if q.Limit <= 0 || !(q.Radius > 0) {
		return nil
	}
	found := best{hits: make([]hit, 0, min(q.Limit, s.Len())), limit: q.Limit}
	visit := func(row uint32) float64 {
		weight := float64(s.importance[row]) / 8
		if found.full() && weight < found.last().score {
			return q.Radius // not good enough even if it lay in the middle
		}
		if d := q.Distance(s.degrees(row)); d <= q.Radius {
			found.add(hit{row, weight - rimPenalty*d/q.Radius, d})
		}
		return q.Radius
	}
	if rank == Distance {
		reach := q.Radius
		visit = func(row uint32) float64 {
			if d := q.Distance(s.degrees(row)); d <= reach {
				found.add(hit{row, -d, d})
				if found.full() {
					reach = found.last().distance
				}
			}
			return reach
		}
	}
	s.index.walk(q.Latitude, q.Longitude, q.Radius, visit)
	return found.hits
}

// town is the nearest town to a place, within reach metres.
func (s *Set) town(of uint32, reach float64) (row uint32, ok bool) {
	var q places.Query
	q.Latitude, q.Longitude = s.degrees(of)
	s.index.walk(q.Latitude, q.Longitude, reach, func(i uint32) float64 {
		if !s.kinds[s.kind[i]].town {
			return reach
		}
		if d := q.Distance(s.degrees(i)); d < reach || d == reach && (!ok || i < row) {
			row, reach, ok = i, d, true
		}
		return reach
	})
	return row, ok
}

// townReach is how far off a town may be to say where a place is, in metres.
const townReach = 100_000

// Near answers with the best places within the circle, as a provider does: the
// caller sees to the bounds of the query.
func (s *Set) Near(q places.Query, rank Rank) places.Answer {
	return s.answer(s.search(q, rank))
}

// answer writes hits as a provider does.
func (s *Set) answer(hits []hit) places.Answer {
	var a places.Answer
	if len(hits) == 0 {
		return a
	}
	a.Places = make([]places.Place, len(hits))
	used := make([]bool, len(s.sources))
	for i, h := range hits {
		kind := s.kinds[s.kind[h.row]]
		source := &s.sources[kind.source]
		used[kind.source] = true
		p := &a.Places[i]
		if p.ID = s.id(h.row); p.ID == "" {
			p.ID = strconv.FormatUint(s.number[h.row], 10)
		}
		p.ID = source.Name + ":" + p.ID
		p.Name = s.name(h.row)
		p.Scope = kind.scope
		p.Types = kind.types
		p.Vicinity = s.areas.at(s.area[h.row])
		p.Location.Lat, p.Location.Lng = s.degrees(h.row)
		p.Viewport = viewport(s.lat[h.row], s.lng[h.row])
		if kind.within || p.Vicinity != "" && !kind.byTown {
			continue
		}
		if town, ok := s.town(h.row, townReach); ok {
			p.Vicinity = s.name(town)
			if area := s.areas.at(s.area[town]); area != "" {
				p.Vicinity += ", " + area
			}
			used[s.kinds[s.kind[town]].source] = true
		}
	}
	for i, used := range used {
		if used {
			a.Attributions = append(a.Attributions, s.sources[i].Attribution)
		}
	}
	return a
}

func (s *Set) name(row uint32) string {
	name := s.names.at(row)
	return name[:len(name)-1]
}

// id is the text that a place is known by, "" if that is its number.
func (s *Set) id(row uint32) string {
	if s.ids.len() == 0 {
		return ""
	}
	return s.ids.at(row)
}

func (s *Set) degrees(row uint32) (lat, lng float64) {
	return degrees(s.lat[row]), degrees(s.lng[row])
}

func degrees(v int32) float64 { return float64(v) / unit }

// viewport is a box of about 4.4 km around a place, as wide as high; the data
// doesn't know how far a town reaches.
func viewport(lat, lng int32) places.Viewport {
	const half = 0.02 * unit
	east, west := int32(maxLng), int32(-maxLng) // at a pole: all around
	if cos := math.Cos(degrees(lat) * math.Pi / 180); cos*maxLng > half {
		width := int32(math.Round(half / cos))
		east, west = lng+width, lng-width
	}
	if east > maxLng {
		east -= 2 * maxLng
	}
	if west < -maxLng {
		west += 2 * maxLng
	}
	return places.Viewport{
		Northeast: places.Point{Lat: degrees(min(lat+half, maxLat)), Lng: degrees(east)},
		Southwest: places.Point{Lat: degrees(max(lat-half, -maxLat)), Lng: degrees(west)},
	}
}
