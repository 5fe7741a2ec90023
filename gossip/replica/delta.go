package replica

import "herd/gossip/location"

// answer is a delta being sent: every fix whose dot theirs does not cover, then a
// commit with our vector as it was when the answer began. The scan goes shard by
// shard, other calls come between; what changes meanwhile, the vector does not cover.
type answer struct {
	theirs  Vector
	vector  Vector
	shard   int
	looseAt uint64 // loose.added when it began
	skipped bool   // nothing to scan for
	loose   bool   // it met a fix whose dot our own vector does not cover
}

// asked: the peer has sent its vector.
func (c *Core) asked(l *Link, theirs Vector, full bool) {
	if l.answer != nil {
		l.next, l.nextIsFull = theirs, l.nextIsFull || full
		return
	}
	before := l.lastAsked
	l.lastAsked = c.vector.Clone()
	a := &answer{theirs: theirs, vector: l.lastAsked, looseAt: c.loose.added}
	switch {
	case !c.loose.any() && theirs.Covers(c.vector):
		// Nothing to send but the commit.
		a.shard, a.skipped = c.table.Shards(), true
		c.stats.Compared++
	case !full && !c.loose.any() && before != nil && theirs.Covers(before):
		// All it lacks is younger than its last ask: on its way from its origins.
		c.stats.Compared++
		return
	default:
		c.stats.Deltas++
	}
	if c.mutant.dotAtSeal {
		c.seal()
		a.vector = c.vector.Clone()
	}
	l.answer = a
	if l.lag && l.state == Out {
		l.committed = false // an ack of what came before the gap must not have it join
	}
	l.lag = false
	l.touch(Delta)
}

func (l *Link) nextDelta(buf []byte, limit int) ([]byte, bool) {
	if l.sendsAsk && l.core.first.mayAsk(l) {
		hello := !l.saidHello
		buf = appendAsk(buf, l.core.vector, hello, l.askIsFull)
		l.sendsAsk, l.askIsFull, l.saidHello = false, false, true
	}
	a := l.answer
	if a == nil {
		return buf, false
	}
	c := l.core
	start := len(buf)
	w := chunkWriter{buf: buf, limit: c.cfg.ChunkBytes}
	for seen := 0; a.shard < c.table.Shards() && seen < c.budget && len(w.buf)-start < limit; a.shard++ {
		seen++
		c.table.Scan(a.shard, func(id string, e *location.Entry) {
			seen++
			if e.Dot.Origin != c.cfg.Self && !c.vector.CoversDot(e.Dot) {
				a.loose = true
			}
			if c.sendsIn(a, e) {
				w.add(id, e)
			}
		})
	}
	w.close()
	buf = w.buf
	if a.shard < c.table.Shards() {
		return buf, true
	}
	if !a.loose && !a.skipped {
		c.loose.clean = max(c.loose.clean, a.looseAt)
	}
	if c.mutant.vectorAtEnd {
		a.vector = c.vector.Clone()
	}
	if c.mutant.commitOpen {
		a.vector = a.vector.Clone()
		a.vector[c.cfg.Self] = c.seq + 1
	}
	buf = appendCommit(buf, a.vector)
	l.committed, l.need = true, max(l.need, a.vector[c.cfg.Self])
	l.answer = nil
	if l.next != nil {
		theirs, full := l.next, l.nextIsFull
		l.next, l.nextIsFull = nil, false
		c.asked(l, theirs, full)
	}
	return buf, l.answer != nil
}

func (c *Core) sendsIn(a *answer, e *location.Entry) bool {
	switch {
	case c.mutant.ownOnly && e.Dot.Origin != c.cfg.Self:
		return false
	case c.mutant.dotAtSeal && e.Dot.Seq == 0:
		return false
	}
	return !a.theirs.CoversDot(e.Dot)
}
