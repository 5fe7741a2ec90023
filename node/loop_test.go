package node

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"herd/node/poll"
	"herd/node/protocol"
	"herd/places"
)

// inLoops is how many of the port's connections are in a loop.
func (p *port) inLoops() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.loops {
		n += l.seated()
	}
	return n
}

// needsLoops leaves out a test where no poller is.
func needsLoops(t *testing.T, p *port) {
	t.Helper()
	conn := p.dial(t)
	send(t, conn, "x\n")
	receive(t, conn, "? x\n")
	if p.inLoops() != 1 {
		if runtime.GOOS == "linux" {
			t.Fatal("the connection is in no loop")
		}
		t.Skip("no poller on " + runtime.GOOS)
	}
	conn.Close()
	for p.connections() > 0 {
		runtime.Gosched()
	}
}

// In a drain a loop goes through its connections now and then, not whenever it is woken.
func TestLoopLooksNowAndThen(t *testing.T) {
	poller, err := poll.New(1)
	if err != nil {
		t.Skip("no poller on " + runtime.GOOS)
	}
	defer poller.Close()
	s := newClientServer(clientConfig{})
	l := &loop{server: s, poller: poller, acks: newAcks(s, poller.Wake), now: time.Now()}
	l.sessions, l.count = []*session{{seat: &seat{busy: true}}}, 1
	s.draining.Store(&drain{begun: l.now, spread: time.Hour})
	l.tick()
	if got, want := l.due.Sub(l.now), time.Hour/256; got != want {
		t.Errorf("it looks again after %s, want %s", got, want)
	}
	if n := testing.AllocsPerRun(10, l.tick); n > 0 {
		t.Errorf("it looks each time: %v allocations", n)
	}
	s.draining.Store(&drain{begun: l.now}) // the sooner end holds at once
	l.tick()
	if got := l.due.Sub(l.now); got != drainGrace {
		t.Errorf("in a shorter drain it looks again after %s, want %s", got, drainGrace)
	}
}

// A silent connection holds no buffer, and part of a line is not lost.
func TestLoopLendsBuffers(t *testing.T) {
	p := onLoopback(t)
	needsLoops(t, p)
	conn := p.dial(t)
	send(t, conn, "x\nhal")
	receive(t, conn, "? x\n")
	send(t, conn, "f\n")
	receive(t, conn, "? half\n")
	p.shutdown(t.Context())
	for _, l := range p.loops {
		if n := len(l.spare); n > 1 {
			t.Errorf("two connections, one at a time, had %d buffers", n)
		}
	}
}

// Where a loop would have to wait a goroutine goes on: all replies, in order.
func TestLoopHandsOver(t *testing.T) {
	for name, sent := range map[string]string{
		"nobody knows the client": reportK + "WHATSAT nobody 1 1\nHELLO\n" + reportK,
		"the place is far":        reportK + questionK + "HELLO\n" + newerK + questionK,
		"the line is too long":    reportK + strings.Repeat("x", 5000) + "\n",
		"the client does not read": reportK + strings.Repeat(strings.Repeat("y", 4000)+"\n", 4000) +
			"HELLO\n",
	} {
		p := onLoopback(t)
		needsLoops(t, p)
		if name == "nobody knows the client" {
			p.herd.far = func([]byte) {}
		}
		if name == "the place is far" {
			p.places.near = func(context.Context, places.Query) []byte { return radius(1) }
		}
		var want strings.Builder
		newer := false
		for line := range strings.Lines(sent) {
			switch {
			case line == reportK:
				want.WriteString(atK)
			case line == newerK:
				want.WriteString(atNewerK)
				newer = true
			case line == questionK && newer:
				want.WriteString(atNewerK + "{\"radius\" : 1}\n\n")
			case line == questionK:
				want.WriteString(answerK)
			case len(line) > 4097:
				want.WriteString("? " + line[:4096] + "\n")
			default:
				want.WriteString("? " + line)
			}
		}
		conn := p.dial(t)
		done := make(chan struct{})
		go func() {
			io.WriteString(conn, sent)
			conn.CloseWrite()
			close(done)
		}()
		if name == "the client does not read" {
			for p.inLoops() > 0 || p.connections() == 0 {
				runtime.Gosched()
			}
		}
		receive(t, conn, want.String())
		ends(t, conn)
		<-done
	}
}

// Of a client that does not read no more is answered than a step: not before it is given to a
// goroutine, and not after.
func TestUnreadRepliesAreFew(t *testing.T) {
	p := onLoopback(t)
	needsLoops(t, p)
	const lines, size = 8000, 1 << 10
	reply := strings.Repeat("x", size)
	made, most := 0, 0
	p.places.prompt = func(places.Query) ([]byte, bool) {
		most = max(most, made-int(p.count.bytesOut.Load()))
		made += len(atK) + size + len(protocol.PlacesEnd)
		return []byte(reply), true
	}
	conn := p.dial(t)
	send(t, conn, reportK)
	receive(t, conn, atK)
	made = int(p.count.bytesOut.Load())
	sent := make(chan struct{})
	go func() {
		io.WriteString(conn, strings.Repeat("WHATSAT k 1 1\n", lines))
		close(sent)
	}()
	for p.inLoops() > 0 {
		runtime.Gosched()
	}
	receive(t, conn, strings.Repeat(atK+reply+protocol.PlacesEnd, lines))
	<-sent
	if most > maxReplies {
		t.Errorf("%d bytes were held when more was answered, want %d at the most", most, maxReplies)
	}
}

