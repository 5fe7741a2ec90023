package gossip

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// The deadline of the handshake ends with it.
func TestStreamOutlivesHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark, jaquez := newTestTransport(t, simulated(t, sim, 1, 1)), newTestTransport(t, simulated(t, sim, 2, 1))
		ctx, cancel := context.WithCancel(t.Context())
		near, err := clark.DialPeer(ctx, jaquez.Addr().String(), purposeLive)
		if err != nil {
			t.Fatal(err)
		}
		cancel() // ctx bounds the dial only
		far := <-jaquez.Streams()
		time.Sleep(time.Hour)
		for _, c := range [][2]net.Conn{{near, far}, {far, near}} {
			io.WriteString(c[0], "x")
			if _, err := c[1].Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		}
		near.Close()
		far.Close()
	})
}

// A stranger has as long as the most patient peer, whatever it does with the time.
func TestHandshakeDeadline(t *testing.T) {
	recorded := clientHello(t)
	for what, act := range map[string]func(net.Conn){
		"says nothing": func(net.Conn) {},
		"speaks TLS, slowly": func(c net.Conn) {
			for i := range recorded {
				if _, err := c.Write(recorded[i : i+1]); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		},
		"stops after its hello": func(c net.Conn) { c.Write(recorded) },
	} {
		synctest.Test(t, func(t *testing.T) {
			lines, logger := newLogLines(hclog.Info)
			sim := newSim()
			config := simulated(t, sim, 1, 1)
			config.Logger = logger
			clark := newTestTransport(t, config)
			c := stranger(t, sim, 9, clark)
			defer c.Close()
			begin := time.Now()
			var acting sync.WaitGroup
			acting.Go(func() { act(c) })
			defer acting.Wait()
			io.Copy(io.Discard, c) // until clark closes it
			if took := time.Since(begin); took < 8*time.Second || took > 8100*time.Millisecond {
				t.Errorf("%s: closed after %v, want 8 s", what, took)
			}
			synctest.Wait()
			if s := clark.Stats(); s != (TransportStats{Slow: 1}) {
				t.Errorf("%s: %+v", what, s)
			}
			if got := lines.take(t); len(got) != 1 || got[0].head != "warn: gossip stream refused: no proof in time" || got[0].args["addr"] != c.LocalAddr().String() || got[0].args["timeout"] != "8s" {
				t.Errorf("%s: logged %v", what, got)
			}
		})
	}
}

// clientHello is what an honest dialer sends first.
func clientHello(t *testing.T) []byte {
	near, far := line(t)
	clark := newTestTransport(t, transportConfig{Network: oneConn{near}})
	go clark.DialPeer(context.Background(), "10.0.0.2:4132", purposeLive)
	b := make([]byte, 16<<10)
	n, err := far.Read(b)
	if err != nil || n < 100 {
		t.Fatalf("a hello of %d bytes, %v", n, err)
	}
	far.Close()
	return b[:n]
}

// oneConn is a network on which whoever dials gets the same stream.
type oneConn struct{ net.Conn }

func (o oneConn) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return OS{}.Listen(ctx, addr)
}

func (o oneConn) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	return OS{}.ListenPacket(ctx, addr)
}
func (o oneConn) Dial(context.Context, string) (net.Conn, error) { return o.Conn, nil }

// A dialer waits no longer for a peer that does not answer, and gives up when it is told to.
func TestDialDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark := newTestTransport(t, simulated(t, sim, 1, 1))
		silent, err := sim.Host("10.0.0.2").Listen(t.Context(), ":4132") // accepts, and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		var left sync.WaitGroup
		defer left.Wait() // for clark to close its end
		left.Go(func() {
			for range 4 {
				c, err := silent.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				left.Go(func() { io.Copy(io.Discard, c); c.Close() })
			}
		})
		dial := func(ctx context.Context) (time.Duration, error) {
			begin := time.Now()
			_, err := clark.DialPeer(ctx, "10.0.0.2:4132", purposeLive)
			return time.Since(begin).Round(10 * time.Millisecond), err
		}
		if took, err := dial(t.Context()); took != 2*time.Second || err == nil || !strings.Contains(err.Error(), "i/o timeout") {
			t.Errorf("after %v: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := dial(ctx); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a second: after %v: %v", took, err)
		}
		begin := time.Now()
		_, err = clark.DialTimeout("10.0.0.2:4132", 500*time.Millisecond)
		if took := time.Since(begin); took != 500*time.Millisecond || err == nil {
			t.Errorf("memberlist, with half a second: after %v: %v", took, err)
		}
		time.AfterFunc(time.Second, func() { clark.Shutdown() })
		if took, err := dial(t.Context()); took != time.Second || !errors.Is(err, net.ErrClosed) {
			t.Errorf("with a shutdown after a second: after %v: %v", took, err)
		}
		if s := clark.Stats(); s != (TransportStats{DialsFailed: 4}) {
			t.Errorf("%+v", s)
		}
	})
}

