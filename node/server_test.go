package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/simnet"
	"herd/places"
)

func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l, func(c *clientConfig) { c.MaxConns = 2 })
		first, second := l.dial(t), l.dial(t)
		ends(t, l.dial(t))
		ends(t, l.dial(t))
		for _, conn := range []net.Conn{first, second} {
			send(t, conn, "x\n")
			receive(t, conn, "? x\n")
		}
		first.Close()
		synctest.Wait()
		third := l.dial(t)
		send(t, third, "x\n")
		receive(t, third, "? x\n")
		if a, r, n := p.count.accepted.Load(), p.count.refused.Load(), p.connections(); a != 3 || r != 2 || n != 2 {
			t.Errorf("%d accepted, %d refused, %d open; want 3, 2, 2", a, r, n)
		}
	})
}

// One address can't keep all others out, and has its places back when it ends. All
// clients of this machine share the one of loopback.
func TestMaxPerAddr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l, func(c *clientConfig) { c.MaxConns, c.MaxPerAddr = 100, 2 })
		admit := func(from string) net.Conn {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { ours.Close() })
			p.admit(fromAddr{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))})
			return ours
		}
		first := admit("192.0.2.1:1")
		admit("[::ffff:192.0.2.1]:2") // the same
		ends(t, admit("192.0.2.1:3"))
		send(t, admit("[2001:db8::1]:1"), "x\n")
		send(t, admit("[2001:db8::2]:1"), "x\n")
		ends(t, admit("[2001:db8::3]:1")) // a host of IPv6 has as many addresses as it likes
		send(t, admit("[2001:db8:0:1::1]:1"), "x\n")
		for i := range 3 {
			send(t, admit(fmt.Sprint("127.0.0.1:", 1+i)), "x\n")
			send(t, admit(fmt.Sprintf("192.0.2.%d:1", 2+i)), "x\n")
		}
		first.Close()
		synctest.Wait()
		again := admit("192.0.2.1:4")
		send(t, again, "x\n")
		receive(t, again, "? x\n")
		if r, n := p.count.refused.Load(), len(p.addrs); r != 2 || n != 6 {
			t.Errorf("%d refused, %d hosts; want 2 and 6", r, n)
		}
	})
}

// fromAddr is a connection from an address.
type fromAddr struct {
	net.Conn
	addr net.Addr
}

func (c fromAddr) RemoteAddr() net.Addr { return c.addr }

// Errors of the listener pass: the pause doubles up to a second, one line is
// logged, and the next connection is served.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		ms := time.Millisecond
		tooMany := &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		var pauses []time.Duration
		for last := time.Now(); len(pauses) < 10; last = time.Now() {
			l.came <- tooMany
			pauses = append(pauses, time.Since(last))
		}
		if want := []time.Duration{0, 5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, time.Second}; !slices.Equal(pauses, want) {
			t.Errorf("the pauses are %s, want %s", pauses, want)
		}
		conn := l.dial(t)
		send(t, conn, "x\n")
		receive(t, conn, "? x\n")
		if n := strings.Count(p.log.String(), "cannot accept clients"); n != 1 {
			t.Errorf("%d lines in the log, want 1:\n%s", n, p.log)
		}
		if n := p.count.acceptErrors.Load(); n != 10 {
			t.Errorf("%d errors are counted, want 10", n)
		}

		for range 9 { // and anew
			l.came <- tooMany
		}
		if n := strings.Count(p.log.String(), "cannot accept clients"); n != 2 {
			t.Errorf("%d lines in the log, want 2:\n%s", n, p.log)
		}
		began := time.Now() // in the midst of a pause of a second
		p.end()
		if err := <-p.served; err != nil || time.Since(began) > 0 {
			t.Errorf("serve returns %v after %s", err, time.Since(began))
		}
	})
}

// A listener that somebody else closes is an error; who is connected is served
// until shutdown.
func TestListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		l.Close()
		if err := <-p.served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("serve returns %v", err)
		}
		send(t, conn, "x\n")
		receive(t, conn, "? x\n")
		if err := p.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		ends(t, conn)
	})
}

// Idle connections end at once, and no new one is taken.
func TestShutdownIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		fresh, used, half := l.dial(t), l.dial(t), l.dial(t)
		send(t, used, "x\n")
		receive(t, used, "? x\n")
		send(t, half, "IAMAT k")
		time.Sleep(time.Second)
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- p.shutdown(t.Context()) }()
		for _, conn := range []net.Conn{fresh, used, half} {
			ends(t, conn)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != drainGrace {
			t.Errorf("it took %s, want %s", took, drainGrace)
		}
		if err := <-p.served; err != nil {
			t.Errorf("serve returns %v", err)
		}
		if _, err := l.Accept(); err == nil {
			t.Error("the listener is open")
		}
		if err := p.shutdown(t.Context()); err != nil {
			t.Errorf("once more: %v", err)
		}
		if n := p.count.idle.Load(); n != 0 {
			t.Errorf("%d are counted as idle", n)
		}

		near, far := net.Pipe() // accepted a moment before
		p.admit(far)
		ends(t, near)
		if n := p.count.refused.Load(); n != 1 {
			t.Errorf("%d are counted as refused, want 1", n)
		}
	})
}

