package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKinds is how many kinds a table may have: a column has 16 bits for them.
const maxKinds = math.MaxUint16 + 1

// NewSet makes a set of a table, with the checks that [Encode] makes. Equal
// tables give sets that answer equally, whatever the order of their places. It
// keeps only the lists and strings of t's sources and kinds.
func NewSet(t *Table) (*Set, error) {
	s, err := newColumns(t)
	if err != nil {
		return nil, err
	}
	s.makeIndex(nil)
	return s, nil
}

// newColumns makes a set without an index.
func newColumns(t *Table) (*Set, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	s := &Set{sources: slices.Clone(t.Sources)}
	for _, k := range t.Kinds {
		s.kinds = append(s.kinds, newKind(k, s.sources[k.Source].Name))
	}
	n := len(t.Places)
	s.lat, s.lng = make([]int32, n), make([]int32, n)
	s.kind, s.area = make([]uint16, n), make([]uint32, n)
	s.importance = make([]uint8, n)
	names := joiner{end: make([]uint32, 0, n)}
	var ids, areas joiner
	renamed := make([]uint32, len(t.Areas)) // the new index of an area, plus one
	for row, i := range t.order() {
		p := &t.Places[i]
		s.lat[row], s.lng[row] = p.Lat, p.Lng
		s.kind[row], s.importance[row] = uint16(p.Kind), p.Importance
		if renamed[p.Area] == 0 {
			areas.add(t.Areas[p.Area])
			renamed[p.Area] = uint32(len(areas.end))
		}
		s.area[row] = renamed[p.Area] - 1
		names.all = append(names.all, p.Name...)
		names.add("\n")
		switch {
		case p.ID != "":
			if ids.end == nil {
				ids.end = make([]uint32, row, n) // those before have none
			}
			ids.add(p.ID)
		default:
			if ids.end != nil {
				ids.close()
			}
			if s.number == nil {
				s.number = make([]uint64, n)
			}
			s.number[row] = p.Number
		}
	}
	if names.tooLong() || ids.tooLong() || areas.tooLong() {
		return nil, errors.New("places: more than 4 GiB of text")
	}
	s.names, s.ids, s.areas = names.texts(), ids.texts(), areas.texts()
	return s, nil
}

// order is the canonical order of the places, as indices: by position, so that
// neighbours on the earth are neighbours in the table, and then by all the rest.
func (t *Table) order() []uint32 {
	type keyed struct {
		key uint64
		i   uint32
	}
	list := make([]keyed, len(t.Places))
	for i := range t.Places {
		list[i] = keyed{morton(t.Places[i].Lat, t.Places[i].Lng), uint32(i)}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return t.compare(&t.Places[a.i], &t.Places[b.i])
	})
	order := make([]uint32, len(list))
	for row, k := range list {
		order[row] = k.i
	}
	return order
}

// compare orders two places of one position.
func (t *Table) compare(p, q *Place) int {
	return cmp.Or(
		cmp.Compare(p.Kind, q.Kind), cmp.Compare(p.ID, q.ID), cmp.Compare(p.counted(), q.counted()), cmp.Compare(p.Name, q.Name),
		cmp.Compare(t.Areas[p.Area], t.Areas[q.Area]), cmp.Compare(p.Importance, q.Importance))
}

// counted is the number, where it counts.
func (p *Place) counted() uint64 {
	if p.ID != "" {
		return 0
	}
	return p.Number
}

func (t *Table) check() error {
	if len(t.Kinds) > maxKinds {
		return fmt.Errorf("%d kinds, more than %d", len(t.Kinds), maxKinds)
	}
	if uint64(len(t.Places)) > math.MaxUint32 || uint64(len(t.Areas)) > math.MaxUint32 {
		return errors.New("more places than 32 bits can count")
	}
	for i, s := range t.Sources {
		if err := checkTexts(s.Name, s.URL, s.License, s.Attribution, s.Date); err != nil {
			return fmt.Errorf("source %d: %w", i, err)
		}
	}
	for i, k := range t.Kinds {
		if k.Source < 0 || k.Source >= len(t.Sources) {
			return fmt.Errorf("kind %d: no source %d", i, k.Source)
		}
		if err := checkTexts(k.Types...); err != nil {
			return fmt.Errorf("kind %d: %w", i, err)
		}
	}
	if err := checkTexts(t.Areas...); err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	for i := range t.Places {
		if err := t.checkPlace(&t.Places[i]); err != nil {
			return fmt.Errorf("place %d: %w", i, err)
		}
	}
	return nil
}

func (t *Table) checkPlace(p *Place) error {
	switch {
	case p.Lat < -maxLat || p.Lat > maxLat || p.Lng < -maxLng || p.Lng > maxLng:
		return fmt.Errorf("no such position: %d, %d", p.Lat, p.Lng)
	case p.Name == "" || strings.Contains(p.Name, "\n") || !utf8.ValidString(p.Name):
		return fmt.Errorf("no name for a place: %q", p.Name)
	case p.Kind < 0 || p.Kind >= len(t.Kinds):
		return fmt.Errorf("no kind %d", p.Kind)
	case p.Area < 0 || p.Area >= len(t.Areas):
		return fmt.Errorf("no area %d", p.Area)
	}
	return checkTexts(p.ID)
}

func checkTexts(list ...string) error {
	for _, s := range list {
		if !utf8.ValidString(s) {
			return fmt.Errorf("not UTF-8: %q", s)
		}
	}
	return nil
}
