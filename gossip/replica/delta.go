package replica

import (
	"time"

	"herd/gossip/location"
)

// answer is a delta being sent: every fix whose dot theirs does not cover, then a
// commit with our vector as it was when the answer began. The scan goes shard by
// shard, other calls come between; what changes meanwhile, the vector does not cover.
type answer struct {
	theirs  Vector // not changed any more
	vector  Vector
	began   time.Duration
	looseAt uint64          // loose.added when it began
	skipped bool            // nothing to scan for
	floor   *location.Floor // of a mutant

	// The scan's. It is the writer's of the delta lane.
	shard     int
	uncovered Vector // of origins but ours, the greatest number met that vector does not cover
}

// scan is what the writer of a delta lane does of an answer without the lock.
type scan struct {
	answer *answer // that Next has left to Scan; nil: none
	ahead  bool    // Scan was called since the last Next
}

// asked: the peer has sent its vector.
func (c *Core) asked(l *Link, theirs Vector, full bool) {
	if l.answer != nil || c.now < l.rest || c.silent {
		l.next, l.nextIsFull = theirs, l.nextIsFull || full
		return
	}
	before := l.lastAsked
	l.lastAsked = c.vector.clone()
	a := &answer{theirs: theirs, vector: l.lastAsked, began: c.now, looseAt: c.loose.added, floor: c.floor.Load()}
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
		a.vector = c.vector.clone()
	}
	l.answer = a
	if l.lag && l.state == Out {
		l.committed = false // an ack of what came before the gap must not have it join
	}
	l.lag = false
	l.touch(Delta)
}

func (l *Link) nextDelta(buf []byte, limit int) ([]byte, bool) {
	if l.sendsAsk && !l.waits() && l.core.first.mayAsk(l) {
		hello := !l.saidHello
		buf = appendAsk(buf, l.core.askVector(), hello, l.askIsFull)
		l.awaits, l.awaited = l.askIsFull || hello, l.core.ran
		l.sendsAsk, l.askIsFull, l.saidHello = false, false, true
	}
	c, a, scanned := l.core, l.answer, l.scan.ahead
	if a != nil && c.silent {
		// What it has scanned may lack what this table has given up too soon.
		l.next, l.nextIsFull = a.theirs, true
		l.answer, a = nil, nil
	}
	l.scan = scan{answer: a}
	floor := c.floor.Load()
	if a == nil {
		return l.appendFloor(buf, floor), false
	}
	if !scanned {
		buf = c.scanOn(a, buf, limit)
	}
	if a.shard < c.table.Shards() {
		return buf, true
	}
	if !a.skipped && c.vector.Covers(a.uncovered) {
		c.loose.clean = max(c.loose.clean, a.looseAt)
	}
	if c.mutant.vectorAtEnd {
		a.vector = c.vector.clone()
	}
	if c.mutant.commitOpen {
		a.vector = a.vector.clone()
		a.vector[c.cfg.Self] = c.seq + 1
	}
	// What the scan has not met because it was given up, the floor covers, as it is now.
	if floor = c.floor.Load(); c.mutant.floorAtBegin {
		floor = a.floor
	}
	buf = appendCommit(l.appendFloor(buf, floor), a.vector)
	l.committed, l.need = true, max(l.need, a.vector[c.cfg.Self])
	l.answer, l.scan.answer = nil, nil
	if !a.skipped {
		l.rest = c.now + min(c.now-a.began, c.cfg.CompareEvery)
	}
	l.nextAnswer()
	return buf, l.answer != nil
}

// answerTime is for how long an answer may stand still, in times of CompareEvery. The scan of a
// large table may find nothing to send for some of that.
const answerTime = 10

// waits tells whether another ask would have the peer send twice what it sends. One that is
// silent, for its clock is wrong, sends nothing: it must be told what we get elsewhere meanwhile,
// or it would send that too when its clock is right.
func (l *Link) waits() bool {
	return l.awaits && l.core.ran-l.awaited < answerTime*l.core.cfg.CompareEvery
}

// nextAnswer begins to answer the ask that waits. Scans for one peer rest for as long as
// the last one took: whoever asks without end must not have a processor to himself.
func (l *Link) nextAnswer() {
	if l.next == nil || l.answer != nil || l.core.now < l.rest || l.core.silent {
		return
	}
	theirs, full := l.next, l.nextIsFull
	l.next, l.nextIsFull = nil, false
	l.core.asked(l, theirs, full)
}

// askAll sends our vector to all peers when one was lost: that one may have told only
// some of us. It is done once a second at the most: sessions may come and go faster
// than tables are scanned.
func (c *Core) askAll() {
	if !c.lost || c.now < c.askAt || c.mutant.neverCompare {
		return
	}
	c.lost, c.askAt = false, c.now+c.cfg.CompareEvery
	for _, l := range c.links {
		l.oweFullAsk()
	}
}

// Scan does ahead, without the lock, what of answering a vector takes longest: it
// appends a part of the answer to buf, about limit bytes at the most. Give what it returns
// to Next, which goes on from there, and call it by the same goroutine.
func (l *Link) Scan(buf []byte, limit int) []byte {
	l.scan.ahead = true
	if l.scan.answer != nil {
		buf = l.core.scanOn(l.scan.answer, buf, limit)
	}
	return buf
}

// scanOn goes on with the scan of a. Without the lock it sees the table only: what it
// must know of our vector is looked up when it has ended.
func (c *Core) scanOn(a *answer, buf []byte, limit int) []byte {
	start := len(buf)
	w := chunkWriter{buf: buf, limit: c.cfg.ChunkBytes}
	var o location.Origin // of the last fix: there are few, and they come in runs
	var ours, theirs uint64
	for seen := 0; a.shard < c.table.Shards() && seen < c.budget && len(w.buf)-start < limit; a.shard++ {
		seen++
		c.table.ScanHeld(a.shard, func(id string, e *location.Entry) {
			seen++
			if e.Dot.Origin != o {
				o = e.Dot.Origin
				ours, theirs = a.vector[o], a.theirs[o]
			}
			if e.Dot.Seq > ours && o != c.cfg.Self {
				a.meet(e.Dot)
			}
			if e.Dot.Seq > theirs && c.sends(e) {
				w.add(id, e)
			}
		})
	}
	w.close()
	return w.buf
}

// meet takes note of a dot that the vector did not cover when the answer began.
func (a *answer) meet(d location.Dot) {
	if a.uncovered == nil {
		a.uncovered = Vector{}
	}
	if len(a.uncovered) >= maxOrigins {
		d.Origin = 0 // which nobody has anything of
	}
	a.uncovered[d.Origin] = max(a.uncovered[d.Origin], d.Seq)
}

// sends is whether a fix is sent to who lacks its dot: always, but for mutants.
func (c *Core) sends(e *location.Entry) bool {
	return !(c.mutant.ownOnly && e.Dot.Origin != c.cfg.Self || c.mutant.dotAtSeal && e.Dot.Seq == 0)
}
