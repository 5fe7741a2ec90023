package history

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// upTo is, of one process and another, up to when it was known to hold what the other
// had acknowledged, or all that the other held.
type upTo struct {
	acked, all []until
}

// until says: as was known at an instant, up to when.
type until struct{ at, upTo int64 }

func (c *checker) sowHolds() {
	for i := range c.h.Holds {
		h := &c.h.Holds[i]
		who := c.proc(h.Who)
		for _, p := range h.Of {
			key := [2]int32{who, c.proc(p)}
			u := c.holds[key]
			if u == nil {
				u = &upTo{}
				c.holds[key] = u
			}
			if h.All {
				u.all = append(u.all, until{h.Ret, h.Inv})
			} else {
				u.acked = append(u.acked, until{h.Ret, h.Inv})
			}
		}
	}
	for _, u := range c.holds {
		growUntil(u.acked)
		growUntil(u.all)
	}
}

func growUntil(list []until) {
	slices.SortFunc(list, func(a, b until) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(list); i++ {
		list[i].upTo = max(list[i].upTo, list[i-1].upTo)
	}
}

// known is up to when something held, as was known before an instant.
func known(list []until, instant int64) int64 {
	i := sort.Search(len(list), func(i int) bool { return list[i].at >= instant })
	if i == 0 {
		return math.MinInt64
	}
	return list[i-1].upTo
}

// source is another process from which one has learned about the same client.
type source struct {
	from *cell
	*upTo
}

// sources are those from which a cell's process was seen to be up to date.
func (c *checker) sources(x *cell) []source {
	if len(c.holds) == 0 {
		return nil
	}
	var sources []source
	for _, from := range c.about[x.client] {
		if u := c.holds[[2]int32{x.proc, from.proc}]; u != nil && from != x {
			sources = append(sources, source{from, u})
		}
	}
	return sources
}

// source tests a look against what its process has learned from another.
func (c *checker) source(l *look, s source) {
	c.elsewhere(InSync, l, s.from.acked.before(known(s.acked, l.inv)), "it was up to date with the acknowledgements of another, which had given")
	all := known(s.all, l.inv)
	const held = "it had caught up with another, which held"
	for _, f := range []floor{s.from.acked, s.from.held} {
		c.elsewhere(CaughtUp, l, f.before(all), held)
	}
	c.atLeast(CaughtUp, l, s.from.shown.before(all), held) // there was room for what was shown
}

// reach is, of each process, up to when what it acknowledged, or held, was passed on to
// one that lives in the end.
type reach struct {
	acked, all map[int32]int64
}

// reaches goes through the holds from the last to the first, so that each finds what
// became of those to whom its process passed things on later.
func (c *checker) reaches() *reach {
	r := &reach{map[int32]int64{}, map[int32]int64{}}
	for _, d := range c.dumps {
		r.acked[d.proc], r.all[d.proc] = math.MaxInt64, math.MaxInt64
	}
	order := make([]*Hold, len(c.h.Holds))
	for i := range order {
		order[i] = &c.h.Holds[i]
	}
	slices.SortFunc(order, func(a, b *Hold) int { return cmp.Compare(b.Ret, a.Ret) })
	for _, h := range order {
		if until, ok := r.all[c.proc(h.Who)]; !ok || h.Ret >= until {
			continue
		}
		for _, p := range h.Of {
			n := c.proc(p)
			r.raise(r.acked, n, h.Inv)
			if h.All {
				r.raise(r.all, n, h.Inv)
			}
		}
	}
	return r
}

func (r *reach) raise(m map[int32]int64, n int32, to int64) {
	if was, ok := m[n]; !ok || was < to {
		m[n] = to
	}
}
