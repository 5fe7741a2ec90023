package fault_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/fault"
)

func send(t *testing.T, c net.PacketConn, to, text string) {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte(text), addr); err != nil {
		t.Error(err)
	}
}

// count is how many packets come within a long time.
func count(c net.PacketConn) int {
	c.SetReadDeadline(time.Now().Add(time.Hour))
	defer c.SetReadDeadline(time.Time{})
	for n := 0; ; n++ {
		if _, _, err := c.ReadFrom(make([]byte, 2000)); err != nil {
			return n
		}
	}
}

// Packets are lost, doubled, cut, late: as many as the rule has it.
func TestPackets(t *testing.T) {
	const sent = 500 // fewer than wait to be read
	for name, c := range map[string]struct {
		rule      fault.Rule
		out, in   [2]int // least and most that come
		late, cut bool
	}{
		"none":     {fault.Rule{Peers: []string{"Clark"}, Loss: 1}, [2]int{sent, sent}, [2]int{sent, sent}, false, false},
		"loss out": {fault.Rule{Way: fault.Out, Loss: 0.3}, [2]int{320, 380}, [2]int{sent, sent}, false, false},
		"loss in":  {fault.Rule{Way: fault.In, Loss: 0.3}, [2]int{sent, sent}, [2]int{320, 380}, false, false},
		"double":   {fault.Rule{Duplicate: 0.25}, [2]int{585, 665}, [2]int{sent, sent}, false, false},
		"delay":    {fault.Rule{Delay: time.Second, Jitter: time.Second}, [2]int{sent, sent}, [2]int{sent, sent}, true, false},
		"cut out":  {fault.Rule{Way: fault.Out, Cut: true}, [2]int{0, 0}, [2]int{sent, sent}, false, true},
		"cut in":   {fault.Rule{Way: fault.In, Cut: true}, [2]int{sent, sent}, [2]int{0, 0}, false, true},
		"pause":    {fault.Rule{Pause: true}, [2]int{0, 0}, [2]int{0, 0}, false, true},
	} {
		bubble(t, name, func(t *testing.T, p *pair) {
			a, b := p.sockets()
			p.net.Seed(7)
			p.add(c.rule, 0)
			for range sent {
				send(t, a, addrB, "x")
			}
			if got := count(b); got < c.out[0] || got > c.out[1] {
				t.Errorf("%d went, want %v", got, c.out)
			}
			for range sent {
				send(t, b, addrA, "x")
			}
			if got := count(a); got < c.in[0] || got > c.in[1] {
				t.Errorf("%d came, want %v", got, c.in)
			}
			s := p.net.Stats()
			if (s.PacketsLate > 0) != c.late || (s.PacketsCut > 0) != c.cut || (s.PacketsDoubled > 0) != (c.rule.Duplicate > 0) {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// The same seed loses the same packets.
func TestSeed(t *testing.T) {
	fate := func(t *testing.T, seed uint64) (text string) {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t)
			a, b := p.sockets()
			p.net.Seed(seed)
			p.add(fault.Rule{Loss: 0.5}, 0)
			for i := range 64 {
				send(t, a, addrB, string(rune('0'+i)))
			}
			b.SetReadDeadline(time.Now().Add(time.Second))
			for {
				got := make([]byte, 1)
				if _, _, err := b.ReadFrom(got); err != nil {
					return
				}
				text += string(got)
			}
		})
		return text
	}
	if one, two, other := fate(t, 1), fate(t, 1), fate(t, 2); one != two || one == other || one == "" {
		t.Errorf("got %q, %q and, of another seed, %q", one, two, other)
	}
}
