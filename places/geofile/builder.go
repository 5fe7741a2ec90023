package geofile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"herd/places/category"
	"herd/places/dataset"
)

// builder makes a table of features.
type builder struct {
	table   *dataset.Table
	chunks  [][]dataset.Place // its places, until it is finished
	kept    int               // places in chunks
	most    int               // places
	tallies tallies
	records int64
	origins [origins]int

	kinds  map[string]int // by what they are made of, see kind
	labels map[string]what
	areas  map[string]int
	texts  arena
	key    []byte
}

// what is what a label or tags mean.
type what struct {
	types  []string
	weight float64 // without inhabitants
	bonus  float64 // besides the inhabitants
}

const (
	// maxKinds bounds the kinds of a table: those that Google has, and some of the
	// file's own words. Beyond it a place is only something.
	maxKinds = 8192
	// maxLabels bounds what is remembered of labels, and maxLabel their bytes.
	maxLabels = 65536
	maxLabel  = 512
)

func newBuilder(source string, most int) *builder {
	return &builder{
		table:  &dataset.Table{Sources: []dataset.Source{{Name: source}}},
		most:   most,
		kinds:  make(map[string]int),
		labels: make(map[string]what),
		areas:  make(map[string]int),
	}
}

// add takes a feature as a place, or drops it for its fault: of reading, or one
// that shows here. It fails if there are too many.
func (b *builder) add(at position, f *feature, bad *fault) error {
	b.records++
	if bad != nil {
		b.tallies.add(at, bad)
		return nil
	}
	name, bad := f.name()
	if bad != nil {
		b.tallies.add(at, bad)
		return nil
	}
	if b.kept == b.most {
		return fmt.Errorf("line %d: more than %s", at.line, Counted(b.most))
	}
	if f.is.types == nil {
		f.is = b.meaning(f)
	}
	p := dataset.Place{
		Lat: int32(math.Round(f.lat * 1e5)), Lng: int32(math.Round(f.lng * 1e5)),
		Name: b.texts.string(name),
	}
	id, number, note := f.id(name, p.Lat, p.Lng)
	b.note(at, note)
	p.ID, p.Number = b.texts.string(id), number
	p.Importance, note = f.importance()
	b.note(at, note)
	area, precision := f.area()
	p.Area, p.Kind = b.area(area, precision), b.kind(f.is.types, precision == region)
	b.keep(p)
	b.origins[f.guessOrigin()]++
	return nil
}

// chunk is how many places are kept together, while it is not known how many
// there will be: a slice that grows copies each of them five times.
const chunk = 4096

func (b *builder) keep(p dataset.Place) {
	if b.kept%chunk == 0 {
		b.chunks = append(b.chunks, make([]dataset.Place, 0, chunk))
	}
	last := &b.chunks[len(b.chunks)-1]
	*last = append(*last, p)
	b.kept++
}

// finish puts the places into the table.
func (b *builder) finish() {
	if b.kept > 0 {
		b.table.Places, b.chunks = slices.Concat(b.chunks...), nil
	}
}

func (b *builder) note(at position, note *fault) {
	if note != nil {
		b.tallies.add(at, note)
	}
}

// meaning is what the labels and tags of a feature mean.
func (b *builder) meaning(f *feature) what {
	b.key = append(b.key[:0], f.values[fieldCategory]...)
	for _, t := range f.tags {
		b.key = append(append(append(b.key, '\n'), t.key...), '=')
		b.key = append(b.key, t.value...)
	}
	return b.remember(func() what {
		types := f.types()
		return what{types: types, weight: category.Weight(types)}
	})
}

// remember gives what find has found for b.key, or lets it find that.
func (b *builder) remember(find func() what) what {
	is, ok := b.labels[string(b.key)]
	if !ok {
		is = find()
		if len(b.labels) < maxLabels && len(b.key) < maxLabel {
			b.labels[string(b.key)] = is
		}
	}
	return is
}

// kind is the index of a kind in the table.
func (b *builder) kind(types []string, byTown bool) int {
	b.key = fmt.Appendf(b.key[:0], "%t", byTown)
	for _, t := range types {
		b.key = append(append(b.key, ' '), t...)
	}
	i, ok := b.kinds[string(b.key)]
	if !ok && len(b.kinds) >= maxKinds && !slices.Equal(types, category.Unknown()) {
		return b.kind(category.Unknown(), byTown)
	}
	if !ok {
		i = len(b.table.Kinds)
		b.kinds[string(b.key)] = i
		b.table.Kinds = append(b.table.Kinds, dataset.Kind{Types: types, ByTown: byTown})
	}
	return i
}

// area is the index of an area in the table. Addresses are not looked up: it
// would cost more than the few that are equal.
func (b *builder) area(text []byte, is precision) int {
	i, ok := 0, false
	if is != address {
		i, ok = b.areas[string(text)]
	}
	if !ok {
		area := b.texts.string(text)
		i = len(b.table.Areas)
		b.table.Areas = append(b.table.Areas, area)
		if is != address {
			b.areas[area] = i
		}
	}
	return i
}

// credit writes the source of the table: as the options say, else as the origin
// of most of its places does.
func (b *builder) credit(o Options) {
	most := ownFile
	for i := range b.origins {
		if b.origins[i] > b.origins[most] {
			most = origin(i)
		}
	}
	s := credits[most]
	s.Name, s.Date = o.Source, o.Date
	if o.Attribution != "" {
		s.Attribution = o.Attribution
	}
	if o.License != "" {
		s.License = o.License
	}
	b.table.Sources[0] = s
}

// arena makes strings without an allocation for each.
type arena struct{ b strings.Builder }

const arenaChunk = 64 << 10

func (a *arena) string(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if a.b.Cap()-a.b.Len() < len(text) {
		a.b.Reset() // those made keep their memory
		a.b.Grow(max(arenaChunk, len(text)))
	}
	start := a.b.Len()
	a.b.Write(text)
	return a.b.String()[start:]
}
