package replica

import (
	"slices"
	"time"

	"herd/gossip/location"
)

// record is a fix and its client.
type record struct {
	id    string
	entry location.Entry
}

// Accept takes a client's report that this node received. The ticket is the batch
// to wait for before the client is answered; zero: none. id is not kept.
//
// The report is in the table, and so visible here, when Accept returns. It travels
// when [Core.Flush] is called, or a writer asks for more.
//
// It may be called by many goroutines at once and needs no lock of the caller's. Calls
// with another number for stripe, which is any, do not wait for each other: each goroutine
// that takes many reports has its own. If the open batch has no room it does nothing and
// returns false: then call AcceptNow.
func (c *Core) Accept(stripe int, id []byte, f location.Fix) (ticket uint64, ok bool) {
	e := location.Entry{Fix: f, Dot: location.Dot{Origin: c.cfg.Self}}
	n := encodedLen(c.cfg.Name, id, &e)
	s := c.open.of(stripe)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.open.room(s, n) {
		return 0, false
	}
	return c.acceptLocked(s, id, &e), true
}

// AcceptNow is Accept under the caller's lock. It makes room by sealing the batch. A fix
// longer than a batch may be is nearly alone in its own.
func (c *Core) AcceptNow(now time.Duration, stripe int, id []byte, f location.Fix) (ticket uint64) {
	c.step(now)
	e := location.Entry{Fix: f, Dot: location.Dot{Origin: c.cfg.Self}}
	s := c.open.of(stripe)
	c.inOpen(s, id, &e, func() { ticket = c.acceptLocked(s, id, &e) })
	return ticket
}

// inOpen calls f with the lock of s, when there is room for e in it.
func (c *Core) inOpen(s *stripe, id []byte, e *location.Entry, f func()) {
	n := encodedLen(c.cfg.Name, id, e)
	s.mu.Lock()
	for !c.open.room(s, n) && !c.open.empty() {
		s.mu.Unlock()
		c.seal()
		s.mu.Lock()
	}
	f()
	s.mu.Unlock()
	if n > c.open.bytes {
		c.seal()
	}
}

// acceptLocked is one step as the sealer sees it: the fix gets its dot, and is put in
// the table and in the open batch.
func (c *Core) acceptLocked(s *stripe, id []byte, e *location.Entry) (ticket uint64) {
	s.accepted++
	if e.Clamped() {
		s.clamped++
	}
	seq := s.seq
	if c.mutant.otherNumber {
		seq = c.open.stripes[len(c.open.stripes)-1].seq
	}
	if !c.mutant.dotAtSeal {
		e.Dot.Seq = seq
	}
	was, result := c.merge(id, *e)
	switch result {
	case location.Refused:
		s.refused++
		if c.givenUp(id, &e.Fix) { // nobody keeps it
			return 0
		}
	case location.Stale, location.Duplicate:
		s.stale++
		s.repeated += same(result)
		// It loses here, but who says that the others hold the winner?
		own := was.Dot.Origin == c.cfg.Self
		if own && c.mutant.ownLosersFree || !own && c.mutant.losersFree {
			return 0
		}
		if own && c.mutant.ownLosersHere {
			return c.ticket(min(was.Dot.Seq, seq))
		}
		if own {
			return c.ticket(was.Dot.Seq) // on its way, or there already
		}
	}
	c.open.add(s, id, e, &was)
	return c.ticket(seq)
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
// report waits for nothing. In a gap between batches it does nothing: see [Core.Due].
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
	if takers == 0 && c.now >= c.notYet {
		c.seal()
	}
}

// Due is when the gap ends for which the open batch waits, if it does: call Flush then.
func (c *Core) Due() (at time.Duration, waits bool) {
	return c.notYet, c.now < c.notYet && !c.open.empty()
}

// maxGap is the greatest gap between two batches.
const maxGap = 20 * time.Millisecond

// gap is the time that lies between two batches at least.
func (c *Core) gap() time.Duration {
	n := len(c.links)
	if n <= c.cfg.GapPeers {
		return 0
	}
	return min(time.Duration(n)*c.cfg.GapEach, maxGap)
}

