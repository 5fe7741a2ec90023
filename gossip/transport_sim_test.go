package gossip

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
	"herd/gossip/simnet"
)

// simulated is a transport config on host 10.0.0.i.
func simulated(t testing.TB, sim *simnet.Net, i int, keys ...int) TransportConfig {
	t.Helper()
	ip := fmt.Sprintf("10.0.0.%d", i)
	return TransportConfig{Network: sim.Host(ip), BindAddr: ip + ":4132", Name: fmt.Sprint("node", i), Keyring: ring(t, keys...)}
}

// newSim is a network with the latency of a machine room.
func newSim() *simnet.Net {
	sim := simnet.New(1)
	sim.SetLinks(simnet.Link{Latency: 200 * time.Microsecond, Jitter: 100 * time.Microsecond})
	return sim
}

// stranger opens a stream from 10.0.0.i, and that is all that it does.
func stranger(t testing.TB, sim *simnet.Net, i int, to *Transport) net.Conn {
	t.Helper()
	c, err := sim.Host(fmt.Sprintf("10.0.0.%d", i)).Dial(context.Background(), to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A machine without file descriptors or memory for a while is no reason to stop.
func TestTransportOutlivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, logger := newLogLines(hclog.Info)
		sim := newSim()
		config := simulated(t, sim, 1, 1)
		n := &balky{Network: config.Network}
		config.Network, config.Logger = n, logger
		n.acceptsFailed.Store(3)
		n.readsFailed.Store(3)
		clark, jaquez := newTestTransport(t, config), newTestTransport(t, simulated(t, sim, 2, 1))
		// dial returns how long clark took to greet.
		dial := func() time.Duration {
			t.Helper()
			begin := time.Now()
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), PurposeLive)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			return time.Since(begin).Round(5 * time.Millisecond)
		}
		if took := dial(); took != 35*time.Millisecond {
			t.Errorf("after three errors: %v, want 5+10+20 ms", took)
		}
		jaquez.WriteTo(sealedPacket(1, testKey(1), "", 'x'), clark.Addr().String())
		if p := <-clark.PacketCh(); p.From.String() != "10.0.0.2:4132" || !p.Timestamp.Equal(time.Now()) {
			t.Errorf("a packet from %v at %v", p.From, p.Timestamp)
		}
		n.acceptsFailed.Store(3)
		if took := dial(); took != 0 { // clark waited in Accept
			t.Errorf("with no errors: %v", took)
		}
		if took := dial(); took != 35*time.Millisecond {
			t.Errorf("after three errors more: %v, want 5+10+20 ms: those before are forgotten", took)
		}
		synctest.Wait()
		if s := clark.Stats(); s.AcceptErrors != 6 || s.PacketErrors != 3 || s.Packets != 1 || s.Accepted != 3 {
			t.Errorf("%+v", s)
		}
		got := lines.take(t)
		slices.SortFunc(got, func(a, b logLine) int { return strings.Compare(a.head, b.head) })
		if len(got) != 2 || got[0].head != "warn: cannot accept gossip streams" || got[1].head != "warn: cannot read gossip packets" {
			t.Errorf("logged %v", got)
		}
	})
}

// Shutdown waits for what it ends, and for nothing else, and says nothing.
func TestShutdownWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, logger := newLogLines(hclog.Debug)
		sim := newSim()
		config := simulated(t, sim, 1, 1)
		n := &balky{Network: config.Network}
		config.Network, config.Logger = n, logger
		for _, n.lastRead = range []time.Duration{0, time.Second} {
			clark := newTestTransport(t, config) // the same port each time
			c := stranger(t, sim, 9, clark)
			time.Sleep(time.Second)
			begin := time.Now()
			clark.Shutdown()
			if took := time.Since(begin); took != n.lastRead {
				t.Errorf("a goroutine that takes %v: Shutdown took %v", n.lastRead, took)
			}
			io.Copy(io.Discard, c)
			c.Close()
		}
		if got := lines.take(t); len(got) != 0 {
			t.Errorf("logged %v", got)
		}
	})
}

// A dial that succeeds while Shutdown goes on leaves nothing open.
func TestStreamAfterShutdown(t *testing.T) {
	near, far := line(t)
	tr := newTestTransport(t, TransportConfig{})
	tr.Shutdown()
	s := &Stream{Conn: tls.Client(near, tr.prover.tls), raw: near, transport: tr}
	if tr.remember(s) {
		t.Error("the stream was kept")
	}
	if _, err := io.Copy(io.Discard, far); err != nil {
		t.Errorf("the other end: %v", err)
	}
}

