package history

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// mark is a fix, or a rank, that was known at an instant.
type mark struct {
	at  int64
	fix int32
	op  int32 // that tells
}

// floor is what was known, as it grew: once its marks are sorted, each is the greatest
// of those up to its instant.
type floor []mark

// cell is what one process did for one client.
type cell struct {
	client, proc int32

	acked floor // own writes, by when they were acknowledged
	held  floor // writes acknowledged elsewhere while this one was in sync
	shown floor // by when it was shown
	gone  floor // what had been there, by when it was seen to have expired
	reads []int32
}

// sow puts every op where it has something to tell.
func (c *checker) sow() {
	for i := range c.h.Ops {
		if o := &c.h.Ops[i]; o.Kind == Write && o.Outcome == OK {
			p := c.proc(o.At)
			if at, ok := c.begun[p]; !ok || o.Ret < at {
				c.begun[p] = o.Ret
			}
		}
	}
	for i := range c.h.Ops {
		o, op := &c.h.Ops[i], int32(i)
		if o.Outcome != OK {
			continue
		}
		client, f := c.client(o.Client), c.perOp[i]
		switch {
		case o.Kind == Read && f == none && o.Line != "": // an answer that is none
		case o.Kind == Read:
			x := c.cell(client, c.proc(o.At))
			x.reads = append(x.reads, op)
			if f != none {
				x.shown = append(x.shown, mark{o.Ret, f, op})
			}
		case f != none:
			m := mark{o.Ret, f, op}
			x := c.cell(client, c.proc(o.At))
			x.acked = append(x.acked, m)
			for _, p := range o.Held {
				x := c.cell(client, c.proc(p))
				x.held = append(x.held, m)
			}
		}
	}
	for _, cells := range c.about {
		for _, x := range cells {
			c.grow(x.acked)
			c.grow(x.held)
			c.grow(x.shown)
			slices.SortFunc(x.reads, func(i, j int32) int { return cmp.Compare(c.h.Ops[i].Inv, c.h.Ops[j].Inv) })
		}
	}
	c.sowHolds()
}

// cell is the cell of a client and a process.
func (c *checker) cell(client, proc int32) *cell {
	key := [2]int32{client, proc}
	x := c.cells[key]
	if x == nil {
		x = &cell{client: client, proc: proc}
		c.cells[key] = x
		c.about[client] = append(c.about[client], x)
	}
	return x
}

