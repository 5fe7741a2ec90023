package fault

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	window     = 256 << 10 // bytes that are written and have not left; then the writer waits
	maxSegment = 16 << 10  // bytes that leave at once
	maxBehind  = 1024      // streams that are closed and kept behind a cut: their end must not be heard
)

// conn is a stream: a net.Conn. What is written leaves at once, or, if a rule slows
// it, by a goroutine that lives as long as something waits.
type conn struct {
	net.Conn // the one it wraps
	net      *Net
	addr     string // that was dialed; empty: the peer dialed
	peer     string // node name; empty: not known yet. Guarded by net.mu

	// Owned by the reader.
	held []byte // came, and a cut holds it
	end  error  // came behind it

	mu      sync.Mutex    // guards the fields below. net.mu may be taken with it, not the other way round
	woken   chan struct{} // closed and replaced when a field below changes
	queue   []segment
	size    int   // bytes in it
	sending bool  // send runs
	broken  error // no byte leaves any more
	reading time.Time
	writing time.Time
	closed  bool // by its owner
	gone    bool // the one it wraps is closed
}

// segment is some bytes of a stream and when they leave.
type segment struct {
	at   time.Time
	data []byte
}

func (n *Net) wrap(inner net.Conn, addr string) net.Conn {
	c := &conn{Conn: inner, net: n, addr: addr, woken: make(chan struct{})}
	if addr != "" && n.acting.Load() > 0 {
		c.peer = n.nameOf(addr)
	}
	n.mu.Lock()
	open := !n.closed
	if open {
		n.conns[c] = struct{}{}
	}
	n.mu.Unlock()
	if !open {
		inner.Close()
	}
	return c
}

// SetPeer says which node is at the other end: it has proved it.
func (c *conn) SetPeer(name string) {
	n := c.net
	n.mu.Lock()
	c.peer = name
	n.mu.Unlock()
	if c.addr != "" {
		n.learn(c.addr, name)
	}
	if l, _ := c.link(); l != nil && l.reset {
		c.reset()
	}
}

// link is what acts on c; nil: nothing.
func (c *conn) link() (*link, <-chan struct{}) {
	if c.net.acting.Load() == 0 {
		return nil, nil
	}
	return c.net.look(c.name(), c.addr)
}

func (c *conn) name() string {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	return c.peer
}

// Read returns what came unless a cut holds it.
func (c *conn) Read(b []byte) (int, error) {
	if c.held == nil && c.end == nil {
		k, err := c.Conn.Read(b)
		if err != nil {
			err = c.readError(err)
		}
		if l, _ := c.link(); l == nil || !l.cutIn || isOwn(err) || k == 0 && err == nil {
			return k, err
		}
		c.held, c.end = bytes.Clone(b[:k]), err
		c.net.count.streamsHeld.Add(1)
	}
	for {
		l, changed := c.link()
		if l == nil || !l.cutIn {
			break
		}
		c.mu.Lock()
		woken, by, closed, broken := c.woken, c.reading, c.closed, c.broken
		c.mu.Unlock()
		switch {
		case broken != nil:
			return 0, c.error("read", broken)
		case closed:
			return 0, c.error("read", net.ErrClosed)
		case passed(by):
			return 0, c.error("read", os.ErrDeadlineExceeded)
		}
		wait(changed, woken, by)
	}
	if len(c.held) > 0 {
		k := copy(b, c.held)
		if c.held = c.held[k:]; len(c.held) == 0 {
			c.held = nil
		}
		return k, nil
	}
	err := c.end
	c.held, c.end = nil, nil
	return 0, err
}

// isOwn tells an error that this end has made from what the peer did.
func isOwn(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}

// readError is an error of the wrapped stream as its owner must see it.
func (c *conn) readError(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken != nil && isOwn(err):
		return c.error("read", c.broken)
	case c.closed && isOwn(err):
		return c.error("read", net.ErrClosed)
	}
	return err
}

// Write sends b at once, or gives it to send and waits while too much waits there.
func (c *conn) Write(b []byte) (written int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sending && c.broken == nil && !c.closed {
		if l, _ := c.link(); l == nil || !l.slows() {
			c.mu.Unlock()
			written, err = c.Conn.Write(b)
			c.mu.Lock()
			if err != nil && c.broken != nil {
				err = c.error("write", c.broken)
			}
			return written, err
		}
	}
	for {
		switch {
		case c.broken != nil:
			return written, c.error("write", c.broken)
		case c.closed:
			return written, c.error("write", net.ErrClosed)
		case passed(c.writing):
			return written, c.error("write", os.ErrDeadlineExceeded)
		case written == len(b):
			return written, nil
		case c.size < window:
			k := min(len(b)-written, window-c.size)
			written += c.pushLocked(b[written : written+k])
			continue
		}
		woken, by := c.woken, c.writing
		c.mu.Unlock()
		wait(nil, woken, by)
		c.mu.Lock()
	}
}