// The deadline of the handshake ends with it.
func TestStreamOutlivesHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark, jaquez := newTestTransport(t, simulated(t, sim, 1, 1)), newTestTransport(t, simulated(t, sim, 2, 1))
		ctx, cancel := context.WithCancel(t.Context())
		near, err := clark.DialPeer(ctx, jaquez.Addr().String(), PurposeLive)
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

// A stranger has two seconds, whatever it does with them.
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
			if took := time.Since(begin); took < 2*time.Second || took > 2100*time.Millisecond {
				t.Errorf("%s: closed after %v, want 2 s", what, took)
			}
			synctest.Wait()
			if s := clark.Stats(); s != (TransportStats{Slow: 1}) {
				t.Errorf("%s: %+v", what, s)
			}
			if got := lines.take(t); len(got) != 1 || got[0].head != "warn: gossip stream refused: no proof in time" || got[0].args["addr"] != c.LocalAddr().String() || got[0].args["timeout"] != "2s" {
				t.Errorf("%s: logged %v", what, got)
			}
		})
	}
}

// clientHello is what an honest dialer sends first.
func clientHello(t *testing.T) []byte {
	near, far := line(t)
	clark := newTestTransport(t, TransportConfig{Network: oneConn{near}})
	go clark.DialPeer(context.Background(), "10.0.0.2:4132", PurposeLive)
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
			_, err := clark.DialPeer(ctx, "10.0.0.2:4132", PurposeLive)
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
		var proved []*Stream
		for range 40 { // those who have proved a key are not counted
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), PurposeLive)
			if err != nil {
				t.Fatal(err)
			}
			proved = append(proved, s, <-clark.Streams())
		}
		if s := clark.Stats(); s != (TransportStats{Evicted: 184, Unproved: 16, Accepted: 40, Open: 40}) {
			t.Errorf("and 40 peers: %+v", s)
		}
		time.Sleep(3 * time.Second)
		if s := clark.Stats(); s != (TransportStats{Evicted: 184, Slow: 16, Accepted: 40, Open: 40}) {
			t.Errorf("three seconds later: %+v", s)
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
		s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), PurposeLive)
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
	go dialer.DialPeer(context.Background(), "10.0.0.2:4132", PurposeLive)
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
		for _, p := range []Purpose{PurposeDelta, PurposeMembership} {
			var last *Stream
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

func TestPacketQueueOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark, jaquez := newTestTransport(t, simulated(t, sim, 1, 1)), newTestTransport(t, simulated(t, sim, 2, 1))
		packets := map[string]bool{}
		for i := range packetQueue + 10 {
			packet := sealedPacket(1, testKey(1), "", byte(i), byte(i>>8))
			packets[string(packet)] = true
			if _, err := jaquez.WriteToAddress(packet, memberlist.Address{Addr: clark.Addr().String()}); err != nil {
				t.Fatal(err)
			}
		}
		jaquez.WriteTo([]byte("junk"), clark.Addr().String())
		time.Sleep(time.Second)
		if s := clark.Stats(); s != (TransportStats{Packets: packetQueue, PacketsDropped: 10, PacketsJunk: 1}) {
			t.Errorf("%+v", s)
		}
		for range packetQueue {
			p := <-clark.PacketCh()
			if !packets[string(p.Buf)] || p.From.String() != "10.0.0.2:4132" {
				t.Fatalf("got %x from %v", p.Buf, p.From)
			}
			delete(packets, string(p.Buf)) // each comes once
		}
	})
}

