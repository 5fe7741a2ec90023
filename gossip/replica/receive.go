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
		err = c.receiveAck(l, &d)
	case kindGrant:
		err = c.receiveGrant(l, &d)
	case kindBehind:
		if err = d.end(); err == nil {
			l.oweFullAsk()
		}
	case kindFind:
		err = c.receiveFind(l, &d)
	case kindFound:
		err = c.receiveFound(l, &d)
	case kindAsk:
		err = c.receiveAsk(l, &d)
	case kindChunk:
		c.first.progress(c, l)
		err = c.receiveChunk(l, body)
	case kindFloor:
		err = c.receiveFloor(l, &d)
	case kindCommit:
		err = c.receiveCommit(l, &d)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

func (c *Core) receiveAck(l *Link, d *decoder) error {
	seq, clock := d.uvarint(), d.duration()
	if err := d.end(); err != nil {
		return err
	}
	if seq > c.seq {
		return bad("ack of batch %d, %d is the last", seq, c.seq)
	}
	c.acknowledged(l, seq, clock)
	return nil
}

// maxLease bounds what an origin may grant: far more than any does.
const maxLease = time.Hour

func (c *Core) receiveGrant(l *Link, d *decoder) error {
	clock, length := d.duration(), d.duration()
	if err := d.end(); err != nil {
		return err
	}
	if clock > c.now {
		return bad("grant on a clock that is ahead of ours")
	}
	if c.mutant.ownLease {
		length = c.cfg.AckTimeout
	}
	l.lasts = min(length, maxLease)
	l.lease = max(l.lease, clock+l.lasts)
	return nil
}

func (c *Core) receiveAsk(l *Link, d *decoder) error {
	hello, full := d.flag(), d.flag()
	v := d.vector()
	if err := d.end(); err != nil {
		return err
	}
	c.disown(v)
	c.says(l, v[l.peer])
	if hello {
		l.hello, l.empty = v, len(v) == 0
	}
	c.asked(l, v, full || hello)
	return nil
}

func (c *Core) receiveBatch(l *Link, body []byte) error {
	m := l.nextMerged(body)
	if m.err != nil || m.unsure { // as if it had been lost, but for what was taken
		c.heard(l.peer, true)
		c.disk.lose()
		return m.err
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
	l.awaited = c.ran
	c.stats.note(&m.tally)
	c.stats.Incredible += m.incredible
	c.heardAll(m.newest)
	l.unsure = l.unsure || m.unsure
	if m.err != nil || m.unsure || m.incredible > 0 { // no vector will cover it by this message
		c.disk.lose()
	} else {
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

func (c *Core) receiveCommit(l *Link, d *decoder) error {
	v := d.vector()
	if err := d.end(); err != nil {
		return err
	}
	c.disown(v)
	c.committed(l, v)
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
