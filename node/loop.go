package node

import (
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"herd/node/poll"
	"herd/node/protocol"
)

const (
	// maxTurn is how many connections a loop reads before it sends any of their
	// replies, and of how many it answers lines that were read before: they share one
	// flush, and the first of them waits for the last.
	maxTurn = 64

	// maxSpare is how many empty buffers a loop keeps.
	maxSpare = 64
)

// loop serves many connections in one goroutine. It goes by turns. In each it reads
// once from every connection that has something, answers the lines, sends all the
// reports among them on their way to the herd at once, and writes the replies.
// Replies that wait for an acknowledgement leave in a later turn, and lines that have
// long replies are answered in more than one, so that nobody has the loop to himself.
//
// It waits for input and for nothing else. A session for which it would have to wait
// (for a place, for another node, for a client that does not read) goes on in a
// goroutine, until it has nothing to do for a while.
type loop struct {
	server *clientServer
	poller *poll.Poller
	acks   *acks
	stripe int // of its sessions

	// Owned by run.
	now     time.Time
	idle    time.Duration // as of the last look at the server's bounds
	look    time.Time     // when to look for silent connections
	drain   *drain        // as of the last look at the server's
	due     time.Time     // when to look for sessions whose time has come in that
	ready   []poll.Ready
	turn    []*session        // those that have something to send
	more    []*session        // those with lines for the next turns; gone ones have no seat
	waiting []*session        // those with a report that is not acknowledged; gone ones have no seat
	spare   []*protocol.Lines // empty ones, to be lent

	mu       sync.Mutex // guards the fields below; held for no wait
	sessions []*session // by the number of their socket
	count    int
}

// startLoopsLocked starts one loop for every two processors: the streams of the herd and
// the providers need some too. Where there is no poller it starts none.
func (s *clientServer) startLoopsLocked() {
	s.loops = []*loop{}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		poller, err := poll.New(maxTurn)
		if err != nil {
			return // goroutines do as well
		}
		l := &loop{server: s, poller: poller, stripe: int(s.stripes.Add(1))}
		l.acks = newAcks(s, poller.Wake)
		s.loops = append(s.loops, l)
		s.running.Go(l.run)
		s.running.Go(l.acks.run)
	}
}

// wakeLoopsLocked has the loops look how the server does.
func (s *clientServer) wakeLoopsLocked() {
	for _, l := range s.loops {
		l.poller.Wake()
	}
}

// seated is how many connections the loop has.
func (l *loop) seated() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// add has the loop serve c.
func (l *loop) add(c *session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := c.seat.socket.Number()
	for n >= len(l.sessions) {
		l.sessions = append(l.sessions, make([]*session, max(64, len(l.sessions)))...)
	}
	if err := l.poller.Add(c.seat.socket); err != nil {
		return err
	}
	l.sessions[n] = c
	l.count++
	return nil
}

// remove takes c out, whose socket must be open still: nobody else has its number.
func (l *loop) remove(c *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[c.seat.socket.Number()] = nil
	l.count--
}

// session finds one by the number of its socket.
func (l *loop) session(number int) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[number]
}