// What has been read is answered in full, and so is what comes within the grace.
func TestShutdownAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		p.herd.hold = make(chan struct{})
		waiting, late := l.dial(t), l.dial(t)
		const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
		send(t, waiting, "IAMAT k +1-1 5\nHELLO\nIAMAT half")
		synctest.Wait()

		done := make(chan error, 1)
		go func() { done <- p.shutdown(t.Context()) }()
		synctest.Wait()
		send(t, late, "HELLO\n")
		receive(t, late, "? HELLO\n")
		ends(t, late)

		time.Sleep(time.Second) // the reply is awaited far beyond the grace
		select {
		case err := <-done:
			t.Fatalf("shutdown did not wait: %v", err)
		default:
		}
		close(p.herd.hold)
		receive(t, waiting, at+"? HELLO\n")
		ends(t, waiting)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A client that talks without end does not hold the end up.
func TestShutdownOfChatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		var client sync.WaitGroup
		defer client.Wait()
		client.Go(func() { io.Copy(io.Discard, conn) })
		client.Go(func() {
			for {
				if _, err := io.WriteString(conn, "HELLO\n"); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
		time.Sleep(time.Second)
		began := time.Now()
		if err := p.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != drainGrace+lingerTime {
			t.Errorf("it took %s, want %s and %s", took, drainGrace, lingerTime)
		}
	})
}

// The end of shutdown's context cuts off whoever waits: for acks, for a provider,
// for a reader.
func TestShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
		acks, provider, reader, idle := l.dial(t), l.dial(t), l.dial(t), l.dial(t)
		send(t, provider, "IAMAT k +1-1 5\n")
		receive(t, provider, at)
		p.herd.mu.Lock()
		p.herd.hold = make(chan struct{})
		p.herd.mu.Unlock()
		p.places.near = func(ctx context.Context, _ places.Query) []byte {
			<-ctx.Done()
			return []byte(body)
		}
		send(t, acks, "IAMAT k +1-1 5\n")
		send(t, provider, "WHATSAT k 1 1\n")
		send(t, reader, "x\n")
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := p.shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 connections") {
			t.Errorf("shutdown returns %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
		for _, conn := range []net.Conn{acks, provider, reader, idle} {
			ends(t, conn)
		}
		if n := p.connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		if err := <-p.served; err != nil {
			t.Errorf("serve returns %v", err)
		}
	})
}

// The end of serve's context is the end of everything, without a word.
func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		p.herd.hold = make(chan struct{})
		idle, waiting := l.dial(t), l.dial(t)
		send(t, waiting, "IAMAT k +1-1 5\n")
		synctest.Wait()
		began := time.Now()
		p.end()
		if err := <-p.served; err != nil {
			t.Errorf("serve returns %v", err)
		}
		ends(t, idle)
		ends(t, waiting)
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
		if err := p.shutdown(t.Context()); err != nil {
			t.Errorf("shutdown afterwards: %v", err)
		}
	})
}

// A client that has sent more than the server reads gets its replies all the
// same: no reset ends the stream.
func TestShutdownLeavesRepliesAlone(t *testing.T) {
	p := onLoopback(t)
	p.herd.hold, p.herd.waiting = make(chan struct{}), make(chan struct{}, 1)
	conn := p.dial(t)
	send(t, conn, report+"\n")
	<-p.herd.waiting
	send(t, conn, strings.Repeat("unread\n", 1000))
	p.drain(0)
	p.draining.Store(&drain{begun: time.Now().Add(-drainGrace)}) // the grace is over
	done := make(chan error, 1)
	go func() { done <- p.shutdown(context.Background()) }()
	close(p.herd.hold)
	receive(t, conn, reported+"\n")
	ends(t, conn)
	conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Clients may vanish in every state.
func TestClientsVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simnet.New(1)
		host, client := sim.Host("10.0.0.1"), sim.Host("10.0.0.2")
		l, err := host.Listen(t.Context(), "10.0.0.1:4131")
		if err != nil {
			t.Fatal(err)
		}
		p := newPort(t, l)
		p.herd.hold = make(chan struct{})
		for _, sent := range []string{"", "IAMAT", "HELLO\n", report + "\n", strings.Repeat("x", 10_000)} {
			conn, err := client.Dial(t.Context(), "10.0.0.1:4131")
			if err != nil {
				t.Fatal(err)
			}
			send(t, conn, sent)
		}
		synctest.Wait()
		client.Kill()
		close(p.herd.hold)
		time.Sleep(time.Hour) // nobody says that a killed host has gone
		if n := p.connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}
