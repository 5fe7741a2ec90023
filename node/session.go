package node

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
	"herd/node/protocol"
	"herd/places"
)

// When replies are sent though more lines wait to be answered.
const (
	maxReplies = 256 << 10             // bytes; one reply more may be held
	patience   = 50 * time.Millisecond // a WHATSAT took longer: so may the next
)

// session serves one connection. It reads what is there, answers all the lines in
// it, waits once until every report among them is acknowledged, and writes all
// the replies at once: pipelined commands share a read, a wait and a write.
//
// Its goroutine owns it; the server may set the read deadline of conn and close
// it.
type session struct {
	server *clientServer
	conn   net.Conn
	lines  *protocol.Lines

	idle, stall deadline // of reads, of writes
	received    int64    // the wall clock when the last bytes came, in nanoseconds
	debug       bool     // lines are logged
	linger      bool     // unread input may stand against our last replies

	// The batch: lines answered and not sent.
	buffer  *[]byte // the server's; nil between batches
	replies []byte
	reports uint64 // IAMATs among them
	ticket  uint64 // the greatest of theirs
	slow    bool   // it has taken long
}

func newSession(s *clientServer, conn net.Conn) *session {
	return &session{
		server: s,
		conn:   conn,
		lines:  protocol.NewLines(s.config.MaxLine),
		idle:   deadline{after: s.config.IdleTimeout},
		stall:  deadline{after: writeTimeout},
	}
}

// run serves the connection until it ends.
func (c *session) run() {
	defer c.server.leave(c)
	c.log("client connected")
	why := c.serve()
	c.release()
	if c.linger {
		c.lingerOn()
	}
	c.conn.Close()
	if why == nil {
		why = errEnded
	}
	c.log("client gone", "reason", why)
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
	for {
		switch line, status := c.lines.Next(); status {
		case protocol.Line:
			c.answer(line)
			if c.slow || len(c.replies) >= maxReplies {
				if err := c.send(); err != nil {
					return err
				}
			}
		case protocol.TooLong:
			c.invalid(line, protocol.LongLine)
			c.linger = true
			return errors.Join(errTooLong, c.send())
		case protocol.More:
			if err := c.send(); err != nil {
				return err
			}
			if err := c.read(); err != nil {
				return err
			}
		case protocol.Done:
			return c.send()
		}
	}
}

// answer runs one line and appends its reply to the batch.
func (c *session) answer(line []byte) {
	switch cmd := protocol.Parse(line, c.server.limits); cmd.Verb {
	case protocol.IAmAt:
		c.iAmAt(line, &cmd)
	case protocol.WhatsAt:
		c.whatsAt(line, &cmd)
	case protocol.Invalid:
		c.invalid(line, cmd.Reason)
	}
}

func (c *session) iAmAt(line []byte, cmd *protocol.Command) {
	s := c.server
	f := location.NewFix(s.config.Name, c.received, s.config.MaxAhead, cmd.Position, cmd.Time)
	c.ticket = max(c.ticket, s.config.Herd.Report(cmd.ID, f))
	c.reports++
	start := c.begin()
	c.replies = protocol.AppendAt(c.replies, cmd.ID, &f)
	c.logReply(line, start, protocol.None)
}

func (c *session) whatsAt(line []byte, cmd *protocol.Command) {
	s := c.server
	began := time.Now()
	e, ok := s.config.Herd.Lookup(s.alive, cmd.ID)
	if !ok {
		c.slow = time.Since(began) > patience
		c.invalid(line, protocol.UnknownClient)
		return
	}
	lat, lon := e.Position.Degrees()
	body := s.config.Places.Near(s.alive, places.Query{Latitude: lat, Longitude: lon, Radius: cmd.Radius, Limit: cmd.Limit})
	c.slow = time.Since(began) > patience
	s.count.whatsAt.Add(1)
	start := c.begin()
	c.replies = protocol.AppendWhatsAt(c.replies, cmd.ID, &e.Fix, body)
	c.logReply(line, start, protocol.None)
}

func (c *session) invalid(line []byte, why protocol.Reason) {
	c.server.count.invalid[why].Add(1)
	start := c.begin()
	c.replies = protocol.AppendInvalid(c.replies, line)
	c.logReply(line, start, why)
}

// begin makes room for a reply and tells where it starts.
func (c *session) begin() int {
	if c.buffer == nil {
		c.buffer = c.server.buffers.Get().(*[]byte)
		c.replies = (*c.buffer)[:0]
	}
	return len(c.replies)
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
	c.buffer, c.replies = nil, nil
	c.reports, c.ticket, c.slow = 0, 0, false
}

// send lets the replies of the batch go, once the herd has acknowledged what they
// tell. If it can't, none goes: an AT line is a promise.
func (c *session) send() error {
	if c.buffer == nil {
		return nil
	}
	s := c.server
	if c.reports > 0 {
		s.config.Herd.Flush()
		if err := s.config.Herd.Wait(s.alive, c.ticket); err != nil {
			return err
		}
		s.count.iAmAt.Add(c.reports)
	}
	if s.drainedBy.Load() != nil {
		c.linger = true
	}
	err := c.write(c.replies)
	c.release()
	return err
}

// read takes in what the client has sent, or waits for it.
func (c *session) read() error {
	s := c.server
	if by, due := c.idle.renew(time.Now()); due {
		c.conn.SetReadDeadline(by)
	}
	if by := s.drainedBy.Load(); by != nil { // after renew, whose deadline is later
		c.conn.SetReadDeadline(*by)
	}
	n, err := c.conn.Read(c.lines.Space())
	c.received = s.config.Clock().UnixNano()
	if n > 0 { // an error comes again with the next read
		c.lines.Fed(n)
		s.count.bytesIn.Add(uint64(n))
		c.debug = s.log.IsDebug()
		return nil
	}
	switch {
	case err == io.EOF:
		c.lines.End()
		return nil
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case s.drainedBy.Load() != nil:
		return errDrained
	}
	s.count.idle.Add(1)
	return errIdle
}

// log tells of the connection, at debug.
func (c *session) log(message string, args ...any) {
	if log := c.server.log; log.IsDebug() {
		log.Debug(message, append([]any{"client", c.conn.RemoteAddr().String()}, args...)...)
	}
}

// logReply tells of a line and its reply, which is the last of the batch.
func (c *session) logReply(line []byte, start int, why protocol.Reason) {
	if !c.debug {
		return
	}
	reply, _, _ := bytes.Cut(c.replies[start:], []byte{'\n'}) // without what is near
	args := []any{"in", hclog.Quote(line), "out", hclog.Quote(reply)}
	if why != protocol.None {
		args = append(args, "reason", why.String())
	}
	c.log("line answered", args...)
}
