package gossip

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"herd/gossip/simnet"
)

// mute is a network in which nothing is sent by UDP.
type mute struct{ Network }

func (m mute) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	c, err := m.Network.ListenPacket(ctx, addr)
	return mutePackets{c}, err
}

type mutePackets struct{ net.PacketConn }

func (mutePackets) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

// A prober is told who is there, what time it is and who has its name; and tells a wrong
// key from none, and one who answers by TCP alone.
func TestProber(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.label = "campus"
		n := h.start(0)
		h.start(1, n.addr())
		h.await("one view", 5*time.Second, h.oneView)
		fast := func() time.Time { return time.Now().Add(time.Hour) }
		host := h.net.Host("10.0.0.99")
		right := Prober{Network: host, Name: "node1", Label: "campus", Keys: [][]byte{h.key}, Clock: fast}

		got := right.Ask(t.Context(), n.addr())
		if got.Stream != nil || got.Packet != nil || got.Peer != "node0" || got.Origin != n.Self().Origin || !got.Timed {
			t.Errorf("got %+v", got)
		}
		if d := (got.Ahead + time.Hour).Abs(); d > got.Error || got.Error > time.Millisecond {
			t.Errorf("an hour fast, it was told %v ± %v", got.Ahead, got.Error)
		}
		if len(got.Holders) != 1 || got.Holders[0].Gossip != h.nodes[1].addr() {
			t.Errorf("node1 is held by %+v", got.Holders)
		}
		next := right
		next.Keys = [][]byte{h.key, testKey(9)} // while keys are changed
		if got := next.Ask(t.Context(), n.addr()); got.Stream != nil || got.Packet != nil {
			t.Errorf("another key too: %+v", got)
		}

		for what, c := range map[string]struct {
			change func(p *Prober)
			reason string
		}{
			"wrong key":   {func(p *Prober) { p.Keys = [][]byte{testKey(9)} }, reasonNoneInCommon},
			"missed":      {func(p *Prober) { p.Keys = [][]byte{testKey(9), h.key} }, reasonPeerLacks},
			"no key":      {func(p *Prober) { p.Keys = nil }, reasonWeAreKeyless},
			"wrong label": {func(p *Prober) { p.Label = "city" }, reasonNoneInCommon},
		} {
			p := right
			c.change(&p)
			got := p.Ask(t.Context(), n.addr())
			var key *KeyError
			if !errors.As(got.Stream, &key) || key.Reason != c.reason || got.Peer != "node0" || got.Packet == nil || got.OtherLabel {
				t.Errorf("%s: %+v", what, got)
			}
		}

		silent := right
		silent.Network = mute{host}
		if got := silent.Ask(t.Context(), n.addr()); got.Stream != nil || got.Packet == nil {
			t.Errorf("no UDP: %+v", got)
		}

		begin := time.Now()
		if got := right.Ask(t.Context(), "10.0.0.77:4132"); got.Stream == nil || got.Packet == nil {
			t.Errorf("nobody: %+v", got)
		}
		h.net.Cut("10.0.0.99", "10.0.0.1")
		if got := right.Ask(t.Context(), n.addr()); !errors.Is(got.Stream, context.DeadlineExceeded) || got.Packet == nil {
			t.Errorf("cut: %+v", got)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("two who do not answer took %v", took)
		}
	})
}

// A herd without a label is told from one with another key.
func TestProberOtherLabel(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		p := Prober{Network: h.net.Host("10.0.0.99"), Name: "x", Label: "campus", Keys: [][]byte{h.key}}
		if got := p.Ask(t.Context(), n.addr()); !isKeyError(got.Stream) || !got.OtherLabel {
			t.Errorf("got %+v", got)
		}
	})
}

// Keyless herds are asked without a key; and one that has none is told from a wrong one.
func TestProberKeyless(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.key = nil
		n := h.start(0)
		p := Prober{Network: h.net.Host("10.0.0.99"), Name: "x"}
		if got := p.Ask(t.Context(), n.addr()); got.Stream != nil || got.Packet != nil {
			t.Errorf("got %+v", got)
		}
		p.Keys = [][]byte{testKey(9)}
		var key *KeyError
		if got := p.Ask(t.Context(), n.addr()); !errors.As(got.Stream, &key) || key.Reason != reasonPeerKeyless {
			t.Errorf("with a key: %+v", got)
		}
	})
}

// What is no node, and what is no key, is an error and no panic.
func TestProberBad(t *testing.T) {
	t.Parallel()
	host := simnet.New(1).Host("10.0.0.1")
	for _, p := range []Prober{
		{Network: host, Name: "x", Keys: [][]byte{{1, 2, 3}}},
		{Network: host},
	} {
		if got := p.Ask(t.Context(), "10.0.0.2:4132"); got.Stream == nil || got.Packet == nil {
			t.Errorf("got %+v", got)
		}
	}
	if got := (Prober{Network: host, Name: "x"}).Ask(t.Context(), "nowhere"); got.Stream == nil || got.Packet == nil {
		t.Errorf("got %+v", got)
	}
}

func TestAdvertisedOf(t *testing.T) {
	for _, c := range []struct{ advertise, bind, want string }{
		{"", "127.0.0.1:4132", "127.0.0.1:4132"},
		{"10.1.2.3", "0.0.0.0:4132", "10.1.2.3:4132"},
		{"10.1.2.3:99", "[::]:4132", "10.1.2.3:99"},
		{"0.0.0.0", "0.0.0.0:4132", ""},
		{"", "nonsense", ""},
	} {
		got, err := Advertised(t.Context(), c.advertise, c.bind)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%q at %q: %v, %v", c.advertise, c.bind, got, err)
		}
	}
}