// grow sorts a floor and makes every mark the greatest so far.
func (c *checker) grow(f floor) {
	slices.SortFunc(f, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(f); i++ {
		if c.rankOf(f[i-1].fix) > c.rankOf(f[i].fix) {
			f[i].fix, f[i].op = f[i-1].fix, f[i-1].op
		}
	}
}

// before is the greatest that was known before an instant. Equal instants count as
// concurrent.
func (f floor) before(instant int64) mark {
	i := sort.Search(len(f), func(i int) bool { return f[i].at >= instant })
	if i == 0 {
		return mark{fix: none, op: none}
	}
	return f[i-1]
}

// look is a read, or the dump of one client at one process.
type look struct {
	*cell
	fix      int32
	op       int32 // none: it is a dump
	inv, ret int64
}

// visible tests what each process showed against what it had to show.
//
// A process is, for each client, a max-register: what it has acknowledged, what it has
// shown, and what others have acknowledged while it was in sync with them, are floors
// that never sink. A read must be at or above each floor as it was when the read began.
func (c *checker) visible() {
	last := make(map[int32]*dump, len(c.dumps))
	for i := range c.dumps {
		last[c.dumps[i].proc] = &c.dumps[i]
	}
	for _, cells := range c.about {
		for _, x := range cells {
			sources := c.sources(x)
			for _, op := range x.reads {
				o := &c.h.Ops[op]
				c.look(&look{x, c.perOp[op], op, o.Inv, o.Ret}, sources)
			}
			if d := last[x.proc]; d != nil {
				f, ok := d.held[x.client]
				if !ok {
					f = none
				}
				c.look(&look{x, f, none, d.inv, d.ret}, sources)
			}
		}
	}
}

// look tests one look. Those of one cell come in the order of their beginnings.
func (c *checker) look(l *look, sources []source) {
	if l.fix != none && c.h.givesUp() {
		gone := l.gone.before(l.inv)
		if c.test(Resurrection, c.rankOf(gone.fix) < c.rankOf(l.fix)) {
			c.tellLook(Resurrection, l, "it had been given up there already", gone)
			return
		}
		if c.test(Resurrection, !c.mustBeGone(l.fix, l.inv) || c.isNew(l)) {
			c.tellLook(Resurrection, l, fmt.Sprintf("its time was over at %s, whatever the node's clock", at(c.deadline(l.fix, c.h.TTL))), mark{fix: none, op: none})
			return
		}
	}
	c.atLeast(OwnWrites, l, l.acked.before(l.inv), "the node has acknowledged")
	c.elsewhere(InSync, l, l.held.before(l.inv), "the node was in sync when another acknowledged")
	c.atLeast(Monotonic, l, l.shown.before(l.inv), "the node has shown")
	for _, s := range sources {
		c.source(l, s)
	}
	if l.fix == none && c.h.givesUp() {
		c.expired(l)
	}
}

// isNew tells whether the process may have been a newcomer that had met nobody, and what it
// showed a report that it took after its time: it gives up nothing until it has taken one.
func (c *checker) isNew(l *look) bool {
	f := &c.fixes[l.fix]
	if f.Node != c.nodes[l.proc] || f.Received < add(f.Order, int64(c.h.TTL)) {
		return false
	}
	at, ok := c.begun[l.proc]
	return !ok || l.inv <= add(at, int64(c.h.Begin))
}

// elsewhere is atLeast for what another has acknowledged. If that was given up for want of room,
// which takes it nowhere, a node that has yet to hear of the floor may show something older: what
// was there before, if there was no room from the first; else its twin, if somebody reports that
// anew.
func (c *checker) elsewhere(p Promise, l *look, known mark, how string) {
	refused := known.op != none && c.crowdedOut(known.fix, c.h.Ops[known.op].Ret)
	if !refused && !(c.twin(l.fix, known.fix) && c.mayBeGone(known.fix, l.ret)) {
		c.atLeast(p, l, known, how)
	}
}

// twin tells whether two fixes are of one client and one order time.
func (c *checker) twin(a, b int32) bool {
	return a != none && b != none && c.place(a) == c.place(b)
}

// atLeast tests that a look shows what is known, or something newer.
func (c *checker) atLeast(p Promise, l *look, known mark, how string) {
	if known.fix == none {
		return
	}
	ok := c.rankOf(l.fix) >= c.rankOf(known.fix) || l.fix == none && c.mayBeGone(known.fix, l.ret)
	if c.test(p, ok) {
		c.tellLook(p, l, how, known)
	}
}

func (c *checker) tellLook(p Promise, l *look, how string, known mark) {
	s := story{p, l.proc, known.op}
	if known.op != none && c.told[s] || !c.room(p) {
		return
	}
	c.told[s] = true
	shows := "does not know the client"
	if l.fix != none {
		shows = fmt.Sprintf("shows %q", c.fixes[l.fix].line)
	}
	why := fmt.Sprintf("%s: %s %s; %s", c.names[l.client], c.process(l.proc), shows, how)
	if known.fix != none {
		why += fmt.Sprintf(" %q", c.fixes[known.fix].line)
	}
	if l.op == none {
		why = "in the end, " + why
	}
	c.tell(p, c.names[l.client], why, known.op, l.op)
}

// expired notes that a look found nothing where there had been something.
func (c *checker) expired(l *look) {
	known := l.gone.before(l.inv)
	for _, m := range []mark{l.acked.before(l.inv), l.held.before(l.inv), l.shown.before(l.inv)} {
		if c.rankOf(m.fix) > c.rankOf(known.fix) {
			known = m
		}
	}
	if known.fix == none {
		return
	}
	m := mark{l.ret, known.fix, l.op}
	i := sort.Search(len(l.gone), func(i int) bool { return l.gone[i].at > m.at })
	l.gone = slices.Insert(l.gone, i, m)
	c.grow(l.gone[max(i-1, 0):])
}

func (c *checker) process(n int32) Process {
	for p, m := range c.procs { // only for a story
		if m == n {
			return p
		}
	}
	return Process{}
}
