package dataset

import (
	"math"
	"slices"

	"herd/places"
)

// Rank is what makes one place better than another.
type Rank uint8

// The orders that answers come in.
const (
	// Prominence weighs a place's importance against its distance: at the rim
	// of the circle a place counts like one of a sixty-fourth of the inhabitants
	// in its middle.
	Prominence Rank = iota
	// Distance puts the nearest first.
	Distance
)

// rimPenalty is what prominence takes off at the rim, in powers of two.
const rimPenalty = 6

// hit is a place found: its row, and what it is ranked by.
type hit struct {
	row   uint32
	exact bool    // score and chord are not only good to [rounding]
	score float64 // importance times weight less chord times toll
	chord float64 // the straight line to the place
}

// search finds the best places of a query, best first. It puts them in room, if that
// is enough.
func (s *Set) search(room []hit, q places.Query, rank Rank) []hit {
	f := finder{set: s, hits: slices.Grow(room[:0], min(max(0, q.Limit), s.Len())), toll: 1}
	if rank == Prominence {
		f.weight, f.toll = 1.0/8, toll(q.Radius)
	}
	f.search(q)
	return f.hits
}

// town is the nearest town to a place, within reach metres.
func (s *Set) town(of uint32, reach float64) (row uint32, ok bool) {
	q := places.Query{Radius: reach, Limit: 1}
	q.Latitude, q.Longitude = s.degrees(of)
	var one [1]hit
	f := finder{set: s, hits: one[:0], toll: 1, towns: true}
	f.search(q)
	if len(f.hits) == 0 {
		return 0, false
	}
	return f.hits[0].row, true
}

// chord is the straight line between the ends of a way of so many metres on the
// earth.
func chord(metres float64) float64 {
	const earth = 6_371_008.8 // metres
	return 2 * scale * math.Sin(min(math.Pi/2, metres/(2*earth)))
}

// toll is what a unit of the chord costs by prominence.
func toll(radius float64) float64 { return rimPenalty / max(1, chord(radius)) }

// finder finds the places that score best. It measures by chords, since they
// need no trigonometry: what is nearer on the earth is nearer by chord. They are
// taken from rounded vectors, and from exact ones only where that could make a
// difference; so the result is exact.
type finder struct {
	set          *Set
	from         vector
	limit        int
	longest      float64
	weight, toll float64
	towns        bool // look for towns only

	hits []hit // with room for limit; append would have it escape

	// For a quick look: the square of longest and of more than rounding; weight
	// and the score of the last hit, once there are enough, by toll; and how far
	// scores must be apart to be told without measuring.
	within, ratio, beat, unsure float64
}

func (f *finder) search(q places.Query) {
	if q.Limit <= 0 || !(q.Radius > 0) || f.set.Len() == 0 {
		return
	}
	f.from = vectorOf(q.Latitude, q.Longitude)
	f.limit, f.longest = q.Limit, chord(q.Radius)
	f.within = (f.longest + 2*rounding) * (f.longest + 2*rounding)
	f.ratio, f.beat, f.unsure = f.weight/f.toll, math.Inf(-1), 3*rounding*f.toll
	f.walk()
}

// good tells whether a place of such an importance, or a range with none greater,
// at a chord whose square is d or more, may be good enough.
func (f *finder) good(d float64, importance uint8) bool {
	r := f.ratio*float64(importance) - f.beat // the longest chord
	return r >= 0 && d <= r*r && d <= f.within
}

// ahead is a range that has been put off.
type ahead struct {
	node int
	gap  vector  // how far it is from the query's point on each axis, at least
	near float64 // the square of that
}

// hopeful tells whether a range may have something good enough.
func (f *finder) hopeful(a *ahead) bool {
	n := &f.set.index.nodes[a.node]
	return f.good(a.near, n.best) && (n.towns || !f.towns)
}

// walk looks into all ranges that may have something good enough, the most
// promising half first.
func (f *finder) walk() {
	nodes := f.set.index.nodes
	leaves := len(nodes) / 2
	var stack [32]ahead // one a level at most
	top, at := 0, ahead{node: 1}
	for {
		for at.node < leaves && f.hopeful(&at) {
			n := &nodes[at.node]
			far := at
			far.gap[n.axis] = f.from[n.axis] - float64(n.split)
			far.near = far.gap[0]*far.gap[0] + far.gap[1]*far.gap[1] + far.gap[2]*far.gap[2]
			at.node *= 2
			if far.gap[n.axis] >= 0 {
				at.node++
			}
			far.node = at.node ^ 1
			// A greater place that isn't too far off comes first.
			if r := f.ratio * (float64(nodes[far.node].best) - float64(nodes[at.node].best)); r > 0 && far.near < r*r {
				at, far = far, at
			}
			if f.hopeful(&far) {
				stack[top] = far
				top++
			}
		}
		if f.hopeful(&at) {
			f.scan(at.node - leaves)
		}
		if top == 0 {
			return
		}
		top--
		at = stack[top]
	}
}

// scan looks at each place of a leaf.
func (f *finder) scan(leaf int) {
	from, to := f.set.index.start(leaf), f.set.index.start(leaf+1)
	importance := f.set.importance[from:to]
	for i, v := range f.set.index.at[from:to] {
		r := f.ratio*float64(importance[i]) - f.beat // as good has it
		if r < 0 {
			return // and those after it are no greater
		}
		x, y, z := float64(v[0])-f.from[0], float64(v[1])-f.from[1], float64(v[2])-f.from[2]
		if d := x*x + y*y + z*z; d <= r*r && d <= f.within {
			f.add(uint32(from+i), math.Sqrt(d))
		}
	}
}

// add takes a place, whose chord is good to rounding, if it is good enough.
func (f *finder) add(row uint32, chord float64) {
	if f.towns && !f.set.kinds[f.set.kind[row]].town {
		return
	}
	h := hit{row: row, score: f.score(row, chord), chord: chord}
	if math.Abs(chord-f.longest) <= rounding {
		f.measure(&h)
	}
	if h.chord > f.longest {
		return
	}
	i := len(f.hits)
	switch {
	case i < f.limit:
		f.hits = f.hits[:i+1]
	case f.better(&h, &f.hits[i-1]):
		i--
	default:
		return
	}
	for ; i > 0; i-- {
		before := &f.hits[i-1]
		if apart := h.score - before.score; apart < -f.unsure || apart <= f.unsure && !f.clearlyBetter(&h, before) {
			break
		}
		f.hits[i] = *before
	}
	f.hits[i] = h
	if len(f.hits) == f.limit {
		f.beat = f.hits[len(f.hits)-1].score/f.toll - 4*rounding
	}
}

func (f *finder) score(row uint32, chord float64) float64 {
	return f.weight*float64(f.set.importance[row]) - f.toll*chord
}

// better compares two hits exactly.
func (f *finder) better(h, than *hit) bool {
	if apart := h.score - than.score; apart > f.unsure || apart < -f.unsure {
		return apart > 0
	}
	return f.clearlyBetter(h, than)
}

// clearlyBetter measures two hits that rounding may have put in the wrong order.
func (f *finder) clearlyBetter(h, than *hit) bool {
	f.measure(h)
	f.measure(than)
	switch {
	case h.score != than.score:
		return h.score > than.score
	case h.chord != than.chord:
		return h.chord < than.chord
	}
	return h.row < than.row
}

// measure makes a hit exact.
func (f *finder) measure(h *hit) {
	if h.exact {
		return
	}
	h.exact, h.chord = true, vectorOf(f.set.degrees(h.row)).chord(f.from)
	h.score = f.score(h.row, h.chord)
}
