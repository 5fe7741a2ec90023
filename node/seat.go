package node

import (
	"errors"
	"time"

	"herd/node/poll"
)

// guestTime is for how long a connection must have had nothing to do before its
// goroutine gives it back to a loop: one that has to wait may have to soon again.
const guestTime = time.Second

// errSeated is no end: a loop serves the session now, and owns it.
var errSeated = errors.New("a loop goes on")

// seat is the place of a session in a loop.
type seat struct {
	socket poll.Socket
	loop   *loop
	pause  pause     // why no line is answered for now
	busy   bool      // replies have not left
	muted  bool      // input is left alone
	lively time.Time // when the last whole line came, or the client last had a reply
}

// seatLocked gives c, whose client was lively at a time, to the loop with the fewest
// connections, and tells whether it could. Then the loop owns it.
func (s *clientServer) seatLocked(c *session, lively time.Time) bool {
	if !poll.Can(c.conn) {
		return false
	}
	if s.loops == nil {
		s.startLoopsLocked()
	}
	var least *loop
	for _, l := range s.loops {
		if least == nil || l.seated() < least.seated() {
			least = l
		}
	}
	if least == nil {
		return false
	}
	socket, err := poll.Take(c.conn)
	if err != nil {
		return false
	}
	lines := c.lines
	if lines != nil && lines.Empty() {
		c.lines = nil
	}
	c.conn, c.stall.set = nil, time.Time{} // deadlines do not go along
	c.seat = &seat{socket: socket, loop: least, lively: lively}
	c.stripe = least.stripe
	if err := least.add(c); err != nil {
		c.conn, c.seat, c.lines = socket.Conn(), nil, lines
		return false
	}
	return true
}

// takeBack gives c to a loop again, and tells whether it could.
func (s *clientServer) takeBack(c *session, lively time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.Err() == nil && s.seatLocked(c, lively)
}

// handOver has a goroutine go on with the connection, which may wait.
func (l *loop) handOver(c *session, run func()) {
	s := l.server
	l.remove(c)
	l.poller.Remove(c.seat.socket)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.conn, c.seat = c.seat.socket.Conn(), nil
	c.guest, c.idle = true, deadline{after: s.bounds.Load().guestTime(s.guestTime)}
	if s.alive.Err() != nil {
		c.conn.Close()
	}
	s.running.Go(run)
}

// rest gives the session back to a loop, unless replies have yet to leave. The client
// was heard of last when the time was lively.
func (c *session) rest(lively time.Time) error {
	if !c.queue.busy() {
		if last := c.queue.lastBusy(); last.After(lively) {
			lively = last
		}
		if err := c.queue.end(nil); err != nil {
			return err
		}
		c.queue = nil
		if c.server.takeBack(c, lively) {
			return errSeated
		}
		c.guest, c.idle.after = false, c.server.bounds.Load().IdleTimeout
	}
	c.conn.SetReadDeadline(c.idle.anew(time.Now()))
	return nil
}
