package node

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/places"
)

// withGuests is a port with loops whose guests soon go back, and where places are far.
func withGuests(t *testing.T, change ...func(*clientConfig)) *port {
	t.Helper()
	p := onLoopback(t, change...)
	p.mu.Lock()
	p.guestTime = time.Millisecond
	p.mu.Unlock()
	p.places.near = func(context.Context, places.Query) []byte { return radius(1) }
	p.herd.far = func([]byte) {}
	needsLoops(t, p)
	return p
}

// settled waits until so many connections are in loops.
func (p *port) settled(conns int) {
	for p.inLoops() != conns {
		runtime.Gosched()
	}
}

// holding is how many connections in loops hold more than themselves. None may have
// input.
func (p *port) holding() (n int) {
	for _, l := range p.loops {
		for _, c := range l.all() {
			if c.lines != nil || c.queue != nil || c.buffer != nil {
				n++
			}
		}
	}
	return n
}

// A connection that had to wait goes back to a loop once it has nothing to do, and
// holds no goroutine and no buffer then. Half a line goes along.
func TestGuestsGoBack(t *testing.T) {
	const conns = 20
	long := strings.Repeat("y", 4000) + "\n"
	for name, x := range map[string]struct{ sent, want string }{
		"nobody knows the client":  {"WHATSAT nobody 1 1\n", "? WHATSAT nobody 1 1\n"},
		"the place is far":         {reportK + questionK + "HELLO\n" + questionK, atK + answerK + "? HELLO\n" + answerK},
		"the client does not read": {strings.Repeat(long, 4000), strings.Repeat("? "+long, 4000)},
	} {
		p := withGuests(t)
		before, n := runtime.NumGoroutine(), conns
		if len(x.sent) > 1<<20 {
			n = 1
		}
		var all []*net.TCPConn
		for i := range n {
			conn := p.dial(t)
			all = append(all, conn)
			sent := make(chan struct{})
			go func() {
				io.WriteString(conn, x.sent)
				close(sent)
			}()
			if n == 1 { // it reads only when the loop has given it up
				for p.inLoops() > 0 || p.connections() == 0 {
					runtime.Gosched()
				}
			}
			receive(t, conn, x.want)
			<-sent
			if i%2 == 0 {
				send(t, conn, "WHATSAT nobody 1 1\nhal")
				receive(t, conn, "? WHATSAT nobody 1 1\n")
			}
		}
		p.settled(n)
		for runtime.NumGoroutine() > before {
			runtime.Gosched() // a goroutine too many hangs the test
		}
		if got := p.holding(); got != (n+1)/2 {
			t.Errorf("%s: %d of %d connections hold something, and half of them half a line", name, got, n)
		}
		for i, conn := range all {
			send(t, conn, "f\n")
			receive(t, conn, []string{"? half\n", "? f\n"}[i%2])
		}
	}
}

// Connections go to and fro between loops and goroutines, and lose nothing.
func TestGuestsComeAndGo(t *testing.T) {
	p := withGuests(t)
	p.places.near = func(context.Context, places.Query) []byte {
		time.Sleep(rand.N(2 * time.Millisecond))
		return radius(1)
	}
	steps := []struct{ sent, want string }{
		{reportK, atK},
		{questionK, answerK},
		{"HELLO\n", "? HELLO\n"},
		{"WHATSAT nobody 1 1\n", "? WHATSAT nobody 1 1\n"},
		{"\n", ""},
	}
	var clients sync.WaitGroup
	for range 8 {
		conn := p.dial(t)
		send(t, conn, reportK)
		receive(t, conn, atK)
		clients.Go(func() {
			for range 50 {
				var sent, want strings.Builder
				for range 1 + rand.N(6) {
					s := steps[rand.N(len(steps))]
					sent.WriteString(s.sent)
					want.WriteString(s.want)
				}
				text := sent.String()
				cut := rand.N(len(text) + 1)
				io.WriteString(conn, text[:cut])
				time.Sleep(rand.N(3 * time.Millisecond)) // the goroutine may go, or be about to
				io.WriteString(conn, text[cut:])
				got := make([]byte, want.Len())
				if n, err := io.ReadFull(conn, got); err != nil || string(got) != want.String() {
					t.Errorf("sent %q, received %q, %v; want %q", text, got[:n], err, &want)
					return
				}
				time.Sleep(rand.N(3 * time.Millisecond))
			}
		})
	}
	clients.Wait()
	p.settled(8)
}

// A guest that is silent for too long is let go by the loop that has it again.
func TestGuestsEndIdle(t *testing.T) {
	p := withGuests(t)
	conn := p.dial(t)
	send(t, conn, "WHATSAT nobody 1 1\n")
	receive(t, conn, "? WHATSAT nobody 1 1\n")
	p.settled(1)
	p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = 50 * time.Millisecond }))
	ends(t, conn)
	if n := p.count.idle.Load(); n == 0 {
		t.Error("no connection is counted as idle")
	}
}

// Whenever the server ends, a guest on its way back to a loop is not left over, and
// what it has been asked is answered.
func TestGuestsAtTheEnd(t *testing.T) {
	for i := range 40 {
		p := withGuests(t)
		var all []*net.TCPConn
		for range 10 {
			conn := p.dial(t)
			all = append(all, conn)
			send(t, conn, "WHATSAT nobody 1 1\n")
			receive(t, conn, "? WHATSAT nobody 1 1\n")
		}
		time.Sleep(rand.N(2 * time.Millisecond)) // some have gone back
		if i%2 == 0 {
			for _, conn := range all {
				send(t, conn, reportK)
			}
			ended := make(chan error)
			go func() { ended <- p.shutdown(context.Background()) }()
			for _, conn := range all {
				receive(t, conn, atK)
				ends(t, conn)
				conn.Close()
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		} else {
			p.kill()
			<-p.served
		}
	}
}