// pushLocked queues a segment and returns how many bytes it took.
func (c *conn) pushLocked(b []byte) int {
	l, _ := c.link()
	at, most := time.Now(), maxSegment
	if l != nil {
		if l.rate > 0 {
			most = min(max(l.rate/20, 512), maxSegment)
		}
		b = b[:min(len(b), most)]
		at = c.net.segmentAt(l, c.name(), c.addr, at, len(b))
	}
	if k := len(c.queue); k > 0 && at.Before(c.queue[k-1].at) {
		at = c.queue[k-1].at
	}
	c.queue = append(c.queue, segment{at, bytes.Clone(b)})
	c.size += len(b)
	c.sendLocked()
	return len(b)
}

// sendLocked has send run.
func (c *conn) sendLocked() {
	if c.sending {
		return
	}
	n := c.net
	n.mu.Lock()
	open := !n.closed
	if open {
		n.running.Go(c.send)
	}
	n.mu.Unlock()
	if !open {
		c.goneLocked()
		return
	}
	c.sending = true
	c.Conn.SetWriteDeadline(time.Time{}) // of the wrapped one: c has its own
}

// send lets segments leave when their time has come and no cut holds them, until
// none is left. A stream that has been closed ends then.
func (c *conn) send() {
	c.mu.Lock()
	defer c.mu.Unlock()
	silent := false
	for c.broken == nil && !c.gone && (len(c.queue) > 0 || c.closed) {
		l, changed := c.link()
		woken, by := c.woken, time.Time{}
		switch {
		case l != nil && l.cutOut:
			if !silent {
				silent = true
				c.net.count.streamsHeld.Add(1)
			}
			c.waitLocked(changed, woken, by)
			continue
		case len(c.queue) == 0:
			c.goneLocked()
			continue
		case l != nil && time.Now().Before(c.queue[0].at):
			c.waitLocked(changed, woken, c.queue[0].at)
			continue
		}
		silent = false
		data := c.queue[0].data
		c.mu.Unlock()
		_, err := c.Conn.Write(data)
		c.mu.Lock()
		if c.broken != nil || c.gone {
			break // and the queue with it
		}
		if err != nil {
			c.broken = err
		}
		c.queue = c.queue[1:]
		c.size -= len(data)
		c.wakeLocked()
	}
	c.queue, c.size = nil, 0
	c.sending = false
	if c.closed {
		c.goneLocked()
	} else {
		c.Conn.SetWriteDeadline(c.writing)
	}
	c.wakeLocked()
}

func (c *conn) waitLocked(changed, woken <-chan struct{}, by time.Time) {
	c.mu.Unlock()
	wait(changed, woken, by)
	c.mu.Lock()
}

func (c *conn) wakeLocked() {
	close(c.woken)
	c.woken = make(chan struct{})
}

// goneLocked closes the wrapped stream.
func (c *conn) goneLocked() {
	if c.gone {
		return
	}
	c.gone = true
	c.Conn.Close()
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
}

// Close ends the stream when all that was written has left. It does not wait for
// that.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.error("close", net.ErrClosed)
	}
	c.closed = true
	c.wakeLocked()
	l, _ := c.link()
	cut := l != nil && l.cutOut
	switch {
	case c.gone:
	case cut && c.net.mayStay(), c.sending && !cut:
		c.Conn.SetReadDeadline(time.Unix(1, 0)) // a reader returns now
		c.sendLocked()
	default:
		c.goneLocked()
	}
	return nil
}

// mayStay tells whether one stream more may be kept behind a cut.
func (n *Net) mayStay() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.closed && len(n.conns) < maxBehind
}

// reset breaks the stream at both ends.
func (c *conn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.broken != nil {
		return
	}
	c.broken = syscall.ECONNRESET
	c.net.count.streamsReset.Add(1)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.goneLocked()
	c.wakeLocked()
}

// abandon closes the wrapped stream now.
func (c *conn) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.goneLocked()
	c.wakeLocked()
}

func (c *conn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