// Strangers from one address take the places of each other, and of nobody else.
func TestHalfOpenStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark := newTestTransport(t, simulated(t, sim, 1, 1))
		jaquez := newTestTransport(t, simulated(t, sim, 2, 1))
		var held []net.Conn
		for range 200 {
			held = append(held, stranger(t, sim, 9, clark))
		}
		synctest.Wait()
		if s := clark.Stats(); s != (TransportStats{Evicted: 184, Unproved: 16}) {
			t.Errorf("200 strangers: %+v", s)
		}
		var proved []*stream
		for range 40 { // those who have proved a key are not counted
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeLive)
			if err != nil {
				t.Fatal(err)
			}
			proved = append(proved, s, <-clark.Streams())
		}
		if s := clark.Stats(); s != (TransportStats{Evicted: 184, Unproved: 16, Accepted: 40, Open: 40}) {
			t.Errorf("and 40 peers: %+v", s)
		}
		time.Sleep(9 * time.Second)
		if s := clark.Stats(); s != (TransportStats{Evicted: 184, Slow: 16, Accepted: 40, Open: 40}) {
			t.Errorf("nine seconds later: %+v", s)
		}
		for i := range 20 { // from many addresses: the oldest goes
			for range 16 {
				held = append(held, stranger(t, sim, 100+i, clark))
			}
		}
		synctest.Wait()
		if s := clark.Stats(); s.Unproved != 128 || s.Evicted != 184+20*16-128 {
			t.Errorf("strangers from 20 addresses: %+v", s)
		}
		s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeLive)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(proved, s, <-clark.Streams()) {
			s.Close()
		}
		for _, c := range held {
			c.Close()
		}
		time.Sleep(3 * time.Second)
		if s := clark.Stats(); s.Open != 0 || s.Unproved != 0 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// Who opens a stream and closes it again, as health checks do, is no news.
func TestAbandonedStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, logger := newLogLines(hclog.Info)
		sim := newSim()
		config := simulated(t, sim, 1, 1)
		config.Logger = logger
		clark := newTestTransport(t, config)
		stranger(t, sim, 9, clark).Close()
		c := stranger(t, sim, 9, clark) // one that gives up after its hello
		c.Write(clientHelloOf(t))
		time.Sleep(time.Second)
		c.Close()
		time.Sleep(time.Second)
		sim.Host("10.0.0.8").Kill() // and one that dies
		c = stranger(t, sim, 8, clark)
		c.Write([]byte{22})
		time.Sleep(time.Millisecond)
		sim.Host("10.0.0.8").Kill()
		time.Sleep(time.Second)
		if s := clark.Stats(); s != (TransportStats{Abandoned: 3}) {
			t.Errorf("%+v", s)
		}
		if got := lines.take(t); len(got) != 0 {
			t.Errorf("logged %v", got)
		}
	})
}

// clientHelloOf is clientHello in a bubble.
func clientHelloOf(t *testing.T) []byte {
	sim := newSim()
	l, err := sim.Host("10.0.0.2").Listen(t.Context(), ":4132")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialer := newTestTransport(t, simulated(t, sim, 1, 1))
	go dialer.DialPeer(context.Background(), "10.0.0.2:4132", purposeLive)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 16<<10)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestStreamQueueOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, logger := newLogLines(hclog.Info)
		sim := newSim()
		config := simulated(t, sim, 1, 1)
		config.Logger = logger
		clark, jaquez := newTestTransport(t, config), newTestTransport(t, simulated(t, sim, 2, 1))
		for _, p := range []purpose{purposeDelta, purposeMembership} {
			var last *stream
			for range streamQueue + 1 {
				s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), p)
				if err != nil {
					t.Fatal(err)
				}
				last = s
			}
			if _, err := last.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%v: one too many: %v", p, err)
			}
		}
		if s := clark.Stats(); s != (TransportStats{Accepted: 2 * (streamQueue + 1), StreamsDropped: 2, Open: 2 * streamQueue}) {
			t.Errorf("%+v", s)
		}
		if got := lines.take(t); len(got) != 1 || got[0].head != "warn: gossip stream dropped: too many wait" || got[0].args["peer"] != "node2" || got[0].args["purpose"] != "delta" {
			t.Errorf("logged %v", got)
		}
		jaquez.Shutdown()
		clark.Shutdown()
		if s := clark.Stats(); s.Open != 0 {
			t.Errorf("%d streams that nobody took are open", s.Open)
		}
	})
}
