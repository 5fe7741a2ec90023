package gossip

import (
	"context"
	"crypto/rand"
	"crypto/tls"
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
func simulated(t testing.TB, sim *simnet.Net, i int, keys ...int) transportConfig {
	t.Helper()
	ip := fmt.Sprintf("10.0.0.%d", i)
	return transportConfig{Network: sim.Host(ip), BindAddr: ip + ":4132", Name: fmt.Sprint("node", i), Keyring: ring(t, keys...)}
}

// newSim is a network with the latency of a machine room.
func newSim() *simnet.Net {
	sim := simnet.New(1)
	sim.SetLinks(simnet.Link{Latency: 200 * time.Microsecond, Jitter: 100 * time.Microsecond})
	return sim
}

// stranger opens a stream from 10.0.0.i, and that is all that it does.
func stranger(t testing.TB, sim *simnet.Net, i int, to *transport) net.Conn {
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
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeLive)
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
	tr := newTestTransport(t, transportConfig{})
	tr.Shutdown()
	s := &stream{Conn: tls.Client(near, tr.prover.tls), raw: newOutlet(near), transport: tr}
	if tr.remember(s) {
		t.Error("the stream was kept")
	}
	if _, err := io.Copy(io.Discard, far); err != nil {
		t.Errorf("the other end: %v", err)
	}
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
		var all [2]*transport
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
				if _, err := all[0].DialPeer(t.Context(), all[1].Addr().String(), purposeLive); !isKeyError(err) {
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
			s, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeLive)
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
			s, err := jaquez.DialPeer(t.Context(), b.transport.Addr().String(), purposeMembership)
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
				c.Name, c.Delegate, c.PushPullInterval = m.id(), metaOnly{m.encode()}, 0
			}))
			if i > 0 {
				all[i].join(t, all[0])
			}
		}
		reach(t, "three members", sees(3, all...))
		for _, n := range all[1].Members() {
			if m, err := decodeMeta(n.Meta); err != nil || m.id() != n.Name {
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
