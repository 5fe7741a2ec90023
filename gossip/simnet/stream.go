package simnet

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// flow is one direction of a stream. All of it is guarded by net.mu.
//
// A written segment is under way until its time comes and the direction is not
// cut and neither end paused; then it has arrived and can be read, whatever comes.
type flow struct {
	net      *Net
	from, to netip.Addr
	reverse  *flow
	cond     sync.Cond // on net.mu: something below changed, or a deadline passed

	way      []segment   // under way, in order: one that is late holds up those behind it
	timer    *time.Timer // goes off when the first of them is due; nil: there was none yet
	arrived  bytes.Buffer
	size     int   // bytes written and not read: what the window bounds
	end      error // after what has arrived: io.EOF or a reset; nil while open
	broken   error // what the writer gets: its peer has reset the stream
	deaf     bool  // the reader has closed: whatever arrives is answered by a reset
	finished bool  // the writer has closed or reset
}

// segment is some bytes or the end of the flow.
type segment struct {
	at   time.Time
	data []byte
	end  error
}

// sendLocked puts a segment on the way.
func (f *flow) sendLocked(data []byte, end error) {
	at := time.Now().Add(f.net.segmentDelayLocked(f.from, f.to))
	f.way = append(f.way, segment{at, data, end})
	f.size += len(data)
	if len(f.way) == 1 {
		f.timer = f.net.after(f.timer, at, f.arriveLocked)
	}
}

// arriveLocked takes in the segments whose time has come. If the direction is
// cut or an end paused they are held, and this is called again when that changes.
func (f *flow) arriveLocked() {
	if f.net.cutLocked(f.from, f.to) || f.net.stillLocked(f.from, f.to) {
		f.net.held[f] = struct{}{}
		return
	}
	delete(f.net.held, f)
	now, due := time.Now(), 0
	for ; due < len(f.way) && !now.Before(f.way[due].at); due++ {
		s := &f.way[due]
		f.net.stats.StreamBytes += uint64(len(s.data))
		switch {
		case f.deaf: // it makes no room: a writer that waits learns of the reset first
			if len(s.data) > 0 {
				f.reverse.resetLocked()
			}
		case s.end != nil:
			f.end = s.end
			if s.end != io.EOF {
				f.reverse.brokenLocked(s.end)
			}
		default:
			f.arrived.Write(s.data)
		}
	}
	f.way = slices.Delete(f.way, 0, due)
	if len(f.way) > 0 {
		f.timer.Reset(time.Until(f.way[0].at))
	}
	f.cond.Broadcast()
}

// resetLocked ends the flow with a reset, once.
func (f *flow) resetLocked() {
	for _, s := range f.way {
		if s.end != nil && s.end != io.EOF {
			return
		}
	}
	f.finished = true
	f.sendLocked(nil, syscall.ECONNRESET)
}

// brokenLocked fails the writer: nobody will read.
func (f *flow) brokenLocked(err error) {
	f.broken = err
	f.way = nil
	f.cond.Broadcast()
}

// conn is one end of a stream: a net.Conn.
type conn struct {
	host          *Host
	local, remote *net.TCPAddr
	in, out       *flow

	// Guarded by net.mu.
	closed           bool
	reading, writing deadline
}

// newConns makes the two ends of a stream: from dials, to accepts.
func newConns(from, to *Host, fromAddr, toAddr netip.AddrPort) (near, far *conn) {
	newFlow := func(a, b *Host) *flow {
		return &flow{net: a.net, from: a.ip, to: b.ip, cond: sync.Cond{L: &a.net.mu}}
	}
	there, back := newFlow(from, to), newFlow(to, from)
	there.reverse, back.reverse = back, there
	a, b := net.TCPAddrFromAddrPort(fromAddr), net.TCPAddrFromAddrPort(toAddr)
	near = &conn{host: from, local: a, remote: b, in: back, out: there}
	far = &conn{host: to, local: b, remote: a, in: there, out: back}
	from.conns[near], to.conns[far] = struct{}{}, struct{}{}
	return near, far
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) Read(b []byte) (int, error) {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	f := c.in
	for {
		switch {
		case c.closed:
			return 0, c.error("read", net.ErrClosed)
		case len(b) == 0:
			return 0, nil
		case c.reading.passed():
			return 0, c.error("read", os.ErrDeadlineExceeded)
		case f.arrived.Len() > 0:
			n, _ := f.arrived.Read(b)
			f.size -= n
			f.cond.Broadcast() // the writer may wait for room
			return n, nil
		case f.end == io.EOF:
			return 0, io.EOF
		case f.end != nil:
			return 0, c.error("read", os.NewSyscallError("read", f.end))
		}
		f.cond.Wait()
	}
}

// Write waits while the window is full.
func (c *conn) Write(b []byte) (written int, err error) {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	f := c.out
	for {
		switch {
		case c.closed:
			return written, c.error("write", net.ErrClosed)
		case f.broken != nil:
			return written, c.error("write", os.NewSyscallError("write", f.broken))
		case c.writing.passed():
			return written, c.error("write", os.ErrDeadlineExceeded)
		case written == len(b):
			return written, nil
		case f.size < window:
			k := min(len(b)-written, window-f.size)
			f.sendLocked(bytes.Clone(b[written:written+k]), nil)
			written += k
			continue
		}
		f.cond.Wait()
	}
}

// Close ends the stream after what was written; what the peer writes from now on
// is answered by a reset. If something came that was not read, the end is a reset
// too, as TCP has it: the peer must not believe that it was heard.
func (c *conn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if c.closed {
		return c.error("close", net.ErrClosed)
	}
	end := io.EOF
	if c.in.arrived.Len() > 0 {
		end = syscall.ECONNRESET
	}
	c.closeLocked(end)
	return nil
}

// closeLocked ends the stream with end.
func (c *conn) closeLocked(end error) {
	if c.closed {
		return
	}
	c.closed = true
	delete(c.host.conns, c)
	c.reading.set(time.Time{}, nil)
	c.writing.set(time.Time{}, nil)
	c.in.deaf = true
	c.in.arrived = bytes.Buffer{}
	if !c.out.finished && c.out.broken == nil {
		c.out.finished = true
		c.out.sendLocked(nil, end)
	}
	c.in.cond.Broadcast()
	c.out.cond.Broadcast()
}

func (c *conn) SetDeadline(t time.Time) error      { return c.setDeadlines(t, &c.reading, &c.writing) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.setDeadlines(t, &c.reading) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writing) }

func (c *conn) setDeadlines(t time.Time, which ...*deadline) error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	for _, d := range which {
		d.set(t, c.wake)
	}
	return nil
}

func (c *conn) wake() {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	c.in.cond.Broadcast()
	c.out.cond.Broadcast()
}

func (c *conn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
