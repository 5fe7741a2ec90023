package gossip

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"herd/gossip/location"
)

// accuse sends a node a keyed packet of memberlist's: a suspicion of the member
// of that ID.
func (e *evil) accuse(at *testNode, id string, incarnation uint32, from string) {
	e.t.Helper()
	text := func(b []byte, s string) []byte { // msgpack, short
		return append(append(b, 0xd9, byte(len(s))), s...)
	}
	const suspectMsg = 3
	b := text([]byte{suspectMsg, 0x83}, "Incarnation")
	b = binary.BigEndian.AppendUint32(append(b, 0xce), incarnation)
	b = text(text(b, "Node"), id)
	b = text(text(b, "From"), from)
	block, err := aes.NewCipher(e.h.key)
	if err != nil {
		e.t.Fatal(err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		e.t.Fatal(err)
	}
	packet := append([]byte{cipherV1}, make([]byte, nonceSize)...)
	if _, err := e.WriteTo(seal.Seal(packet, packet[1:], b, nil), at.addr()); err != nil {
		e.t.Fatal(err)
	}
}

// stateAt is what a node believes of another.
func (n *testNode) stateAt(at *testNode) MemberState {
	for _, m := range at.Members() {
		if m.Origin == n.self.Origin {
			return m.State
		}
	}
	return Left
}

// A member that is accused with the greatest incarnation there is can't refute that.
// It is back in time, however often it is accused.
func TestEndlessSuspicion(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		five := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		victim := five[3]
		for round := range 3 {
			for _, n := range five {
				if n != victim {
					for _, from := range []string{"evil", five[0].self.id(), five[1].self.id()} {
						e.accuse(n, victim.self.id(), math.MaxUint32, from)
					}
				}
			}
			died := h.await("it is dead to all", 10*time.Second, func() bool {
				for _, n := range five {
					if n != victim && victim.stateAt(n) != Failed {
						return false
					}
				}
				return true
			})
			back := h.await("it is back", 10*time.Second, h.oneView)
			t.Logf("round %d: dead after %v, back after %v, %d refreshes", round, died, back, victim.Stats().Refreshes)
			for _, n := range five {
				if n != victim && n.Stats().Refreshes != 0 {
					t.Errorf("%s refreshed itself", n.name)
				}
			}
		}
		if victim.Stats().Refreshes == 0 || h.log.count("does not see it among the living") == 0 {
			t.Error("it was not told")
		}
	})
}

// A node that hears and is not heard, by packets, is back soon after it is heard.
func TestHearsNotHeard(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		five := h.startFive()
		for _, n := range five[1:] {
			h.net.Cut(five[0].ip, n.ip)
		}
		time.Sleep(60 * time.Second)
		if five[0].stateAt(five[1]) != Failed {
			t.Error("it is not missed")
		}
		h.net.Heal()
		took := h.await("one view", 5*time.Second, h.oneView)
		t.Logf("whole again after %v", took)
	})
}

// A peer that sees nobody has a node tell of itself now and then, no more.
func TestBlindPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		three := h.startFirst(3)
		time.Sleep(time.Minute)
		for _, n := range three {
			if r := n.Stats().Refreshes; r != 0 {
				t.Errorf("%s: %d refreshes without a fault", n.name, r)
			}
		}
		// In node1's place, for node0 knows no member evil.
		l := three[0].links[three[1].self.Origin]
		for range 200 {
			if err := l.receiveNote(appendNote(nil, note{})[frameHeader:]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if r := three[0].Stats().Refreshes; r == 0 || r > 10 {
			t.Errorf("%d refreshes in 20 s", r)
		}
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
		if three[0].unseenBy([]Member{{Meta: Meta{Origin: location.Origin(9)}}}) != "" {
			t.Error("unseen by nobody")
		}
	})
}

// Who has just joined is not said to be unseen, though a session may be faster than
// membership.
func TestSeenFromTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		a := h.start(0)
		for i := 1; i < 4; i++ {
			h.start(i, a.addr())
			for range 300 {
				time.Sleep(10 * time.Millisecond)
				for _, n := range h.nodes {
					for _, m := range n.Members() {
						if m.Unseen {
							t.Fatalf("%s says that %s does not see it", n.name, m.Name)
						}
					}
				}
			}
		}
	})
}
