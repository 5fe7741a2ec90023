package dataset

import (
	"math"

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

// hit is a place found: its row, and what it is ranked by.
type hit struct {
	row             uint32
	score, distance float64 // distance in metres
}

func (h *hit) better(than *hit) bool {
	switch {
	case h.score != than.score:
		return h.score > than.score
	case h.distance != than.distance:
		return h.distance < than.distance
	}
	return h.row < than.row
}

// search finds the best places of a query and appends them to hits, best first.
func (s *Set) search(hits []hit, q places.Query, rank Rank) []hit {
	if rank == Distance {
		return s.find(hits, q, 0, 1, false)
	}
	return s.find(hits, q, 1.0/8, rimPenalty/q.Radius, false)
}

// town is the nearest town to a place, within reach metres.
func (s *Set) town(of uint32, reach float64) (row uint32, ok bool) {
	q := places.Query{Radius: reach, Limit: 1}
	q.Latitude, q.Longitude = s.degrees(of)
	var one [1]hit
	if found := s.find(one[:0], q, 0, 1, true); len(found) > 0 {
		return found[0].row, true
	}
	return 0, false
}

// find finds the places that score best: their importance times weight less
// their distance times toll.
func (s *Set) find(hits []hit, q places.Query, weight, toll float64, towns bool) []hit {
	if q.Limit <= 0 || !(q.Radius > 0) || s.Len() == 0 {
		return hits
	}
	f := finder{
		set: s, index: s.index, q: q, from: vectorOf(q.Latitude, q.Longitude),
		weight: weight, toll: toll, towns: towns, hits: hits, last: math.Inf(-1),
	}
	f.limit = square(2*math.Sin(min(math.Pi/2, q.Radius/(2*earth))) + slack)
	f.search(1, 0, s.Len(), vector{}, 0)
	return f.hits
}

const earth = 6_371_008.8 // metres

// slack is what rounding to float32 can add to or take from the distance of two
// unit vectors (less than 4e-7), doubled: five metres.
const slack = 8e-7

func square(x float64) float32 { return float32(x * x) }

// finder is one search. Distances are chords here, and mostly their squares: the
// chord is never longer than the way on the earth, so what is too far by it is
// too far.
type finder struct {
	set          *Set
	index        *index
	q            places.Query
	from         vector
	limit        float32 // the square of the chord that spans the radius, and slack
	weight, toll float64
	towns        bool // look for towns only

	hits []hit
	last float64 // the score to beat: of the last hit once there are enough
}

// reach is the square of the chord within which a place of such an importance
// may be good enough, and slack; negative if it is nowhere.
func (f *finder) reach(importance uint8) float32 {
	r := (f.weight*float64(importance)-f.last)/(f.toll*earth) + slack
	if r < 0 {
		return -1
	}
	return min(f.limit, square(r))
}

// search looks at the range of a node. gap is how far the range is from the
// query's point on each axis at least, near the square of that.
func (f *finder) search(i, from, to int, gap vector, near float32) {
	n := &f.index.nodes[i]
	if near > f.reach(n.best) || f.towns && !n.towns {
		return
	}
	if 2*i >= len(f.index.nodes) {
		f.scan(from, to)
		return
	}
	middle := (from + to) / 2
	across := gap
	across[n.axis] = f.from[n.axis] - n.split
	far := across[0]*across[0] + across[1]*across[1] + across[2]*across[2]
	one, two := &f.index.nodes[2*i], &f.index.nodes[2*i+1]
	if across[n.axis] < 0 {
		if f.first(one, near, two, far) {
			f.search(2*i, from, middle, gap, near)
			f.search(2*i+1, middle, to, across, far)
		} else {
			f.search(2*i+1, middle, to, across, far)
			f.search(2*i, from, middle, gap, near)
		}
	} else {
		if f.first(two, near, one, far) {
			f.search(2*i+1, middle, to, gap, near)
			f.search(2*i, from, middle, across, far)
		} else {
			f.search(2*i, from, middle, across, far)
			f.search(2*i+1, middle, to, gap, near)
		}
	}
}

// first tells whether the near half promises more than the far one.
func (f *finder) first(n *node, near float32, m *node, far float32) bool {
	if n.best >= m.best || f.weight == 0 {
		return true
	}
	return f.weight*float64(n.best)-f.toll*earth*math.Sqrt(float64(near)) >= f.weight*float64(m.best)-f.toll*earth*math.Sqrt(float64(far))
}

func (f *finder) scan(from, to int) {
	best := f.index.best[from:to]
	for i := range best {
		p := &f.index.places[from+i]
		dx, dy, dz := p.at[0]-f.from[0], p.at[1]-f.from[1], p.at[2]-f.from[2]
		if dx*dx+dy*dy+dz*dz <= f.reach(best[i]) {
			f.meet(p.row, best[i])
		}
	}
}

func (f *finder) meet(row uint32, importance uint8) {
	if f.towns && !f.set.kinds[f.set.kind[row]].town {
		return
	}
	d := f.q.Distance(f.set.degrees(row))
	if !(d <= f.q.Radius) {
		return
	}
	h := hit{row, f.weight*float64(importance) - f.toll*d, d}
	if len(f.hits) < f.q.Limit {
		f.hits = append(f.hits, h)
	} else if !h.better(&f.hits[len(f.hits)-1]) {
		return
	}
	i := len(f.hits) - 1
	for ; i > 0 && h.better(&f.hits[i-1]); i-- {
		f.hits[i] = f.hits[i-1]
	}
	f.hits[i] = h
	if len(f.hits) == f.q.Limit {
		f.last = f.hits[len(f.hits)-1].score
	}
}
