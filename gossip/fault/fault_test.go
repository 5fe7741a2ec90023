package fault_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/fault"
	"herd/gossip/simnet"
)

const (
	addrA = "10.0.0.1:1"
	addrB = "10.0.0.2:1"
)

// pair is two hosts on a perfect network; what the first does goes through faults.
type pair struct {
	t    *testing.T
	net  *fault.Net
	a, b *simnet.Host
	lis  net.Listener // of b
}

func newPair(t *testing.T) *pair {
	n := simnet.New(1)
	p := &pair{t: t, a: n.Host("10.0.0.1"), b: n.Host("10.0.0.2")}
	p.net = fault.New(p.a, func(addr string) string {
		if addr == addrB {
			return "Bona"
		}
		return ""
	})
	var err error
	if p.lis, err = p.b.Listen(t.Context(), addrB); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.net.Close(); p.lis.Close() })
	return p
}

// stream dials from the first to the second.
func (p *pair) stream() (near, far net.Conn) {
	p.t.Helper()
	near, err := p.net.Dial(p.t.Context(), addrB)
	if err != nil {
		p.t.Fatal(err)
	}
	if far, err = p.lis.Accept(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// sockets are packet sockets of both.
func (p *pair) sockets() (near, far net.PacketConn) {
	p.t.Helper()
	near, err := p.net.ListenPacket(p.t.Context(), addrA)
	if err != nil {
		p.t.Fatal(err)
	}
	if far, err = p.b.ListenPacket(p.t.Context(), addrB); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func (p *pair) add(r fault.Rule, d time.Duration) uint64 {
	p.t.Helper()
	id, err := p.net.Add(r, d)
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

// read reads as many bytes as text has and tells how long it took.
func read(t *testing.T, c net.Conn, text string) time.Duration {
	t.Helper()
	from, b := time.Now(), make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		t.Errorf("got %q, %v, want %q", b, err, text)
	}
	return time.Since(from)
}

// silent tells that nothing comes for a while.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := c.Read(make([]byte, 1)); err == nil || n > 0 || !isTimeout(err) {
		t.Errorf("got %d bytes, %v, want silence", n, err)
	}
	c.SetReadDeadline(time.Time{})
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func bubble(t *testing.T, name string, f func(t *testing.T, p *pair)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, newPair(t)) })
	})
}

// A cut is silence, in the directions that it has; what was written comes after it.
func TestCut(t *testing.T) {
	for way, cut := range map[fault.Way]struct{ in, out bool }{
		fault.Both: {true, true}, fault.In: {true, false}, fault.Out: {false, true}, "": {true, true},
	} {
		for _, peer := range []string{"Bona", addrB} {
			bubble(t, "way "+string(way)+" peer "+peer, func(t *testing.T, p *pair) {
				near, far := p.stream()
				p.add(fault.Rule{Peers: []string{"Clark", peer}, Way: way, Cut: true}, 0)
				write(t, near, "out")
				write(t, far, "in")
				for c, is := range map[net.Conn]bool{far: cut.out, near: cut.in} {
					if is {
						silent(t, c)
					}
				}
				p.net.Heal()
				for c, text := range map[net.Conn]string{far: "out", near: "in"} {
					if took := read(t, c, text); took != 0 {
						t.Errorf("after the heal %q took %s", text, took)
					}
				}
			})
		}
	}
}

// Other peers are left alone.
func TestOthers(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		a, b := p.sockets()
		p.add(fault.Rule{Peers: []string{"Clark", "10.0.0.3:1"}, Cut: true}, 0)
		write(t, near, "out")
		read(t, far, "out")
		write(t, far, "in")
		read(t, near, "in")
		send(t, a, addrB, "x")
		if got := count(b); got != 1 {
			t.Errorf("%d packets came", got)
		}
	})
}

// A stream that the peer has dialed obeys rules for it once it is known.
func TestAccepted(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		l, err := p.net.Listen(t.Context(), addrA)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p.add(fault.Rule{Peers: []string{"Bona"}, Cut: true}, 0)
		far, err := p.b.Dial(t.Context(), addrA)
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		near, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		write(t, far, "hello")
		read(t, near, "hello")
		near.(interface{ SetPeer(string) }).SetPeer("Bona")
		write(t, far, "again")
		silent(t, near)
		p.net.Heal()
		read(t, near, "again")
	})
}

// A writer waits when too much waits before a cut, until its deadline, or the heal.
func TestWindow(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true}, time.Hour)
		big := strings.Repeat("x", 1<<20)
		near.SetWriteDeadline(time.Now().Add(time.Minute))
		from := time.Now()
		n, err := io.WriteString(near, big)
		if !isTimeout(err) || time.Since(from) != time.Minute || n == 0 || n == len(big) {
			t.Fatalf("wrote %d, %v, after %s", n, err, time.Since(from))
		}
		near.SetWriteDeadline(time.Time{})
		done := make(chan error)
		go func() {
			_, err := io.WriteString(near, big[n:])
			done <- err
		}()
		synctest.Wait()
		p.net.Heal()
		read(t, far, big)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Fault times end by themselves, and one fault at a time.
func TestUntil(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true}, 20*time.Second)
		id := p.add(fault.Rule{Cut: true}, time.Hour)
		write(t, near, "x")
		time.Sleep(5 * time.Second)
		if got := p.net.Faults(); len(got) != 2 || got[0].Until.Sub(got[0].Since) != 20*time.Second || got[0].Way != fault.Both {
			t.Errorf("got %+v", got)
		}
		if !p.net.Remove(id) || p.net.Remove(id) {
			t.Error("it is there once, and then it is not")
		}
		if took := read(t, far, "x"); took != 15*time.Second {
			t.Errorf("it came after another %s, want 15s", took)
		}
		if got := p.net.Stats(); got.Active != 0 || got.Faults != 2 {
			t.Errorf("got %+v", got)
		}
	})
}

