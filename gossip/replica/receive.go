package replica

import (
	"errors"
	"fmt"
	"time"

	"herd/gossip/location"
)

// ErrMessage is wrapped by all errors of Receive: the peer sent what no correct
// peer sends. Nothing of the message counts that came after the fault; close the link.
var ErrMessage = errors.New("bad message")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMessage, fmt.Sprintf(format, args...))
}

// Receive takes one whole message that came on a lane of l, as [Core.Next] wrote it.
// It keeps no reference to message. A message for a closed link is ignored.
func (c *Core) Receive(now time.Duration, l *Link, lane Lane, message []byte) error {
	c.step(now)
	var err error
	if !l.closed {
		err = c.receive(l, lane, message)
	}
	if l.closed || err != nil {
		l.forgetMerged(lane)
	}
	return err
}

func (c *Core) receive(l *Link, lane Lane, message []byte) error {
	kind, body, err := splitKind(message)
	if err != nil {
		return err
	}
	if lane != kind.lane() {
		return bad("%s on the wrong lane", kind)
	}
	d := decoder{b: body, names: c.names}
	switch kind {
	case kindBatch:
		err = c.receiveBatch(l, body)
	case kindAck:
		seq, clock := d.uvarint(), d.duration()
		if err = d.end(); err == nil && seq > c.seq {
			err = bad("ack of batch %d, %d is the last", seq, c.seq)
		}
		if err == nil {
			c.acknowledged(l, seq, clock)
		}
	case kindGrant:
		clock, length := d.duration(), d.duration()
		if err = d.end(); err == nil && clock > c.now {
			err = bad("grant on a clock that is ahead of ours")
		}
		if c.mutant.ownLease {
			length = c.lease()
		}
		if err == nil {
			l.lease = max(l.lease, clock+min(length, maxLease))
		}
	case kindBehind:
		if err = d.end(); err == nil {
			l.oweAsk(true)
		}
	case kindFind:
		err = c.receiveFind(l, &d)
	case kindFound:
		err = c.receiveFound(l, &d)
	case kindAsk:
		hello, full := d.flag(), d.flag()
		v := d.vector()
		if err = d.end(); err != nil {
			break
		}
		c.disown(v)
		c.says(l, v[l.peer])
		if hello {
			l.hello, l.empty = v, len(v) == 0
		}
		c.asked(l, v, full || hello)
	case kindChunk:
		c.first.progress(c, l)
		err = c.receiveChunk(l, body)
	case kindFloor:
		f := d.floor()
		if err = d.end(); err == nil {
			err = c.receiveFloor(l, f)
		}
	case kindCommit:
		v := d.vector()
		if err = d.end(); err == nil {
			c.disown(v)
			c.committed(l, v)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// maxLease bounds what an origin may grant: far more than any does.
const maxLease = time.Hour

func (c *Core) receiveBatch(l *Link, body []byte) error {
	m := l.nextMerged(body)
	if m.err != nil {
		c.heard(l.peer, true) // of what came before the fault
		return m.err
	}
	if m.unsure { // as if it had been lost
		c.heard(l.peer, true)
		return nil
	}
	c.says(l, m.seq)
	c.arrive(l.peer, m.prev, m.seq)
	if c.vector[l.peer] < m.seq {
		c.heard(l.peer, true)
	}
	if m.refused {
		c.disk.lose()
	} else {
		c.disk.store(kindStored, l.peer, body)
	}
	if !c.disk.holdsBack() {
		l.oweAckSoon()
	}
	return nil
}

func (c *Core) receiveChunk(l *Link, body []byte) error {
	m := l.nextChunk(body)
	c.stats.note(&m.tally)
	c.stats.Incredible += m.incredible
	c.heardAll(m.newest)
	l.unsure = l.unsure || m.unsure
	switch {
	case m.err != nil || m.unsure: // no vector will cover it by this message
	case m.incredible > 0:
		c.disk.lose()
	default:
		c.disk.store(kindChunk, 0, body)
	}
	return m.err
}

// heardAll takes note of fixes of which these are, for some origin each, the newest dots.
func (c *Core) heardAll(newest []location.Dot) {
	for _, dot := range newest {
		if dot.Origin == 0 || c.mutant.unheardChunks {
			continue
		}
		c.heard(dot.Origin, dot.Origin != c.cfg.Self && !c.vector.CoversDot(dot))
	}
}

// applyForeign takes a fix whose dot may be anybody's.
func (c *Core) applyForeign(id []byte, e location.Entry) error {
	o := e.Dot.Origin
	if o == c.cfg.Self && e.Dot.Seq > c.seq+1 {
		return bad("a fix of our batch %d, %d is open", e.Dot.Seq, c.seq+1)
	}
	switch ok, err := c.horizon().judge(&e); {
	case err != nil:
		return err
	case !ok:
		c.stats.Incredible++
		return nil
	}
	if _, result := c.merge(id, e); result.Won() {
		c.stats.Applied++
	} else {
		c.stats.Redundant++
		c.stats.Duplicate += same(result)
	}
	c.heard(o, o != c.cfg.Self && !c.vector.CoversDot(e.Dot))
	return nil
}

// committed: we have all that the peer had of each origin when it began to answer, or so
// it says. See disown.
func (c *Core) committed(l *Link, v Vector) {
	if l.awaits = false; l.sendsAsk {
		l.touch(Delta)
	}
	if l.unsure { // we have not taken all that came before
		l.unsure, l.again = false, true
		return
	}
	c.says(l, v[l.peer])
	if c.vector[l.peer] > l.said {
		// It has never sealed what somebody told us that we have of it. It saw that in our
		// ask, and has sent all. What it has not sealed at all no vector names.
		if seq := v[l.peer]; seq > 0 {
			c.vector[l.peer] = seq
		} else {
			delete(c.vector, l.peer)
		}
		delete(c.beyond, l.peer)
		c.disk.unsay(l.peer)
		c.stats.Unfounded++
	}
	linked := make(map[location.Origin]*Link, len(c.links))
	for _, other := range c.links {
		linked[other.peer] = other
	}
	for _, o := range v.origins() {
		if _, ok := c.vector[o]; !ok && !c.wants(o) {
			continue
		}
		c.heard(o, false)
		seq := v[o]
		if other := linked[o]; other != nil {
			seq = other.limit(seq)
		}
		if seq > c.vector[o] {
			c.vector[o] = seq
			c.gone.news(o, c.now)
			c.join(o)
		}
	}
	c.first.commit(c, l, v)
	if !l.met {
		l.met, l.hello = true, nil
		c.emit(CaughtUp, l)
	}
	l.oweAck()
}

// maxFinds bounds the look-ups and answers that wait in one link.
const maxFinds = 1024

// Find asks the peer for its fix of a client. It answers by a Found event with the
// same lookup number, when what it has is in the table; or never, if the link ends.
// It returns false if too many wait already, or id is none.
func (c *Core) Find(now time.Duration, l *Link, lookup uint64, id []byte) bool {
	c.step(now)
	if l.closed || !isWord(id) || !l.findsMore() {
		return false
	}
	l.queueFind(appendFind(nil, lookup, id))
	return true
}

func (l *Link) findsMore() bool {
	return len(l.finds) < maxFinds && l.findBytes <= l.core.cfg.QueueBytes
}

func (l *Link) queueFind(message []byte) {
	l.finds = append(l.finds, message)
	l.findBytes += len(message)
	l.touch(Live)
}

func (c *Core) receiveFind(l *Link, d *decoder) error {
	lookup, id := d.uvarint(), d.id()
	if err := d.end(); err != nil {
		return err
	}
	if !l.findsMore() {
		c.stats.LookupsOff++
		return nil
	}
	c.stats.Lookups++
	e, ok := c.table.Held(id)
	l.queueFind(appendFound(nil, lookup, id, &e, ok))
	return nil
}

func (c *Core) receiveFound(l *Link, d *decoder) error {
	lookup, has := d.uvarint(), d.flag()
	if has {
		id, e := d.fix()
		if err := d.end(); err != nil {
			return err
		}
		if c.mutant.dotlessLookups {
			e.Dot = location.Dot{}
		}
		if err := c.applyForeign(id, e); err != nil {
			return err
		}
	} else if err := d.end(); err != nil {
		return err
	}
	c.events = append(c.events, Event{Kind: Found, Origin: l.peer, Lookup: lookup})
	return nil
}
