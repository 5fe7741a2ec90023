package gossip

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// recorder is a network of which somebody on the path keeps all packets.
type recorder struct {
	Network
	tape *tape
}

type tape struct {
	mu      sync.Mutex // guards packets
	packets [][]byte
}

func (r recorder) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	conn, err := r.Network.ListenPacket(ctx, addr)
	return recorded{conn, r.tape}, err
}

type recorded struct {
	net.PacketConn
	tape *tape
}

func (r recorded) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := r.PacketConn.ReadFrom(b)
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	if err == nil {
		r.tape.packets = append(r.tape.packets, bytes.Clone(b[:n]))
	}
	return n, from, err
}

// Whoever has no key, and sends again all that he has recorded, brings nobody back who is
// dead or has left, changes nothing for those who live, and is not worth a line.
func TestReplayedPackets(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		tape := &tape{}
		h.network = func(n Network) Network { return recorder{n, tape} }
		all := h.startFive()
		time.Sleep(5 * time.Second)
		dead, left := all[4], all[3]
		h.kill(dead)
		left.stop()
		if err := <-left.ended; err != nil {
			t.Fatal(err)
		}
		h.nodes = all[:3]
		h.await("one view", 10*time.Second, h.oneView)
		time.Sleep(2 * h.nodes[0].profile.forget) // memberlist no longer knows who that was
		tape.mu.Lock()
		packets := tape.packets
		tape.mu.Unlock()

		told := func() int { return h.log.count(": member ") + h.log.count("[WARN]") }
		before, lines, ghosts := h.nodes[0].Stats(), told(), 0
		stranger, err := h.net.Host("10.0.0.66").ListenPacket(t.Context(), "10.0.0.66:1")
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		rounds := 3
		if testing.Short() {
			rounds = 1
		}
		for range rounds {
			for i, p := range packets {
				for _, n := range h.nodes {
					stranger.WriteTo(p, net.UDPAddrFromAddrPort(n.transport.Advertised()))
					for _, m := range n.list.Members() {
						if m.Name == dead.self.id() || m.Name == left.self.id() {
							ghosts++
						}
					}
				}
				if i%20 == 0 {
					time.Sleep(20 * time.Millisecond)
				}
				if !h.oneView() {
					t.Fatal("somebody is back from the dead")
				}
			}
		}
		if more := told() - lines; more > 0 {
			t.Errorf("%d lines about those who are gone", more)
		}
		after := h.nodes[0].Stats().Transport
		t.Logf("%d packets sent again: %d taken, %d junk; %d times memberlist believed that one was back",
			rounds*len(packets), after.Packets-before.Transport.Packets, after.PacketsJunk-before.Transport.PacketsJunk, ghosts)
		if ghosts == 0 || after.PacketsJunk > before.Transport.PacketsJunk {
			t.Error("nothing was tried")
		}
	})
}