// Dials wait for the end of a cut.
func TestDial(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		p.add(fault.Rule{Peers: []string{"Bona"}, Way: fault.In, Cut: true}, 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.net.Dial(ctx, addrB); !isTimeout(err) {
			t.Errorf("got %v", err)
		}
		from := time.Now()
		near, _ := p.stream()
		if took := time.Since(from); took != 29*time.Second {
			t.Errorf("it took another %s", took)
		}
		near.Close()
		p.add(fault.Rule{Peers: []string{"Bona"}, Reset: true}, 0)
		if _, err := p.net.Dial(t.Context(), addrB); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want refused", err)
		}
		if got := p.net.Stats(); got.DialsHeld != 2 || got.DialsRefused != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// With reset streams break at once, those under way and those to come.
func TestReset(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		held, _ := p.stream()
		p.add(fault.Rule{Peers: []string{"Bona"}, Way: fault.Out, Cut: true}, 0)
		write(t, held, "never")
		failed := make(chan error, 1)
		go func() {
			_, err := near.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		p.add(fault.Rule{Peers: []string{"Bona"}, Reset: true}, 0)
		if err := <-failed; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a read: %v", err)
		}
		for _, c := range []net.Conn{near, held} {
			if _, err := io.WriteString(c, "x"); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a write: %v", err)
			}
		}
		if n, err := far.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("the other end: %d, %v", n, err)
		}
		if got := p.net.Stats().StreamsReset; got != 2 {
			t.Errorf("counted %d", got)
		}
	})
}

// Delay takes its time and no more, however much is under way.
func TestDelay(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Delay: time.Second}, 0)
		text := strings.Repeat("x", 64<<10)
		write(t, near, text) // several segments: together
		if took := read(t, far, text); took != time.Second {
			t.Errorf("it took %s", took)
		}
		write(t, near, "bye")
		near.Close() // what is written leaves
		if took := read(t, far, "bye"); took != time.Second {
			t.Errorf("after Close it took %s", took)
		}
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	})
	bubble(t, "jitter keeps order", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Jitter: time.Second, Loss: 0.3}, 0)
		text := ""
		for i := range 100 {
			part := string(rune('!' + i%90))
			write(t, near, part)
			text += part
		}
		if took := read(t, far, text); took == 0 {
			t.Error("nothing was late")
		}
	})
}

// A slow line takes as long as it must.
func TestRate(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Rate: 10_000}, 0)
		from := time.Now()
		text := strings.Repeat("x", 100_000)
		write(t, near, text)
		read(t, far, text)
		if took := time.Since(from); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("100 kB at 10 kB a second took %s", took)
		}
		a, b := p.sockets()
		for range 100 {
			send(t, a, addrB, strings.Repeat("x", 1000))
		}
		if got := count(b); got < 10 || got > 12 { // a second's worth waits, the rest is lost
			t.Errorf("%d packets came through a slow line", got)
		}
	})
}

// A pause is waited for.
func TestWait(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		from := time.Now()
		p.net.Wait(t.Context())
		p.add(fault.Rule{Cut: true}, 0) // no pause
		p.net.Wait(t.Context())
		p.add(fault.Rule{Pause: true}, 3*time.Second)
		p.net.Wait(t.Context())
		if took := time.Since(from); took != 3*time.Second {
			t.Errorf("it took %s", took)
		}
		p.add(fault.Rule{Pause: true}, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.net.Wait(ctx)
		if took := time.Since(from); took != 4*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// Rules that make no sense are refused, and so is one too many.
func TestRefused(t *testing.T) {
	for _, r := range []fault.Rule{
		{},
		{Peers: []string{"Bona"}, Way: fault.In},
		{Cut: true, Way: "sideways"},
		{Loss: 1.1},
		{Loss: -0.1},
		{Loss: nan()},
		{Duplicate: 2},
		{Delay: -1},
		{Delay: 2 * time.Minute},
		{Jitter: 2 * time.Minute},
		{Rate: -1},
		{Rate: 1},
		{Rate: math.MaxInt},
		{Pause: true, Peers: []string{"Bona"}},
		{Cut: true, Peers: []string{""}},
		{Cut: true, Peers: []string{strings.Repeat("x", 300)}},
		{Cut: true, Peers: make([]string, fault.MaxPeers+1)},
	} {
		n := fault.New(nil, nil)
		if _, err := n.Add(r, 0); err == nil {
			t.Errorf("%+v is taken", r)
		}
		n.Close()
	}
	n := fault.New(nil, nil)
	for range fault.MaxRules {
		if _, err := n.Add(fault.Rule{Cut: true}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Add(fault.Rule{Cut: true}, 0); err != fault.ErrTooMany {
		t.Errorf("one too many: %v", err)
	}
	if healed := n.Heal(); healed != fault.MaxRules {
		t.Errorf("healed %d", healed)
	}
	n.Close()
	n.Close()
	if _, err := n.Add(fault.Rule{Cut: true}, 0); err != fault.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}

func nan() float64 { var zero float64; return zero / zero }

// Close ends whatever waits.
func TestClose(t *testing.T) {
	bubble(t, "", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true, Delay: time.Minute}, 0)
		write(t, near, "x")
		near.Close()
		a, _ := p.sockets()
		p.net.Heal()
		p.add(fault.Rule{Delay: time.Minute}, 0)
		send(t, a, addrB, "x")
		p.net.Close() // waits for the goroutine
		far.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := io.ReadAll(far); isTimeout(err) {
			t.Error("the stream is still open")
		}
	})
}
