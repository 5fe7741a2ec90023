package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"herd/gossip/location"
	"herd/node/poll"
	"herd/node/protocol"
	"herd/places"
)

// When replies are sent though more lines wait to be answered.
const (
	// maxReplies is how many bytes of them a connection holds, and one reply more: then they
	// leave, and others have their turn; or wait for a client that does not read, with as much
	// again behind a question. A few bodies of places, or all the reports of a read.
	maxReplies = 64 << 10

	patience = 50 * time.Millisecond // a WHATSAT took longer: so may the next
)

// session serves one connection. It reads what is there, answers all the lines in
// it, waits once until every report among them is acknowledged, and writes all
// the replies at once: pipelined commands share a read, a wait and a write. A
// question whose answer has to be waited for goes to the queue, and so do the
// replies after it.
//
// Its goroutine owns it, and waits where there is something to wait for; the server
// may set the read deadline of conn and close it. Or a loop has it: then nothing is
// waited for. One that had to leave its loop goes back when it has rested a while.
type session struct {
	server *clientServer
	conn   net.Conn        // nil while a loop has it
	lines  *protocol.Lines // nil in a loop while nothing is held
	seat   *seat           // nil unless a loop has it

	idle     deadline   // of reads
	whole    bool       // a whole line has come since the time for one began anew
	addr     netip.Addr // of the client, if the connections of that are bounded
	guest    bool       // its goroutine has it from a loop, and gives it back
	stripe   int        // of the herd's: its loop's, or one of its own
	rank     uint16     // in a drain, of 65536; static once that has begun
	received int64      // the wall clock when the last bytes came, in nanoseconds
	debug    bool       // lines are logged
	wakeable bool       // a deadline that has passed wakes it and does no harm; guarded by server.mu
	again    []byte     // a line for which a loop would have had to wait; of lines
	why      error      // not nil: the session ends when all is sent

	// Lines answered and not sent.
	buffer *[]byte // the server's; nil between batches
	batch
	slow bool // it has taken long

	queue  *queue   // nil until something is put aside
	stall  deadline // of writes; the queue's while it is busy
	linger bool     // unread input may stand against our last replies
}

func newSession(s *clientServer, conn net.Conn) *session {
	return &session{
		server: s,
		conn:   conn,
		stripe: int(s.stripes.Add(1)),
		idle:   deadline{after: s.bounds.Load().IdleTimeout},
		stall:  deadline{after: writeTimeout},
	}
}

// run serves the connection until it ends or a loop has it.
func (c *session) run() {
	why := c.server.shake(c.conn)
	if why == nil {
		why = c.serve()
	}
	if why != errSeated {
		c.finish(why)
	}
}

// finish ends the connection for the reason why; nil: the client has ended.
func (c *session) finish(why error) {
	defer c.server.leave(c)
	c.release()
	why = c.queue.end(why)
	if c.linger {
		c.mayBeWoken(false)
		c.lingerOn()
	}
	c.conn.Close()
	c.ended(why)
}

// The ends of a session that are no errors of the connection.
var (
	errEnded   = errors.New("the client has ended")
	errIdle    = errors.New("idle for too long")
	errStalled = errors.New("does not read its replies")
	errTooLong = errors.New("line too long")
	errDrained = errors.New("the node ends")
)

// serve answers lines until there are no more: then it returns nil. An error says
// why it ended before.
func (c *session) serve() error {
	c.mayBeWoken(true)
	if c.lines == nil {
		c.lines = protocol.NewLines(c.server.bounds.Load().MaxLine)
	}
	for {
		switch pause, err := c.work(maxReplies); {
		case err != nil:
			return err
		case pause == full:
			if err := c.send(); err != nil {
				return err
			}
		case pause == drained:
			if err := c.send(); err != nil {
				return err
			}
			if err := c.read(); err != nil {
				return err
			}
		case pause == done:
			if err := c.settle(); err != nil {
				return err
			}
			c.linger = c.linger || c.why == errTooLong
			return c.why
		}
	}
}

// pause is why no line is answered for now.
type pause uint8

const (
	drained pause = iota // all that came are
	full                 // replies should leave first
	done                 // no more comes, or would be answered
)

// work answers the lines that are there, until the replies are most bytes or more. An
// error is the end of the session, unless it is [poll.ErrWouldWait].
func (c *session) work(most int) (pause, error) {
	if line := c.again; line != nil {
		c.again = nil
		if err := c.answer(line); err != nil {
			return full, err
		}
	}
	ahead := 0 // lines whose clients were fetched
	for !c.slow && len(c.replies) < most {
		switch line, status := c.lines.Next(); status {
		case protocol.Line:
			c.whole = true
			if ahead == 0 {
				ahead = c.fetch(line)
			}
			ahead--
			if err := c.answer(line); err != nil {
				return full, err
			}
		case protocol.TooLong:
			c.invalid(line, protocol.LongLine)
			c.why = errTooLong
		case protocol.More:
			return drained, nil
		case protocol.Done:
			return done, nil
		}
	}
	return full, nil
}

