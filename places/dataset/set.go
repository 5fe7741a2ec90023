package dataset

import (
	"math"
	"slices"
	"strings"

	"herd/places"
)

// Set is a table of places in memory, indexed: its rows are in the index's order. It never
// changes; any number of goroutines may search it.
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
	style  *places.Style
	town   bool // a town: what other places are near to
	within bool // a part of its area, and needs no town to say where it is
	byTown bool // the nearest town says better than its area where it is
}

// political is the type of places that are a part of the next larger one.
const political = "political"

func newKind(k Kind, source string) kind {
	return kind{
		source: k.Source,
		types:  k.Types,
		style:  places.NewStyle(source, strings.ToUpper(source), k.Types),
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
func (s *Set) reorder(order []uint32, p pace) {
	p.rest()
	s.lat, s.lng = pick(s.lat, order), pick(s.lng, order)
	p.rest()
	s.kind, s.area = pick(s.kind, order), pick(s.area, order)
	p.rest()
	s.importance, s.number = pick(s.importance, order), pick(s.number, order)
	p.rest()
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

// AppendNear appends a whole reply with what Near answers, and tells how many places
// there are in it.
func (s *Set) AppendNear(dst []byte, q places.Query, rank Rank, messages []string) (reply []byte, found int) {
	var hits [places.MaxLimit]hit
	var room [places.MaxLimit]places.Row
	var credits [4]string
	rows, attributions := s.rows(room[:0], credits[:0], s.search(hits[:0], q, rank))
	return places.AppendRows(dst, attributions, messages, rows), len(rows)
}

// answer writes hits as a provider does.
func (s *Set) answer(hits []hit) places.Answer {
	rows, attributions := s.rows(nil, nil, hits)
	a := places.Answer{Attributions: attributions}
	for i := range rows {
		a.Places = append(a.Places, rows[i].Place())
	}
	return a
}

// rows appends what is said of hits, and the attributions of the sources that it is
// from.
func (s *Set) rows(rows []places.Row, attributions []string, hits []hit) ([]places.Row, []string) {
	var room [8]bool
	used := append(room[:0], make([]bool, len(s.sources))...)
	for _, h := range hits {
		kind := &s.kinds[s.kind[h.row]]
		used[kind.source] = true
		r := places.Row{
			Style: kind.style, Name: s.name(h.row), ID: s.id(h.row), Area: s.areas.at(s.area[h.row]),
			Viewport: viewport(s.lat[h.row], s.lng[h.row]),
		}
		r.Location.Lat, r.Location.Lng = s.degrees(h.row)
		if r.ID == "" {
			r.Number = s.number[h.row]
		}
		if !kind.within && (r.Area == "" || kind.byTown) {
			if town, ok := s.town(h.row, townReach); ok {
				r.Town, r.Area = s.name(town), s.areas.at(s.area[town])
				used[s.kinds[s.kind[town]].source] = true
			}
		}
		rows = append(rows, r)
	}
	for i, used := range used {
		if used && s.sources[i].Attribution != "" {
			attributions = append(attributions, s.sources[i].Attribution)
		}
	}
	return rows, attributions
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