// Both ends say once a minute who has a wrong key, and how often that was.
func TestWrongKeyIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		var all [2]*Transport
		var lines [2]*logLines
		for i := range all {
			config := simulated(t, sim, i+1, i+1)
			lines[i], config.Logger = newLogLines(hclog.Info)
			config.Name = []string{"Clark", "Jaquez\x1b[31m"}[i]
			all[i] = newTestTransport(t, config)
		}
		heads := [2]string{"warn: gossip stream not opened: wrong key", "warn: gossip stream refused: wrong key"}
		peers := [2]string{"Jaquez.[31m", "Clark"}
		attempts := 0
		try := func(n int) {
			for range n {
				if _, err := all[0].DialPeer(t.Context(), all[1].Addr().String(), PurposeLive); !errors.Is(err, ErrWrongKey) {
					t.Fatal(err)
				}
				attempts++
			}
			time.Sleep(10 * time.Millisecond)
		}
		expect := func(when string, n int, suppressed any) {
			t.Helper()
			for i := range all {
				got := lines[i].take(t)
				if len(got) != n {
					t.Errorf("%s: logged %v, want %d lines", when, got, n)
					continue
				}
				for _, l := range got {
					if l.head != heads[i] || l.args["peer"] != peers[i] || l.args["reason"] != reasonNoneInCommon || l.args["suppressed"] != suppressed {
						t.Errorf("%s: logged %v", when, l)
					}
				}
			}
		}
		try(1)
		expect("the first", 1, nil)
		try(49)
		expect("in the same minute", 0, nil)
		time.Sleep(time.Minute)
		try(2)
		expect("a minute later", 1, 49.0)
		if s := all[1].Stats(); s != (TransportStats{WrongKey: uint64(attempts)}) {
			t.Errorf("%+v", s)
		}
		if s := all[0].Stats(); s != (TransportStats{DialsFailed: uint64(attempts)}) {
			t.Errorf("%+v", s)
		}
	})
}

// A peer that has stopped reading holds up Close for no more than closeGrace.
func TestCloseOfHungStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark, jaquez := newTestTransport(t, simulated(t, sim, 1, 1)), newTestTransport(t, simulated(t, sim, 2, 1))
		for _, writing := range []bool{true, false} {
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), PurposeLive)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 2)
			s.SetWriteDeadline(time.Now().Add(time.Second))
			if writing {
				s.SetWriteDeadline(time.Time{})
			}
			go func() {
				_, err := s.Write(make([]byte, 1<<20)) // more than fits
				ended <- err
			}()
			go func() {
				_, err := s.Read(make([]byte, 1))
				ended <- err
			}()
			time.Sleep(2 * time.Second)
			begin := time.Now()
			s.Close()
			if took := time.Since(begin); took > closeGrace {
				t.Errorf("writing %v: Close took %v", writing, took)
			}
			for range 2 {
				if err := <-ended; err == nil {
					t.Errorf("writing %v: what was under way ended without an error", writing)
				}
			}
			(<-clark.Streams()).Close()
			if n := jaquez.Stats().Open; n != 0 {
				t.Errorf("%d streams open", n)
			}
			s.Close()
		}
	})
}

// A message that would harm memberlist gets as far as the guard.
func TestMessageRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		b := newBare(t, simulated(t, sim, 1, 1), nil)
		defer time.Sleep(time.Minute) // memberlist does not wait for its streams
		jaquez := newTestTransport(t, simulated(t, sim, 2, 1))
		defer jaquez.Shutdown()
		for _, message := range [][]byte{
			sealedMessage(testKey(1), ""), // memberlist would panic
			head(20<<20, 1),
			[]byte(plaintexts[6]),
		} {
			s, err := jaquez.DialPeer(t.Context(), b.transport.Addr().String(), PurposeMembership)
			if err != nil {
				t.Fatal(err)
			}
			s.Write(message)
			io.Copy(io.Discard, s) // until memberlist closes it
			s.Close()
		}
		if s := b.transport.Stats(); s != (TransportStats{Accepted: 3, MessagesRefused: 3}) {
			t.Errorf("%+v", s)
		}
		b.Shutdown()
	})
}

// seen are the members that a bare memberlist has heard of, by its events.
type seen struct {
	mu   sync.Mutex // guards live
	live map[string]bool
}

func (s *seen) set(n *memberlist.Node, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		s.live = map[string]bool{}
	}
	s.live[n.Name] = live
}

func (s *seen) NotifyJoin(n *memberlist.Node)  { s.set(n, true) }
func (s *seen) NotifyLeave(n *memberlist.Node) { s.set(n, false) }
func (*seen) NotifyUpdate(*memberlist.Node)    {}

