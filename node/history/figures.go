package history

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"
)

// quantiles are of a list and of as many zeros. It sorts the list.
func quantiles(list []time.Duration, zeros int) Quantiles {
	n := len(list) + zeros
	if n == 0 {
		return Quantiles{}
	}
	slices.Sort(list)
	nth := func(q float64) time.Duration { // the least with that share at or below it
		i := max(int(math.Ceil(q*float64(n)))-1, 0)
		if i < zeros {
			return 0
		}
		return list[i-zeros]
	}
	return Quantiles{n, nth(0), nth(.5), nth(.95), nth(.99), nth(1)}
}

// staleness finds, for each write that was acknowledged and each other process, the
// last read after it that showed something older.
func (c *checker) staleness() {
	var late []time.Duration
	zeros := 0
	for client, cells := range c.about {
		for _, x := range cells {
			least := c.least(x)
			for _, op := range c.acked[client] {
				o := &c.h.Ops[op]
				if c.proc(o.At) == x.proc {
					continue
				}
				rank := c.rankOf(c.perOp[op])
				i := sort.Search(len(least), func(i int) bool { return least[i] >= rank }) - 1
				switch {
				case i >= 0 && c.h.Ops[x.reads[i]].Inv > o.Ret:
					late = append(late, time.Duration(c.h.Ops[x.reads[i]].Inv-o.Ret))
				case len(x.reads) > 0 && c.h.Ops[x.reads[len(x.reads)-1]].Inv > o.Ret:
					zeros++
				}
			}
		}
	}
	c.r.Stale = len(late)
	c.r.Staleness = quantiles(late, zeros)
}

// least is, for each read of a cell, the least rank that it or a later one showed.
func (c *checker) least(x *cell) []int32 {
	least := make([]int32, len(x.reads))
	rank := int32(math.MaxInt32)
	for i := len(x.reads) - 1; i >= 0; i-- {
		rank = min(rank, c.rankOf(c.perOp[x.reads[i]]))
		least[i] = rank
	}
	return least
}

// counter counts commands.
type counter struct {
	Commands
	writes, reads []time.Duration
}

func (n *counter) add(o *Op) {
	switch o.Outcome {
	case OK:
		n.OK++
		took := time.Duration(o.Ret - o.Inv)
		if o.Kind == Write {
			n.writes = append(n.writes, took)
		} else {
			n.reads = append(n.reads, took)
		}
	case Fail:
		n.Fail++
	case Unknown:
		n.Unknown++
	}
}

func (n *counter) end() Commands {
	n.Writes, n.Reads = quantiles(n.writes, 0), quantiles(n.reads, 0)
	return n.Commands
}

// windows counts the commands of each fault.
func (c *checker) windows() {
	order := make([]int32, len(c.h.Ops))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(c.h.Ops[i].Inv, c.h.Ops[j].Inv) })
	first := func(instant int64) int {
		return sort.Search(len(order), func(i int) bool { return c.h.Ops[order[i]].Inv >= instant })
	}
	quiet := make([]int, len(order)+1) // how many faults begin and end with each
	for i := range c.h.Faults {
		f := &c.h.Faults[i]
		end := over(f)
		var at, elsewhere counter
		from, to := first(f.Inv), first(end)
		for _, op := range order[from:to] {
			o := &c.h.Ops[op]
			if len(f.Nodes) == 0 || slices.Contains(f.Nodes, o.At.Node) {
				at.add(o)
			} else {
				elsewhere.add(o)
			}
		}
		quiet[from]++
		quiet[to]--
		c.r.Windows = append(c.r.Windows, Window{f.Name, f.Nodes, time.Duration(f.Inv), time.Duration(end), at.end(), elsewhere.end()})
	}
	slices.SortStableFunc(c.r.Windows, func(a, b Window) int { return cmp.Compare(a.Begin, b.Begin) })
	var all, calm counter
	faults := 0
	for i, op := range order {
		faults += quiet[i]
		all.add(&c.h.Ops[op])
		if faults == 0 {
			calm.add(&c.h.Ops[op])
		}
	}
	c.r.All, c.r.Quiet = all.end(), calm.end()
}

// over is when a fault was over.
func over(f *Fault) int64 {
	if f.Ret == 0 {
		return math.MaxInt64
	}
	return f.Ret
}

// calms are the instants at which the last of the faults ended.
func (c *checker) calms() []int64 {
	type edge struct {
		at   int64
		step int
	}
	var edges []edge
	for i := range c.h.Faults {
		f := &c.h.Faults[i]
		edges = append(edges, edge{f.Inv, 1}, edge{over(f), -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.step, a.step)) })
	var calms []int64
	faults := 0
	for _, e := range edges {
		faults += e.step
		if faults == 0 && e.at != math.MaxInt64 {
			calms = append(calms, e.at)
		}
	}
	return calms
}

// converged finds how long after each calm a read last showed something older than what
// had been acknowledged before it. What is in no dump in the end does not count: to have
// lost it is another matter.
func (c *checker) converged() {
	calms := c.calms()
	if len(calms) == 0 {
		return
	}
	took := make([]time.Duration, len(calms))
	for client, cells := range c.about {
		var acked floor
		for _, op := range c.acked[client] {
			if f := c.perOp[op]; c.survived(int32(client), f) {
				acked = append(acked, mark{c.h.Ops[op].Ret, f, op})
			}
		}
		c.grow(acked)
		for _, x := range cells {
			for _, op := range x.reads {
				o := &c.h.Ops[op]
				i := sort.Search(len(calms), func(i int) bool { return calms[i] >= o.Inv }) - 1
				if i < 0 {
					continue
				}
				m := acked.before(calms[i])
				if m.fix == none || c.rankOf(c.perOp[op]) >= c.rankOf(m.fix) || c.perOp[op] == none && c.mayBeGone(m.fix, o.Ret) {
					continue
				}
				took[i] = max(took[i], time.Duration(o.Inv-calms[i]))
			}
		}
	}
	c.r.Converged = quantiles(took, 0)
}

// survived tells whether a fix, or a newer one, is in some dump, or there is none.
func (c *checker) survived(client, f int32) bool {
	if len(c.dumps) == 0 {
		return true
	}
	for _, d := range c.dumps {
		if g, ok := d.held[client]; ok && c.rankOf(g) >= c.rankOf(f) {
			return true
		}
	}
	return false
}
