package node

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A drain has so many parts. In the first eight sessions end evenly spread, each at a moment
// when it has nothing half answered. In the ninth what is busy still may end; the rest is for the
// goodbye to the herd.
const (
	drainParts  = 10
	spreadParts = 8
	busyParts   = 9
)

// drain is how the sessions of a server end: each at a time of its own.
type drain struct {
	begun  time.Time
	spread time.Duration
}

// end is when c is to end, unless it is busy then: it reads until then.
func (d *drain) end(c *session) time.Time {
	return d.begun.Add(drainGrace + d.spread>>16*time.Duration(c.rank))
}

// due tells whether c is to end as soon as it is not busy. No drain: it is not.
func (d *drain) due(c *session, now time.Time) bool { return d != nil && !now.Before(d.end(c)) }

// step is how often a loop looks for sessions that are due: a look costs it all that it has.
func (d *drain) step() time.Duration { return max(drainGrace, d.spread/256) }

// endDrained ends the session because the node leaves. It has had nothing to do since a time,
// but for the queue. What the client was sent just now must not be lost for what it may
// send meanwhile.
func (c *session) endDrained(since time.Time) error {
	if err := c.settle(); err != nil {
		return errors.Join(errDrained, err)
	}
	if last := c.queue.lastBusy(); last.After(since) {
		since = last
	}
	replied := !c.stall.set.IsZero()
	c.linger = c.linger || replied && time.Since(since) < lingerTime
	return errDrained
}

// endDrained ends a connection of the loop as [session.endDrained] does.
func (l *loop) endDrained(c *session) {
	c.linger = c.linger || l.now.Sub(c.seat.lively) < lingerTime
	l.end(c, errDrained)
}

// drain has no connection come any more, and all sessions end within spread. It may be called
// again: the sooner end holds.
func (s *clientServer) drain(spread time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	s.config.Listener.Close()
	now := time.Now()
	d := &drain{begun: now, spread: spread}
	was := s.draining.Load()
	if was != nil && !now.Add(spread).Before(was.begun.Add(was.spread)) {
		return
	}
	if was == nil { // before anybody asks for the ranks
		n := 0
		for c := range s.sessions {
			c.rank = uint16(n << 16 / len(s.sessions))
			n++
		}
	}
	s.draining.Store(d)
	for c := range s.sessions {
		if c.conn != nil {
			c.conn.SetReadDeadline(d.end(c))
		}
	}
	s.wakeLoopsLocked()
}

// parting is the end of a node for its clients: by when all of them are gone. The zero value is
// that of a node that nobody has asked to leave. It is safe for concurrent use.
type parting struct {
	usual atomic.Int64 // nanoseconds that it takes if nobody says otherwise

	mu   sync.Mutex // guards the fields below, and calls of told
	end  time.Time  // zero: never
	told func(left time.Duration)
}

// within has all clients gone in that time, or sooner if that was asked for.
func (p *parting) within(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := time.Now().Add(d)
	if !p.end.IsZero() && !end.Before(p.end) {
		return
	}
	p.end = end
	if p.told != nil {
		p.told(d)
	}
}

// usualDrain is over how long clients' connections end if nobody says otherwise.
func (n *Node) usualDrain() time.Duration { return time.Duration(n.parting.usual.Load()) }

// leaveWithin has the node leave, and its clients be gone within that time, or sooner if that was
// asked for.
func (n *Node) leaveWithin(drain time.Duration) {
	n.parting.within(drain)
	n.leave()
}

// follow calls told with the time that is left, now and whenever that gets less, one call at a
// time, until stop is called. It must not wait.
func (p *parting) follow(told func(left time.Duration)) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = told
	told(max(time.Until(p.end), 0)) // none if it was never asked for
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told = nil
	}
}
