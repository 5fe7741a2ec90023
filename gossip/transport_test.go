package gossip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"
	"go.uber.org/goleak"
)

const loopback = "127.0.0.1:0"

func newTestTransport(t testing.TB, c transportConfig) *transport {
	t.Helper()
	if c.Name == "" {
		c.Name = "Clark"
	}
	if c.BindAddr == "" {
		c.BindAddr = loopback
	}
	tr, err := newTransport(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Shutdown() })
	return tr
}

// reach waits until ok holds, in virtual or real time.
func reach(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("not reached: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// bare is a memberlist with nothing of the herd but its transport.
type bare struct {
	*memberlist.Memberlist
	transport *transport
}

func newBare(t testing.TB, c transportConfig, change func(*memberlist.Config)) *bare {
	t.Helper()
	tr := newTestTransport(t, c)
	p, err := profileNamed("local")
	if err != nil {
		t.Fatal(err)
	}
	mc := p.config()
	mc.TCPTimeout = time.Minute // a second of this profile is too short for a busy machine
	mc.Name, mc.Transport, mc.Label = tr.config.Name, tr, c.Label
	if c.Keyring != nil {
		mc.Keyring = c.Keyring.members
	}
	mc.Logger = log.New(io.Discard, "", 0)
	if c.Logger != nil {
		mc.Logger = newLogBridge(c.Logger, &tr.lines)
	}
	if change != nil {
		change(mc)
	}
	m, err := memberlist.Create(mc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Shutdown() })
	return &bare{m, tr}
}

func (b *bare) join(t testing.TB, other *bare) {
	t.Helper()
	if n, err := b.Join([]string{other.transport.Advertised().String()}); n != 1 || err != nil {
		t.Fatalf("join: %d, %v", n, err)
	}
}

// sees tells whether all of these know of n members.
func sees(n int, all ...*bare) func() bool {
	return func() bool {
		return !slices.ContainsFunc(all, func(b *bare) bool { return b.NumMembers() != n })
	}
}

// refusals are the counters that stay 0 among friends, even if they are slow.
func refusals(s TransportStats) (n uint64) {
	return s.PacketsJunk + s.PacketErrors + s.StreamsDropped + s.MessagesRefused +
		s.WrongKey + s.Junk + s.Slow + s.Evicted + s.AcceptErrors
}

// What real memberlists send to each other passes, by packet and by stream.
func TestBareMemberlists(t *testing.T) {
	for _, tt := range []struct {
		what  string
		rings [3][]int
		label string
	}{
		{"keyed", [3][]int{{1}, {1}, {1}}, "campus"},
		{"keyed, no label", [3][]int{{1}, {1}, {1}}, ""},
		{"while keys rotate", [3][]int{{1, 2}, {2, 1}, {2, 3, 1}}, "campus"},
		{"keyless", [3][]int{}, "campus"},
		{"keyless, no label", [3][]int{}, ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			var all []*bare
			for i, keys := range tt.rings {
				b := newBare(t, transportConfig{Name: fmt.Sprint("node", i), Keyring: ring(t, keys...), Label: tt.label}, nil)
				all = append(all, b)
				if i > 0 {
					b.join(t, all[0])
				}
			}
			reach(t, "three members", sees(3, all...))
			for _, b := range all {
				reach(t, "packets", func() bool { return b.transport.Stats().Packets > 5 })
			}
			if err := all[2].Leave(10 * time.Second); err != nil {
				t.Error(err)
			}
			reach(t, "two members", sees(2, all[:2]...))
			for _, b := range all {
				b.Shutdown()
				if s := b.transport.Stats(); refusals(s) != 0 || s.Open != 0 || s.Unproved != 0 || s.Accepted+s.Dialed == 0 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

func TestHerdsDontMix(t *testing.T) {
	for _, tt := range []struct {
		what   string
		a, b   transportConfig
		reason string
	}{
		{"labels", transportConfig{Keyring: ring(t, 1), Label: "campus"}, transportConfig{Keyring: ring(t, 1), Label: "beach"}, reasonNoneInCommon},
		{"keys", transportConfig{Keyring: ring(t, 1)}, transportConfig{Keyring: ring(t, 2)}, reasonNoneInCommon},
		{"a key and none", transportConfig{Keyring: ring(t, 1)}, transportConfig{}, reasonPeerKeyless},
		{"labels, keyless", transportConfig{Label: "campus"}, transportConfig{Label: "beach"}, reasonWeAreKeyless},
	} {
		t.Run(tt.what, func(t *testing.T) {
			tt.a.Name, tt.b.Name = "Clark", "Jaquez"
			a, b := newBare(t, tt.a, nil), newBare(t, tt.b, nil)
			_, err := a.Join([]string{b.transport.Advertised().String()})
			if err == nil || !strings.Contains(err.Error(), `calling itself "Jaquez": `+tt.reason) {
				t.Errorf("join: %v", err)
			}
			reach(t, "a refusal", func() bool { return b.transport.Stats().WrongKey == 1 })
			if s := a.transport.Stats(); s.DialsFailed != 1 || s.Dialed != 0 {
				t.Errorf("the dialer: %+v", s)
			}
			if tt.b.Keyring != nil || tt.b.Label != tt.a.Label {
				a.SendBestEffort(&memberlist.Node{Addr: net.IPv4(127, 0, 0, 1), Port: b.transport.Advertised().Port()}, []byte("x"))
				reach(t, "a packet dropped", func() bool { return b.transport.Stats().PacketsJunk == 1 })
			}
			if a.NumMembers() != 1 || b.NumMembers() != 1 {
				t.Errorf("%d and %d members", a.NumMembers(), b.NumMembers())
			}
		})
	}
}

func TestDialPeer(t *testing.T) {
	key := ring(t, 1)
	clark := newTestTransport(t, transportConfig{Keyring: key})
	jaquez := newTestTransport(t, transportConfig{Keyring: key, Name: "Jaquez"})
	for p := purposeMembership; p <= purposeWho; p++ {
		near, err := clark.DialPeer(t.Context(), jaquez.Addr().String(), p)
		if err != nil {
			t.Fatal(err)
		}
		var far net.Conn
		if p == purposeMembership {
			c := (<-jaquez.StreamCh()).(*membershipStream)
			far = c.Conn // past the guard: this is not memberlist talking
			if c.PeerName() != "Clark" {
				t.Errorf("memberlist got a stream of %q", c.PeerName())
			}
		} else {
			s := <-jaquez.Streams()
			far = s
			if s.PeerName() != "Clark" || s.Purpose() != p || !s.Inbound() {
				t.Errorf("%v: accepted %q, %v, inbound %v", p, s.PeerName(), s.Purpose(), s.Inbound())
			}
		}
		if near.PeerName() != "Jaquez" || near.Purpose() != p || near.Inbound() {
			t.Errorf("%v: dialed %q, %v, inbound %v", p, near.PeerName(), near.Purpose(), near.Inbound())
		}
		if open := clark.Stats().Open; open != 1 {
			t.Errorf("%v: %d streams open", p, open)
		}
		io.WriteString(near, "to and ")
		near.CloseWrite()
		if b, err := io.ReadAll(far); string(b) != "to and " || err != nil {
			t.Errorf("%v: read %q, %v", p, b, err)
		}
		io.WriteString(far, "fro")
		far.Close()
		if b, err := io.ReadAll(near); string(b) != "fro" || err != nil {
			t.Errorf("%v: read %q, %v", p, b, err)
		}
		near.Close()
		near.Close()
	}
	for _, tt := range []struct {
		tr   *transport
		want TransportStats
	}{
		{clark, TransportStats{Dialed: 4}},
		{jaquez, TransportStats{Accepted: 4}},
	} {
		reach(t, "streams closed", func() bool { return tt.tr.Stats().Open <= 1 })
		got := tt.tr.Stats()
		got.Open = 0 // the membership stream was closed past the transport
		if got != tt.want {
			t.Errorf("stats %+v, want %+v", got, tt.want)
		}
	}
}

func TestDialPeerFails(t *testing.T) {
	clark := newTestTransport(t, transportConfig{Keyring: ring(t, 1)})
	stranger := newTestTransport(t, transportConfig{Keyring: ring(t, 2), Name: "Jaquez"})
	_, err := clark.DialPeer(t.Context(), stranger.Addr().String(), purposeLive)
	var key *KeyError
	if !errors.As(err, &key) || key.Addr != stranger.Addr().String() || key.Peer != "Jaquez" ||
		!strings.HasPrefix(err.Error(), "dial "+key.Addr+" for live: ") {
		t.Errorf("a wrong key: %v", err)
	}
	gone := stranger.Addr().String()
	stranger.Shutdown()
	if _, err = clark.DialPeer(t.Context(), gone, purposeLive); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = clark.DialPeer(ctx, gone, purposeLive); !errors.Is(err, context.Canceled) {
		t.Errorf("given up before: %v", err)
	}
	if _, err = clark.DialTimeout("no address", time.Second); err == nil {
		t.Error("no address was dialed")
	}
	if _, err = clark.WriteTo(nil, "no address"); err == nil {
		t.Error("a packet was sent to no address")
	}
	if s := clark.Stats(); s.DialsFailed != 4 || s.Dialed != 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

// hold opens n streams to addr and says nothing on them.
func hold(t testing.TB, addr net.Addr, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

// A stranger with many streams and junk on both ports is in nobody's way.
func TestStrangerIsInNobodysWay(t *testing.T) {
	lines, logger := newLogLines(hclog.Info)
	key := ring(t, 1)
	a := newBare(t, transportConfig{Name: "Clark", Keyring: key, Label: "campus", Logger: logger}, nil)
	addr := a.transport.Addr()
	hold(t, addr, 200)
	reach(t, "the oldest dropped", func() bool { return a.transport.Stats().Evicted >= 200-128 })
	if n := a.transport.Stats().Unproved; n > 128 {
		t.Errorf("%d streams unproved", n)
	}
	random := make([]byte, 1400)
	rand.Read(random)
	udp, err := net.Dial("udp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	const junkStreams = 20
	for range junkStreams {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	}
	for i := range 1000 {
		udp.Write(random[:i])
	}

	b := newBare(t, transportConfig{Name: "Jaquez", Keyring: key, Label: "campus"}, nil)
	b.join(t, a)
	reach(t, "two members", sees(2, a, b))
	for range 10 {
		for p := purposeLive; p <= purposeWho; p++ {
			s, err := b.transport.DialPeer(t.Context(), addr.String(), p)
			if err != nil {
				t.Fatal(err)
			}
			(<-a.transport.Streams()).Close()
			s.Close()
		}
	}
	reach(t, "junk counted", func() bool {
		s := a.transport.Stats()
		return s.Junk == junkStreams && s.PacketsJunk > 0
	})
	if s := a.transport.Stats(); s.Unproved > 128 || s.WrongKey != 0 || s.MessagesRefused != 0 {
		t.Errorf("%+v", s)
	}
	if s := b.transport.Stats(); refusals(s) != 0 {
		t.Errorf("the honest node: %+v", s)
	}
	heads := map[string]int{}
	for _, l := range lines.take(t) {
		if heads[l.head]++; heads[l.head] > 1 {
			t.Errorf("twice: %s", l.head)
		}
	}
	for _, want := range []string{
		"warn: gossip stream dropped: too many have not proved a key",
		"warn: gossip stream refused: not a peer",
		"warn: gossip packet dropped: not of this herd",
	} {
		if heads[want] != 1 {
			t.Errorf("%d lines: %s", heads[want], want)
		}
	}
}

// Shutdown ends all that goes on, and waits for it.
func TestShutdown(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	key := ring(t, 1)
	clark := newTestTransport(t, transportConfig{Keyring: key, HandshakeTimeout: time.Minute}) // a dial that hangs is ended by nothing else
	jaquez := newTestTransport(t, transportConfig{Keyring: key, Name: "Jaquez"})
	silent, err := net.Listen("tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ended := make(chan error)
	go func() { // dialing
		_, err := clark.DialPeer(context.Background(), silent.Addr().String(), purposeLive)
		ended <- err
	}()
	hold(t, clark.Addr(), 5) // greeting
	reach(t, "strangers greeted", func() bool { return clark.Stats().Unproved == 5 })
	out, err := clark.DialPeer(t.Context(), jaquez.Addr().String(), purposeLive)
	if err != nil {
		t.Fatal(err)
	}
	in, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeDelta)
	if err != nil {
		t.Fatal(err)
	}
	accepted := <-clark.Streams()
	waiting, err := jaquez.DialPeer(t.Context(), clark.Addr().String(), purposeDelta) // nobody takes it
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*stream{out, accepted} { // reading
		go func() {
			_, err := s.Read(make([]byte, 1))
			ended <- err
		}()
	}
	hung, err := silent.Accept() // so the dial has got that far
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	reach(t, "the last stream", func() bool { return len(clark.streamc) == 1 })

	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { clark.Shutdown() })
	}
	wg.Wait()
	for range 3 {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("what was under way: %v", err)
		}
	}
	for _, s := range []*stream{in, waiting} { // the other ends
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("a stream lives on")
		}
		s.Close()
	}
	if s := clark.Stats(); s.Open != 0 || s.Unproved != 0 || s.Slow+s.Junk+s.Abandoned+s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := clark.DialPeer(t.Context(), jaquez.Addr().String(), purposeLive); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a dial afterwards: %v", err)
	}
	if _, err := clark.WriteTo([]byte("x"), jaquez.Addr().String()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a packet afterwards: %v", err)
	}
	jaquez.Shutdown()
}

func TestBackoff(t *testing.T) {
	var b backoff
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want := []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000}
	for _, ms := range want {
		if b.wait(ctx); time.Duration(b) != ms*time.Millisecond {
			t.Errorf("pause of %v, want %d ms", time.Duration(b), ms)
		}
	}
}

// Two nodes in one process have nothing in common.
func TestTransportsAreIndependent(t *testing.T) {
	busy, idle := newTestTransport(t, transportConfig{Keyring: ring(t, 1)}), newTestTransport(t, transportConfig{Keyring: ring(t, 2)})
	peer := newTestTransport(t, transportConfig{Keyring: ring(t, 2)})
	peer.WriteTo([]byte("junk"), busy.Addr().String())
	peer.DialPeer(t.Context(), busy.Addr().String(), purposeLive)
	reach(t, "refusals", func() bool { s := busy.Stats(); return s.PacketsJunk == 1 && s.WrongKey == 1 })
	if s := idle.Stats(); s != (TransportStats{}) {
		t.Errorf("%+v", s)
	}
	busy.Shutdown()
	s, err := peer.DialPeer(t.Context(), idle.Addr().String(), purposeLive)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestProfiles(t *testing.T) {
	for _, name := range []string{"", "local", "lan", "wan"} {
		p, err := profileNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		c := p.config()
		if want := name; p.name != want && name != "" || name == "" && p.name != "lan" {
			t.Errorf("%q gives %q", name, p.name)
		}
		if c.ProbeTimeout >= c.ProbeInterval || c.GossipInterval >= c.ProbeInterval || c.ProbeInterval >= c.PushPullInterval {
			t.Errorf("%s: %+v", name, p)
		}
		if alone := time.Duration(p.suspicionMult*p.suspicionMax) * p.probeInterval; p.settle < 2*alone {
			t.Errorf("%s: settles in %v, one suspicion may last %v", name, p.settle, alone)
		}
		if c.EnableCompression || c.UDPBufferSize != 1400 || !c.GossipVerifyIncoming || !c.GossipVerifyOutgoing {
			t.Errorf("%s: compression %v, packets of %d bytes, encryption checked %v %v", name, c.EnableCompression, c.UDPBufferSize, c.GossipVerifyIncoming, c.GossipVerifyOutgoing)
		}
	}
	if _, err := profileNamed("LAN"); err == nil || err.Error() != `profile "LAN": want local, lan or wan` {
		t.Errorf("an unknown profile: %v", err)
	}
}