// answer runs one line and appends its reply to the batch, or puts both aside. An
// error is the end of the session.
func (c *session) answer(line []byte) error {
	switch cmd := protocol.Parse(line, c.server.bounds.Load().limits()); cmd.Verb {
	case protocol.IAmAt:
		c.iAmAt(line, &cmd)
	case protocol.WhatsAt:
		return c.whatsAt(line, &cmd)
	case protocol.Invalid:
		c.invalid(line, cmd.Reason)
	}
	return nil
}

func (c *session) iAmAt(line []byte, cmd *protocol.Command) {
	s := c.server
	f := location.NewFix(s.config.Name, c.received, s.config.MaxAhead, cmd.Position, cmd.Time)
	c.ticket = max(c.ticket, s.config.Herd.Report(c.stripe, cmd.ID, f))
	c.reports++
	start := c.begin()
	c.replies = protocol.AppendAt(c.replies, cmd.ID, &f)
	if c.debug {
		c.logReply(line, c.replies[start:], protocol.None)
	}
}

// whatsAt looks the client up at once, so that the reply tells of the reports
// before it and of none after it.
func (c *session) whatsAt(line []byte, cmd *protocol.Command) error {
	s := c.server
	e, found, ok := s.config.Herd.Prompt(cmd.ID)
	slow := false
	if !ok {
		if c.seat != nil {
			return c.later(line)
		}
		began := time.Now()
		e, found = s.config.Herd.Lookup(s.alive, cmd.ID)
		slow = time.Since(began) > patience
	}
	if !found {
		c.invalid(line, protocol.UnknownClient)
		c.slow = slow
		return nil
	}
	lat, lon := e.Position.Degrees()
	q := places.Query{Latitude: lat, Longitude: lon, Radius: cmd.Radius, Limit: cmd.Limit}
	start := c.begin()
	c.replies = protocol.AppendAt(c.replies, cmd.ID, &e.Fix)
	c.replies, ok = s.config.Places.AppendPrompt(c.replies, q)
	if !ok {
		c.undo(start)
		if c.seat != nil {
			return c.later(line)
		}
		return c.ask(line, cmd.ID, e.Fix, q)
	}
	c.replies = append(c.replies, protocol.PlacesEnd...)
	c.slow = slow
	s.count.whatsAt.Add(1)
	if c.debug {
		c.logReply(line, c.replies[start:], protocol.None)
	}
	return nil
}

// later keeps a line that can't be answered at once for whoever may wait.
func (c *session) later(line []byte) error {
	c.again = line
	return poll.ErrWouldWait
}

// ask puts a question aside. What was answered before it doesn't wait for it.
func (c *session) ask(line, id []byte, fix location.Fix, q places.Query) error {
	if c.queue == nil {
		c.queue = newQueue(c)
	}
	if err := c.putAside(); err != nil {
		return err
	}
	return c.queue.ask(line, id, fix, q)
}

func (c *session) invalid(line []byte, why protocol.Reason) {
	c.server.count.invalid[why].Add(1)
	start := c.begin()
	c.replies = protocol.AppendInvalid(c.replies, line)
	if c.debug {
		c.logReply(line, c.replies[start:], why)
	}
}

// begin makes room for a reply and tells where it starts.
func (c *session) begin() int {
	if c.buffer == nil {
		c.buffer = c.server.buffers.Get().(*[]byte)
		c.replies = (*c.buffer)[:0]
	}
	return len(c.replies)
}

// undo takes back begin, and what was appended since.
func (c *session) undo(start int) {
	if c.replies = c.replies[:start]; start == 0 {
		c.release()
	}
}

// release ends the batch and gives its buffer back.
func (c *session) release() {
	if c.buffer == nil {
		return
	}
	if cap(c.replies) <= 2*maxReplies {
		*c.buffer = c.replies[:0]
		c.server.buffers.Put(c.buffer)
	}
	c.buffer, c.batch, c.slow = nil, batch{}, false
}

// send lets the replies of the batch go, behind those in the queue if there are
// any.
func (c *session) send() error {
	if c.queue.busy() {
		return c.putAside()
	}
	if c.buffer == nil {
		return nil
	}
	c.flush()
	if err := c.deliver(c.server.alive, c.batch); err != nil {
		return err
	}
	c.release()
	return nil
}

// putAside moves the batch to the queue, and waits while that has no room.
func (c *session) putAside() error {
	if c.buffer == nil {
		return nil
	}
	c.flush()
	c.queue.add(c.batch)
	c.release()
	return c.queue.makeRoom()
}

// flush sends the reports of the batch on their way to the herd.
func (c *session) flush() {
	if c.reports > 0 {
		c.server.config.Herd.Flush()
	}
}

// deliver lets replies go, once the herd has acknowledged what they tell. If it
// can't, none goes: an AT line is a promise.
func (c *session) deliver(ctx context.Context, b batch) error {
	s := c.server
	if b.reports > 0 {
		if err := s.config.Herd.Wait(ctx, b.ticket); err != nil {
			return err
		}
		s.count.iAmAt.Add(c.stripe, b.reports)
	}
	return c.write(b.replies)
}

// settle lets everything go that is to be sent, however long that takes.
func (c *session) settle() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.queue.settle()
}