// seal numbers the open batch and queues it for every peer. Without one that takes it
// there is no message: who comes later gets the fixes by a delta.
func (c *Core) seal() {
	if c.open.empty() {
		return
	}
	wanted := slices.ContainsFunc(c.links, func(l *Link) bool { return !l.lag }) || c.disk.takes()
	message := c.open.take(c.seq+2, wanted || c.mutant != mutant{})
	c.seq++
	c.notYet = c.now + c.gap()
	c.stats.Batches++
	if c.mutant != (mutant{}) {
		message = c.mutate(message)
	}
	c.vector[c.cfg.Self] = c.seq
	c.sealedAt = append(c.sealedAt, c.ran)
	for _, l := range c.links {
		l.enqueue(message)
	}
	if c.disk.takes() {
		c.disk.store(kindStored, c.cfg.Self, message[prefixLen+1:])
	} else {
		c.disk.lacks()
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

// settle puts out who is late, and acknowledges what everybody else has, or what Acks peers
// have if that is more. So who asks for more peers than there are waits for those that
// are in, and for nobody longer than for the AckTimeout.
func (c *Core) settle() {
	oldest, level, company := c.seq, c.seq, false
	for _, l := range c.links {
		c.putOut(l)
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
	enough := c.enough()
	if c.disk != nil {
		level, enough = c.disk.level(level), c.disk.level(enough)
	}
	if enough > c.released {
		c.released, c.alone = enough, false
	}
	if c.hold <= c.ran && level > c.released {
		alone := !company && len(c.links) > 0
		if alone {
			c.stats.Alone += level - c.released
			if !c.alone {
				c.events = append(c.events, Event{Kind: Alone})
			}
		}
		if c.cfg.Acks > 0 {
			c.stats.Short += level - c.released
		}
		c.released, c.alone = level, alone
	}
	// Nobody's age is counted from batches up to oldest any more.
	if drop := oldest + 1 - min(oldest+1, c.firstAt); drop > 0 {
		if int(drop) == len(c.sealedAt) {
			c.sealedAt = c.sealedAt[:0] // the room stays
		} else {
			c.sealedAt = c.sealedAt[drop:]
		}
		c.firstAt += drop
	}
}

// enough is the last batch that Acks peers have, if that is beyond what is acknowledged;
// else, and if all that are in are asked for, it is 0. What a peer has said that it has it
// has, in or not.
func (c *Core) enough() uint64 {
	if c.cfg.Acks == 0 {
		return 0
	}
	c.acks = c.acks[:0]
	for _, l := range c.links {
		if l.acked > c.released {
			c.acks = append(c.acks, l.acked)
		}
	}
	want := c.cfg.Acks
	if c.mutant.oneAckLess {
		want = max(want-1, 1)
	}
	if len(c.acks) < want {
		return 0
	}
	slices.Sort(c.acks)
	return c.acks[len(c.acks)-want]
}

// putOut puts l out if it is late.
func (c *Core) putOut(l *Link) {
	if l.state != Out && c.unacknowledged(l) > c.cfg.AckTimeout {
		l.state, l.need = Out, c.seq
		c.stats.Outs++
		c.emit(MemberOut, l)
	}
}

// lease is how long the peer may trust that it holds everything, from the instant of its
// clock that a grant echoes: until it would be put out for what it has yet to acknowledge, or
// for a batch sealed now. It is what this origin says, not what the member is configured to.
func (c *Core) lease(l *Link) time.Duration {
	if c.mutant.grantAlways {
		return c.cfg.AckTimeout
	}
	return c.cfg.AckTimeout - c.unacknowledged(l)
}

// acknowledged: the peer has every batch of ours up to seq; clock is its own, to be
// echoed if we can grant it a lease.
func (c *Core) acknowledged(l *Link, seq uint64, clock time.Duration) {
	last := l.acked <= c.released // else others had yet to acknowledge what it had
	l.acked = max(l.acked, seq)
	if last || l.state != In {
		c.settle() // who is late goes out before it might come in
	} else {
		c.putOut(l)
	}
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
	if length := c.lease(l); l.state == In && length > 0 {
		l.oweGrant(clock, length)
		l.promised = max(l.promised, c.ran+length)
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
