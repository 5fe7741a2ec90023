package replica

import (
	"maps"
	"slices"

	"herd/gossip/location"
)

// Vector says, per origin, up to which batch a node has everything that origin
// sealed. An origin it does not name is at zero.
type Vector map[location.Origin]uint64

// Covers tells whether v has everything that w has.
func (v Vector) Covers(w Vector) bool {
	for o, seq := range w {
		if v[o] < seq {
			return false
		}
	}
	return true
}

// CoversDot tells whether the batch that d names is among what v has.
func (v Vector) CoversDot(d location.Dot) bool { return d.Seq <= v[d.Origin] }

// clone returns a copy.
func (v Vector) clone() Vector { return maps.Clone(v) }

// without is v with nothing of one origin. v itself stays as it is.
func (v Vector) without(o location.Origin) Vector {
	if _, ok := v[o]; ok {
		v = v.clone()
		delete(v, o)
	}
	return v
}

// origins are v's origins in order, so that what is sent repeats exactly.
func (v Vector) origins() []location.Origin { return slices.Sorted(maps.Keys(v)) }

// run is a stretch of batches (lo, hi] that arrived beyond a gap.
type run struct{ lo, hi uint64 }

// arrive takes note of batches (prev, seq] of origin o. The vector is raised only
// if nothing is missing before them; else one run is remembered, to be joined on
// when the gap is filled.
func (v Vector) arrive(beyond map[location.Origin]run, o location.Origin, prev, seq uint64) {
	switch p, ok := beyond[o]; {
	case prev <= v[o]:
		v[o] = max(v[o], seq)
	case ok && prev <= p.hi:
		beyond[o] = run{p.lo, max(p.hi, seq)}
	default:
		beyond[o] = run{prev, seq}
	}
	v.join(beyond, o)
}

// join raises the vector over the run beyond it, if they now touch.
func (v Vector) join(beyond map[location.Origin]run, o location.Origin) {
	if p, ok := beyond[o]; ok && p.lo <= v[o] {
		v[o] = max(v[o], p.hi)
		delete(beyond, o)
	}
}

func (c *Core) arrive(o location.Origin, prev, seq uint64) {
	if c.mutant.jumpGaps {
		prev = min(prev, c.vector[o])
	}
	c.vector.arrive(c.beyond, o, prev, seq)
}

func (c *Core) join(o location.Origin) { c.vector.join(c.beyond, o) }
