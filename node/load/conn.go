package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// maxReply bounds a reply: what is longer is no reply.
const maxReply = 1 << 20

// connection is one connection and the commands on it that are not answered yet, in a
// ring. In the open loop the pace adds commands and a goroutine of the connection's own
// takes the replies; in the closed loop that goroutine does both.
type connection struct {
	group *group
	net   net.Conn
	speak dialect

	ring    []command // len is a power of two
	tail    atomic.Uint64
	head    atomic.Uint64
	written uint64 // of the adder: ring[written:tail] has not been sent

	closing atomic.Bool // no command is added any more
	dead    atomic.Bool

	// Of the goroutine that takes replies.
	buf     []byte
	have    int // buf[:have] has been received and is no whole reply
	scratch [128]byte

	// Of the pace.
	number  int   // among all connections
	round   int64 // turns taken
	waiting bool  // on the list of the same name
	dirty   bool
}

// room is how many commands may be added. A connection that is gone has room for ever:
// nothing is added.
func (c *connection) room() int {
	if c.dead.Load() {
		return len(c.ring)
	}
	return len(c.ring) - int(c.tail.Load()-c.head.Load())
}

func (c *connection) slot(i uint64) *command { return &c.ring[i&uint64(len(c.ring)-1)] }

// add makes the next command of m; false if there is none. There must be room.
func (c *connection) add(m *maker, due, wall int64) bool {
	tail := c.tail.Load()
	if !m.next(c.slot(tail), due, wall) {
		return false
	}
	c.tail.Store(tail + 1)
	return true
}

// flush writes the commands that were added. The buffer is the caller's, for reuse.
func (c *connection) flush(buf []byte) []byte {
	buf = buf[:0]
	for tail := c.tail.Load(); c.written != tail; c.written++ {
		buf = c.speak.append(buf, c.slot(c.written))
	}
	if _, err := c.net.Write(buf); err != nil {
		c.lose("write", err)
	}
	return buf
}

// lose gives up a connection.
func (c *connection) lose(doing string, err error) {
	if c.dead.Swap(true) {
		return
	}
	c.net.Close()
	c.group.alive.Add(-1)
	t := &c.group.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
	t.sample(fmt.Sprintf("%s: %s: %v", c.net.RemoteAddr(), doing, cause(err)))
}

// cause is an error of the network without its addresses.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// receive reads once and takes the replies. It returns false when nothing more is to
// come.
func (c *connection) receive() bool {
	if c.have == len(c.buf) {
		if c.have >= maxReply {
			c.lose("read", errors.New("a reply does not end"))
			return false
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.net.Read(c.buf[c.have:])
	if n > 0 {
		c.have += n
		if !c.take(c.group.clock()) {
			return false
		}
	}
	answered := c.head.Load() == c.tail.Load()
	switch {
	case c.closing.Load() && answered:
		return false
	case err == nil:
		return true
	case errors.Is(err, os.ErrDeadlineExceeded): // what is not answered is counted at the end
		return false
	}
	c.lose("read", err)
	return false
}

// take takes the whole replies from the buffer; false if one answers nothing.
func (c *connection) take(now int64) bool {
	b := c.buf[:c.have]
	head, tail := c.head.Load(), c.tail.Load()
	t := &c.group.tally
	t.mu.Lock()
	for len(b) > 0 {
		if head == tail {
			// It may have been added, and answered, since.
			if tail = c.tail.Load(); head == tail {
				t.wrong++
				t.sample(fmt.Sprintf("a reply to nothing: %.80q", b))
				t.mu.Unlock()
				c.lose("read", errors.New("more replies than commands"))
				return false
			}
		}
		command := c.slot(head)
		n := c.speak.frame(command, b)
		if n == 0 {
			break
		}
		if why := c.speak.check(command, b[:n], c.scratch[:]); why != "" {
			t.wrong++
			if len(t.samples) < maxSamples {
				t.sample(misfit(c.speak, command, b[:n], why))
			}
		} else {
			c.group.count(command, now)
		}
		b = b[n:]
		head++
	}
	t.mu.Unlock()
	c.head.Store(head)
	c.have = copy(c.buf, b)
	return true
}

// misfit is what is shown of a wrong reply.
func misfit(speak dialect, c *command, reply []byte, why string) string {
	text := speak.append(nil, c)
	if _, ok := speak.(*nearDialect); ok {
		text, _, _ = bytes.Cut(text, headEnd[:2]) // a header may be a secret
	}
	return fmt.Sprintf("%s: %.120q answered %.160q", why, text, reply)
}

// unanswered is how many commands have no reply, once the connection has ended.
func (c *connection) unanswered() uint64 { return c.tail.Load() - c.head.Load() }

// finish tells the goroutine that takes replies that no command comes any more. It
// waits so long for those under way.
func (c *connection) finish(patience time.Duration) {
	c.closing.Store(true)
	deadline := time.Unix(1, 0)
	if c.head.Load() != c.tail.Load() {
		deadline = time.Now().Add(patience)
	}
	c.net.SetReadDeadline(deadline)
}
