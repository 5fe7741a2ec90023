package dataset

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"herd/places"
)

// Set is a table of places in memory, indexed: its rows are in the index's order. It never changes; any number of
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

	index index
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

// townReach is how far off a town may be to say where a place is, in metres.
const townReach = 100_000

// reorder puts the rows in another order.
func (s *Set) reorder(order []uint32) {
	s.lat, s.lng = pick(s.lat, order), pick(s.lng, order)
	s.kind, s.area = pick(s.kind, order), pick(s.area, order)
	s.importance, s.number = pick(s.importance, order), pick(s.number, order)
	s.names, s.ids = s.names.pick(order), s.ids.pick(order)
}

// pick gives a column in another order; one that is missing stays so.
func pick[T any](column []T, order []uint32) []T {
	if column == nil {
		return nil
	}
	picked := make([]T, len(order))
	for row, i := range order {
		picked[row] = column[i]
	}
	return picked
}

// Near answers with the best places within the circle, as a provider does: the
// caller sees to the bounds of the query.
func (s *Set) Near(q places.Query, rank Rank) places.Answer {
	var hits [places.MaxLimit]hit
	return s.answer(s.search(hits[:0], q, rank))
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
		var room [64]byte
		id := append(append(room[:0], source.Name...), ':')
		if text := s.id(h.row); text != "" {
			id = append(id, text...)
		} else {
			id = strconv.AppendUint(id, s.number[h.row], 10)
		}
		p.ID = string(id)
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
		if used && s.sources[i].Attribution != "" {
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
