package node

import (
	"errors"
	"io"
	"os"
	"time"
)

// read takes in what the client has sent, or waits for it.
func (c *session) read() error {
	s := c.server
	began := time.Now()
	if c.whole || c.idle.set.IsZero() { // half a line now and then is no life
		c.whole = false
		if by, due := c.idle.renew(began); due {
			c.conn.SetReadDeadline(by)
		}
	}
	for {
		c.adopt(began)
		d := s.draining.Load()
		if d != nil { // after renew, whose deadline may be later
			c.conn.SetReadDeadline(d.end(c))
			if s.draining.Load() != d {
				continue // this one took the place of that of a sooner end
			}
		}
		n, err := c.conn.Read(c.lines.Space())
		s.hold()
		c.received = s.config.Clock().UnixNano()
		if n > 0 { // an error comes again with the next read
			c.lines.Fed(n)
			s.count.bytesIn.Add(c.stripe, uint64(n))
			c.debug = s.log.IsDebug()
			return nil
		}
		switch d = s.draining.Load(); {
		case err == io.EOF:
			c.lines.End()
			return nil
		case hasStalled(c.conn):
			return errStalled
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case d.due(c, time.Now()):
			return c.endDrained(began)
		case d != nil: // it was another deadline
		case c.guest:
			if err := c.rest(began); err != nil {
				return err
			}
		case c.early():
		case !c.hasWaited():
			s.count.idle.Add(1)
			return errIdle
		}
	}
}

// hasWaited tells whether the client was silent because it waited for us, so that
// its time begins when it had its last reply; and then sets the deadline anew.
func (c *session) hasWaited() bool {
	last := c.queue.lastBusy()
	if !last.After(c.idle.set) {
		return false
	}
	by := c.idle.anew(last)
	c.conn.SetReadDeadline(by)
	return by.After(time.Now())
}