// names are the live members, as "12 45".
func (s *seen) names() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for name, live := range s.live {
		if live {
			all = append(all, strings.TrimPrefix(name, "node"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// Five memberlists meet, see one die, and see each other no more through a cut;
// within the time that their profile gives itself.
func TestBareMemberlistsFail(t *testing.T) {
	for _, name := range []string{"local", "lan", "wan"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := profileNamed(name)
				if err != nil {
					t.Fatal(err)
				}
				sim := newSim()
				var all []*bare
				var views []*seen
				defer func() {
					for _, b := range all {
						b.Shutdown()
					}
					time.Sleep(time.Minute) // memberlist does not wait for its probes
				}()
				for i := range 5 {
					view := &seen{}
					b := newBare(t, simulated(t, sim, i+1, 1), func(c *memberlist.Config) {
						c.ProbeInterval, c.ProbeTimeout, c.GossipInterval, c.PushPullInterval = p.probeInterval, p.probeTimeout, p.gossip, p.pushPull
						c.SuspicionMult, c.SuspicionMaxTimeoutMult, c.TCPTimeout = p.suspicionMult, p.suspicionMax, p.stream
						c.Events = view
					})
					all, views = append(all, b), append(views, view)
					if i > 0 {
						b.join(t, all[i-1])
					}
				}
				// view waits until node i sees want[i]; "" is not looked at.
				view := func(what string, want ...string) {
					t.Helper()
					var got []string
					for begin := time.Now(); time.Since(begin) < p.settle; time.Sleep(10 * time.Millisecond) {
						got = nil
						for i, v := range views {
							if want[i] != "" {
								got = append(got, v.names())
							} else {
								got = append(got, "")
							}
						}
						if slices.Equal(got, want) {
							return
						}
					}
					t.Fatalf("%s: seen %q, want %q", what, got, want)
				}
				view("joined", "12345", "12345", "12345", "12345", "12345")
				sim.Host("10.0.0.3").Kill()
				view("one killed", "1245", "1245", "", "1245", "1245")
				sim.Partition([]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.4", "10.0.0.5"})
				view("cut", "12", "12", "", "45", "45")
			})
		})
	}
}

// The largest metadata under the longest label fits into a packet: a member is
// known to those who never exchanged a stream with it.
func TestLargestMemberIsGossiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		var all []*bare
		defer func() {
			for _, b := range all {
				b.Shutdown()
			}
			time.Sleep(time.Minute) // memberlist does not wait for its probes
		}()
		for i := range 3 {
			m := maximalMeta()
			m.Origin -= location.Origin(i)
			config := simulated(t, sim, i+1, 1)
			config.Name, config.Label = m.Name, strings.Repeat("x", memberlist.LabelMaxSize)
			all = append(all, newBare(t, config, func(c *memberlist.Config) {
				c.Name, c.Delegate, c.PushPullInterval = m.ID(), metaOnly{m.encode()}, 0
			}))
			if i > 0 {
				all[i].join(t, all[0])
			}
		}
		reach(t, "three members", sees(3, all...))
		for _, n := range all[1].Members() {
			if m, err := decodeMeta(n.Meta); err != nil || m.ID() != n.Name {
				t.Errorf("member %s: %+v, %v", n.Name, m, err)
			}
		}
		if s := all[1].transport.Stats(); s.Dialed+s.Accepted != 1 {
			t.Errorf("more streams than one: %+v", s)
		}
	})
}

// metaOnly is a memberlist.Delegate with metadata and nothing else.
type metaOnly struct{ meta []byte }

func (d metaOnly) NodeMeta(int) []byte             { return d.meta }
func (metaOnly) NotifyMsg([]byte)                  {}
func (metaOnly) GetBroadcasts(int, int) [][]byte   { return nil }
func (metaOnly) LocalState(bool) []byte            { return nil }
func (metaOnly) MergeRemoteState(b []byte, _ bool) {}

// Random bytes on either port are counted, and nothing comes of them.
func TestJunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		clark := newTestTransport(t, simulated(t, sim, 1, 1))
		p, err := sim.Host("10.0.0.9").ListenPacket(t.Context(), ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		random := make([]byte, 4096)
		for i := range 50 {
			rand.Read(random)
			if _, err := p.WriteTo(random[:i], clark.Addr().(*net.TCPAddr)); err != nil {
				t.Fatal(err)
			}
			c := stranger(t, sim, 9, clark)
			if i%2 == 0 {
				random[0] = 22 // as TLS begins
			}
			c.Write(random)
			io.Copy(io.Discard, c)
			c.Close()
		}
		time.Sleep(3 * time.Second)
		s := clark.Stats()
		s.Junk, s.Slow = s.Junk+s.Slow, 0 // some promise more than they send
		if s != (TransportStats{Junk: 50, PacketsJunk: 50}) {
			t.Errorf("%+v", s)
		}
	})
}