// What a client has asked for with a few reads is answered in as many turns as need be: each
// has room for others.
func TestLoopGoesOnByTurns(t *testing.T) {
	s := newClientServer(clientConfig{Herd: newFakeHerd(), clientBounds: clientBounds{MaxLine: 4096, MaxID: 255}})
	l := &loop{server: s}
	const all = 2*maxTurn + 5
	for range all {
		c := newSession(s, nil)
		c.seat, c.lines = &seat{loop: l}, protocol.NewLines(4096)
		c.lines.Fed(copy(c.lines.Space(), "x\n"))
		l.more = append(l.more, c)
	}
	last := l.more[all-1]
	for _, want := range []int{maxTurn, maxTurn, 5} {
		l.turn = l.turn[:0]
		if l.goOn(); len(l.turn) != want {
			t.Errorf("%d connections had their turn, want %d", len(l.turn), want)
		}
	}
	if len(l.more) > 0 || l.turn[len(l.turn)-1] != last {
		t.Errorf("%d are left", len(l.more))
	}
}

// While an acknowledgement is awaited the loop serves others, and what the client
// sends is left where it is.
func TestLoopDoesNotWait(t *testing.T) {
	p := onLoopback(t)
	needsLoops(t, p)
	p.herd.mu.Lock()
	p.herd.hold, p.herd.waiting = make(chan struct{}), make(chan struct{}, 10)
	p.herd.mu.Unlock()
	first, second, third := p.dial(t), p.dial(t), p.dial(t)
	send(t, first, reportK)
	<-p.herd.waiting
	send(t, first, "HELLO\n")
	first.CloseWrite()
	send(t, second, newerK)
	for range 3 {
		send(t, third, "x\n")
		receive(t, third, "? x\n")
	}
	if n := p.count.iAmAt.Load(); n != 0 {
		t.Errorf("%d reports count as answered", n)
	}
	close(p.herd.hold)
	receive(t, first, atK+"? HELLO\n")
	ends(t, first)
	receive(t, second, atNewerK)
	if n := p.inLoops(); n != 2 {
		t.Errorf("%d connections are in a loop, want 2", n)
	}
}

// A client that asks for much with one read takes turns with others.
func TestLoopTakesTurns(t *testing.T) {
	p := onLoopback(t)
	needsLoops(t, p)
	invalid := func() (n uint64) {
		for i := range p.count.invalid {
			n += p.count.invalid[i].Load()
		}
		return n
	}
	const most, within = 3000, 500
	asked, other, before := 0, p.dial(t), uint64(0)
	p.places.prompt = func(places.Query) ([]byte, bool) {
		switch asked++; asked {
		case most / 2: // in the middle of a long read
			before = invalid()
			io.WriteString(other, "x\n")
		case most/2 + within:
			if invalid() == before {
				t.Errorf("another client has waited for %d answers", within)
			}
		}
		return bytes.Repeat([]byte{'x'}, 1<<10), true
	}
	conn := p.dial(t)
	send(t, conn, reportK)
	receive(t, conn, atK)
	go io.WriteString(conn, strings.Repeat("WHATSAT k 1 1\n", most))
	receive(t, conn, strings.Repeat(atK+strings.Repeat("x", 1<<10)+"\n\n", most))
	receive(t, other, "? x\n")
}

// A client that breaks off while its acknowledgement is awaited is let go.
func TestLoopLetsBrokenGo(t *testing.T) {
	p := onLoopback(t)
	needsLoops(t, p)
	p.herd.mu.Lock()
	p.herd.hold, p.herd.waiting = make(chan struct{}), make(chan struct{}, 10)
	p.herd.mu.Unlock()
	conn := p.dial(t)
	send(t, conn, reportK)
	<-p.herd.waiting
	conn.SetLinger(0)
	conn.Close()
	for p.connections() > 0 {
		runtime.Gosched()
	}
	close(p.herd.hold)
}

func TestLoopEndsIdle(t *testing.T) {
	p := onLoopback(t)
	silent, used := p.dial(t), p.dial(t)
	send(t, used, "x\n")
	receive(t, used, "? x\n")
	p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = 50 * time.Millisecond }))
	ends(t, silent)
	ends(t, used)
	if n := p.count.idle.Load(); n != 2 {
		t.Errorf("%d are counted as idle, want 2", n)
	}
}

// Bytes that make no line don't keep a connection.
func TestLoopEndsDrips(t *testing.T) {
	const longest = 1 << 20
	p := onLoopback(t, func(c *clientConfig) { c.IdleTimeout, c.MaxLine = 50*time.Millisecond, longest })
	conn := p.dial(t)
	sent := 0
	for err := error(nil); err == nil && sent < longest; sent++ {
		_, err = conn.Write([]byte{'x'})
	}
	io.Copy(io.Discard, conn) // until the end, or the reset
	if n := p.count.idle.Load(); n != 1 || sent == longest {
		t.Errorf("%d are counted as idle after %d bytes, want 1", n, sent)
	}
}

func TestLoopEnds(t *testing.T) {
	for name, end := range map[string]func(*port){
		"shutdown": func(p *port) { p.shutdown(context.Background()) },
		"kill":     func(p *port) { p.kill() },
	} {
		p := onLoopback(t)
		var conns []net.Conn
		for range 100 {
			conns = append(conns, p.dial(t))
		}
		send(t, conns[0], "x\nhalf")
		receive(t, conns[0], "? x\n")
		for p.connections() < len(conns) {
			runtime.Gosched()
		}
		end(p)
		<-p.served
		for _, conn := range conns[1:] {
			if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
				t.Errorf("%s: received %q, %v", name, rest, err)
			}
		}
		if n := p.connections(); n != 0 {
			t.Errorf("%s: %d connections are left", name, n)
		}
	}
}
