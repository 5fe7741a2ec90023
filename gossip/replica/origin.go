package replica

import (
	"cmp"
	"slices"
	"time"

	"herd/gossip/location"
)

// batch is the fixes accepted while it was open: for each client the greatest.
type batch struct {
	index map[string]int // client ID to its place in fixes
	fixes []record
	bytes int    // that fixes take when encoded
	name  string // of the node
}

type record struct {
	id    string
	entry location.Entry
}

// add puts e in, unless a greater fix of that client is there, or the same under a
// greater dot.
func (b *batch) add(id []byte, e location.Entry) {
	if i, ok := b.index[string(id)]; ok {
		have := &b.fixes[i]
		if cmp.Or(e.Compare(&have.entry.Fix), e.Dot.Compare(have.entry.Dot)) > 0 {
			b.bytes += encodedLen(b.name, id, &e) - encodedLen(b.name, id, &have.entry)
			have.entry = e
		}
		return
	}
	r := record{string(id), e}
	b.index[r.id] = len(b.fixes)
	b.fixes = append(b.fixes, r)
	b.bytes += encodedLen(b.name, id, &e)
}

func (b *batch) reset() {
	clear(b.index)
	clear(b.fixes)
	b.fixes, b.bytes = b.fixes[:0], 0
}

// Accept takes a client's report that this node received. The ticket is the batch
// to wait for before the client is answered; zero: none. id is not kept.
//
// The report is in the table, and so visible here, when Accept returns. It travels
// when [Core.Flush] is called, or a writer asks for more.
func (c *Core) Accept(now time.Duration, id []byte, f location.Fix) (ticket uint64) {
	c.step(now)
	c.stats.Accepted++
	if f.Clamped() {
		c.stats.Clamped++
	}
	e := location.Entry{Fix: f, Dot: location.Dot{Origin: c.cfg.Self}}
	c.makeRoom(encodedLen(c.cfg.Name, id, &e))
	if !c.mutant.dotAtSeal {
		e.Dot.Seq = c.seq + 1
	}
	was, result := c.merge(id, e)
	switch result {
	case location.Stale, location.Duplicate:
		c.stats.Stale++
		// It loses here, but who says that the others hold the winner?
		own := was.Dot.Origin == c.cfg.Self
		if own && c.mutant.ownLosersFree || !own && c.mutant.losersFree {
			return 0
		}
		if own {
			return c.ticket(was.Dot.Seq) // on its way, or there already
		}
	}
	c.open.add(id, e)
	return c.ticket(c.seq + 1)
}

func (c *Core) ticket(seq uint64) uint64 {
	if c.cfg.NoAcks {
		return 0
	}
	return seq
}

// Flush sends the open batch on its way if a peer's writer is idle, or if no peer
// takes batches now. While all writers are busy the batch stays open and grows; the
// first that asks for more seals it. A burst thus costs few batches and a lone
// report waits for nothing.
func (c *Core) Flush(now time.Duration) {
	c.step(now)
	takers := 0
	for _, l := range c.links {
		if l.lag {
			continue
		}
		if l.idle {
			takers = 0
			break
		}
		takers++
	}
	if takers == 0 {
		c.seal()
	}
}

// makeRoom seals the open batch if n bytes more would make it too long. A fix longer
// than a batch may be is alone in its own.
func (c *Core) makeRoom(n int) {
	if batchOverhead+c.open.bytes+n > c.cfg.ChunkBytes {
		c.seal()
	}
}

// seal numbers the open batch, encodes it once and queues it for every peer.
func (c *Core) seal() {
	if len(c.open.fixes) == 0 {
		return
	}
	c.seq++
	c.stats.Batches++
	fixes := c.open.fixes
	if c.mutant.dotAtSeal {
		c.dotNow()
	}
	if c.mutant.dropSuperseded {
		fixes = c.unsuperseded()
	}
	if c.mutant.coalesceQueued {
		c.coalesce(c.lastBatch, fixes)
		c.lastBatch = slices.Clone(fixes)
	}
	message := make([]byte, 0, batchOverhead-maxName+len(c.cfg.Name)+c.open.bytes)
	message = appendBatch(message, c.cfg.Name, c.seq-1, c.seq, fixes)
	c.open.reset()
	c.vector[c.cfg.Self] = c.seq
	c.sealedAt = append(c.sealedAt, c.ran)
	for _, l := range c.links {
		l.enqueue(message)
	}
	c.settle() // perhaps there is nobody to wait for
}

// unacknowledged is for how long, in run time, l has owed us an ack.
func (c *Core) unacknowledged(l *Link) time.Duration {
	if l.acked >= c.seq {
		return 0
	}
	sealed := l.joined
	if l.acked+1 >= c.firstAt {
		sealed = max(sealed, c.sealedAt[l.acked+1-c.firstAt])
	}
	return c.ran - sealed
}

// settle puts out who is late, and acknowledges what everybody else has.
func (c *Core) settle() {
	oldest, level, company := c.seq, c.seq, false
	for _, l := range c.links {
		if l.state != Out && c.unacknowledged(l) > c.cfg.AckTimeout {
			l.state, l.need = Out, c.seq
			c.stats.Outs++
			c.emit(MemberOut, l)
		}
		switch l.state {
		case In:
			level, company = min(level, l.acked), true
		case Joining:
			level = min(level, l.mark)
		default:
			continue
		}
		oldest = min(oldest, l.acked)
	}
	if c.hold <= c.ran && level > c.released {
		alone := !company && len(c.links) > 0
		if alone {
			c.stats.Alone += level - c.released
			if !c.alone {
				c.events = append(c.events, Event{Kind: Alone})
			}
		}
		c.released, c.alone = level, alone
	}
	// Nobody's age is counted from batches up to oldest any more.
	if drop := oldest + 1 - min(oldest+1, c.firstAt); drop > 0 {
		c.sealedAt = c.sealedAt[drop:]
		c.firstAt += drop
	}
}

// lease is how long a member may trust that it holds everything, from the instant of
// its clock that a grant echoes. It is what this origin says, not what the member is
// configured to.
func (c *Core) lease() time.Duration { return c.cfg.AckTimeout / 2 }

// acknowledged: the peer has every batch of ours up to seq; clock is its own, to be
// echoed if we can grant it a lease.
func (c *Core) acknowledged(l *Link, seq uint64, clock time.Duration) {
	l.acked = max(l.acked, seq)
	c.settle() // who is late goes out before it might come in
	if l.state == Out && l.committed && l.acked >= l.need && !l.lag {
		l.state, l.mark, l.joined = Joining, c.seq, c.ran
		if c.mutant.enterOnCommit {
			l.mark = 0
		}
	}
	if l.state == Joining && l.acked >= l.mark {
		l.state = In
		c.stats.Entries++
		c.emit(MemberIn, l)
	}
	if l.state == In && (c.mutant.grantAlways || c.unacknowledged(l) <= c.lease()) {
		l.oweGrant(clock)
		l.granted = c.ran
	}
}

// merge offers e to the table. Every fix of ours and of others goes through here.
func (c *Core) merge(id []byte, e location.Entry) (location.Entry, location.Result) {
	if c.mutant.firstWins || c.mutant.firstDot {
		if was, ok := c.table.Get(id); ok && c.mutant.refuses(&was, &e) {
			return was, location.Duplicate
		}
	}
	return c.table.Merge(id, e)
}
