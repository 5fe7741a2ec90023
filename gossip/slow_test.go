package gossip

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// slowLine is a network whose streams carry so many bytes a second each.
type slowLine struct {
	Network
	rate int
}

func (n slowLine) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := n.Network.Dial(ctx, addr)
	return n.slow(conn, err)
}

func (n slowLine) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := n.Network.Listen(ctx, addr)
	return slowListener{l, n}, err
}

func (n slowLine) slow(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return slowConn{conn, n.rate}, nil
}

type slowListener struct {
	net.Listener
	line slowLine
}

func (l slowListener) Accept() (net.Conn, error) { return l.line.slow(l.Listener.Accept()) }

type slowConn struct {
	net.Conn
	rate int
}

// Write takes as long as the line does.
func (c slowConn) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		piece := b[written:min(len(b), written+1400)]
		time.Sleep(time.Duration(len(piece)) * time.Second / time.Duration(c.rate))
		var n int
		n, err = c.Conn.Write(piece)
		written += n
	}
	return written, err
}

// A node is filled over a line on which one chunk takes five times as long as a peer may be silent,
// and the longest record of TLS longer, too.
func TestFilledOverSlowLine(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.network = func(n Network) Network { return slowLine{n, 6 << 10} }
		first := h.start(0)
		h.await("caught up", time.Second, func() bool { return isClosed(first.CaughtUp()) })
		for i := range 1500 { // some chunks
			first.report(t, fmt.Sprintf("%0250d", i), i)
		}
		second := h.start(1, first.addr())
		took := h.await("equal tables", 4*time.Minute, func() bool {
			return first.Table().Len() == second.Table().Len() && h.equal()
		})
		t.Logf("filled in %v", took)
		h.await("one view", 10*time.Second, h.oneView)
		for _, n := range h.nodes {
			if lost := n.Stats().SessionsLost; lost > 0 {
				t.Errorf("%s lost %d sessions", n.name, lost)
			}
		}
	})
}

// What comes of a message shows that the peer lives, but not for ever.
func TestEar(t *testing.T) {
	var ran, heard atomic.Int64
	e := &ear{lane: iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 1000))), ran: &ran, heard: &heard}
	drip := func(seconds int) (last time.Duration) {
		for range seconds {
			ran.Add(int64(time.Second))
			if _, err := e.Read(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
		}
		return time.Duration(heard.Load())
	}
	most := int(messageTime / time.Second)
	if got, want := drip(most-1), messageTime-time.Second; got != want {
		t.Errorf("last heard at %v, want %v", got, want)
	}
	if got, want := drip(100), messageTime-time.Second; got != want {
		t.Errorf("last heard at %v of a message without an end, want %v", got, want)
	}
	e.message()
	if got, want := drip(10), messageTime+109*time.Second; got != want {
		t.Errorf("last heard at %v after a message, want %v", got, want)
	}
	heard.Store(0)
	e.lane = iotest.ErrReader(io.EOF)
	if _, err := e.Read(make([]byte, 8)); err != io.EOF || heard.Load() != 0 {
		t.Errorf("the end of the lane: %v, heard at %v", err, time.Duration(heard.Load()))
	}
}