// all is every session that the loop has.
func (l *loop) all() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*session, 0, l.count)
	for _, c := range l.sessions {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// run serves until no connection is there or will come.
func (l *loop) run() {
	defer l.poller.Close()
	defer l.acks.end()
	l.now = time.Now()
	l.tick()
	for l.server.open.Err() == nil || l.seated() > 0 {
		l.ready = l.ready[:0]
		if len(l.more) == 0 {
			l.ready = l.poller.Wait(l.ready)
		}
		l.server.hold()
		l.now = time.Now()
		if len(l.ready) == 0 {
			l.tick()
		}
		if len(l.more) > 0 {
			l.ready = l.poller.Look(l.ready)
		}
		for _, r := range l.ready {
			if c := l.session(r.Socket); c != nil {
				l.take(c, r.Broken)
			}
		}
		l.goOn()
		l.deliver()
	}
}

// tick does what no input causes.
func (l *loop) tick() {
	s := l.server
	idle := s.bounds.Load().IdleTimeout
	if idle != l.idle { // and none that is waited for is looked at too late
		l.idle, l.look = idle, time.Time{}
	}
	look := idle > 0 && !l.now.Before(l.look)
	if look {
		l.look = l.now.Add(idle / slack)
	}
	l.poller.Until(l.look) // before it looks, or a call of Wake might be lost
	d := s.draining.Load()
	if d != l.drain {
		l.drain, l.due = d, time.Time{}
	}
	due := d != nil && !l.now.Before(l.due)
	if due {
		l.due = l.now.Add(d.step())
	}
	if d != nil && (l.look.IsZero() || l.due.Before(l.look)) {
		l.poller.Until(l.due)
	}
	if s.bounds.Load().IdleTimeout != idle || s.draining.Load() != d { // since, and that call of Wake is lost
		l.poller.Wake()
	}

	l.acknowledged()
	killed := s.alive.Err() != nil
	if !killed && !due && !look {
		return
	}
	for _, c := range l.all() {
		switch {
		case killed:
			l.end(c, net.ErrClosed)
		case c.seat.busy:
		case d.due(c, l.now):
			l.endDrained(c)
		case idle > 0 && l.now.Sub(c.seat.lively) >= idle:
			s.count.idle.Add(1)
			l.end(c, errIdle)
		}
	}
}

// take takes in what the client has sent, and answers the lines.
func (l *loop) take(c *session, broken bool) {
	s := l.server
	if c.seat.busy {
		if broken {
			l.end(c, net.ErrClosed)
		} else if !c.seat.muted {
			c.seat.muted = true
			l.poller.Mute(c.seat.socket)
		}
		return
	}
	if c.lines == nil {
		c.lines = l.lend()
	}
	n, err := c.seat.socket.Read(c.lines.Space())
	c.received = s.config.Clock().UnixNano()
	switch {
	case n > 0:
		c.lines.Fed(n)
		s.count.bytesIn.Add(c.stripe, uint64(n))
		c.debug = s.log.IsDebug()
	case err == io.EOF:
		c.lines.End()
	case err != poll.ErrWouldWait:
		l.end(c, err)
		return
	}
	l.work(c)
}

// goOn answers lines that the turns before have left, of as many connections as are read in
// one: what these bring waits for no more.
func (l *loop) goOn() {
	n := min(len(l.more), maxTurn)
	for _, c := range l.more[:n] {
		if c.seat != nil {
			l.work(c)
		}
	}
	l.more = slices.Delete(l.more, 0, n)
}

// work answers the lines that are there, or as many as a turn may.
func (l *loop) work(c *session) {
	pause, err := c.work(maxReplies)
	if c.whole { // half a line now and then is no life
		c.whole, c.seat.lively = false, l.now
	}
	if err != nil {
		l.handOver(c, c.run)
		return
	}
	c.seat.pause = pause
	if pause == drained && c.buffer == nil {
		l.rest(c)
		return
	}
	c.seat.busy = true
	l.turn = append(l.turn, c)
}

// deliver sends what the turn has brought.
func (l *loop) deliver() {
	for _, c := range l.turn {
		if c.reports > 0 {
			l.server.config.Herd.Flush() // all of the turn
			break
		}
	}
	for i, c := range l.turn {
		l.turn[i] = nil
		l.settle(c)
	}
	l.turn = l.turn[:0]
}

// settle writes what a session has to say, if its reports have been acknowledged; else it
// waits.
func (l *loop) settle(c *session) {
	switch acked, err := l.acks.have(c.ticket); {
	case err != nil:
		l.end(c, err)
	case acked:
		l.write(c)
	default:
		l.waiting = append(l.waiting, c)
	}
}

// acknowledged goes on with sessions whose reports have been acknowledged.
func (l *loop) acknowledged() {
	if !l.acks.heard() {
		return
	}
	waiting := l.waiting
	l.waiting = l.waiting[:0]
	for _, c := range waiting {
		if c.seat == nil {
			continue
		}
		l.settle(c)
	}
	clear(waiting[len(l.waiting):])
}

// write sends the replies of c, all of which may leave, and goes on with it.
func (l *loop) write(c *session) {
	s := l.server
	s.count.iAmAt.Add(c.stripe, c.reports)
	c.reports, c.ticket = 0, 0
	if len(c.replies) > 0 {
		n, err := c.seat.socket.Write(c.replies)
		s.count.bytesOut.Add(c.stripe, uint64(n))
		c.replies = c.replies[:copy(c.replies, c.replies[n:])]
		if err == poll.ErrWouldWait {
			l.handOver(c, c.run)
			return
		}
		if err != nil {
			l.end(c, err)
			return
		}
	}
	if c.seat.pause == full {
		c.slow = false
		l.more = append(l.more, c) // and it keeps its buffer
		return
	}
	c.release()
	switch c.seat.pause {
	case drained:
		c.seat.lively = l.now
		l.rest(c)
	case done:
		c.linger = c.linger || c.why == errTooLong
		l.end(c, c.why)
	}
}

// rest leaves c alone until it has input.
func (l *loop) rest(c *session) {
	c.seat.busy = false
	if l.server.draining.Load().due(c, l.now) {
		l.endDrained(c)
		return
	}
	if c.lines.Empty() {
		l.giveBack(c)
	}
	if c.seat.muted {
		c.seat.muted = false
		l.poller.Unmute(c.seat.socket)
	}
}

// lend gives a buffer to a connection that has input.
func (l *loop) lend() *protocol.Lines {
	n, longest := len(l.spare), l.server.bounds.Load().MaxLine
	if n > 0 && l.spare[n-1].Longest() != longest {
		clear(l.spare)
		n, l.spare = 0, l.spare[:0]
	}
	if n == 0 {
		return protocol.NewLines(longest)
	}
	lines := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return lines
}

// giveBack takes its buffer from a connection.
func (l *loop) giveBack(c *session) {
	if len(l.spare) < maxSpare && c.lines.Longest() == l.server.bounds.Load().MaxLine {
		l.spare = append(l.spare, c.lines)
	}
	c.lines = nil
}

// end ends the connection. Where replies might be lost by that, it has a goroutine
// see to it.
func (l *loop) end(c *session, why error) {
	if c.linger {
		l.handOver(c, func() { c.finish(why) })
		return
	}
	c.release()
	l.remove(c)
	c.seat.socket.Close()
	l.server.leave(c)
	c.ended(why)
	c.lines, c.seat = nil, nil
}
