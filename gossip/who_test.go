package gossip

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

func TestAnswerRoundTrip(t *testing.T) {
	me := identity{origin: 7, age: 1 << 60, in: true}
	holders := []Holder{{Origin: 1, Gossip: "10.0.0.1:4132"}, {Origin: 2, Gossip: "[::1]:4132"}}
	b := appendAnswer(nil, me, holders)
	who, got, err := readAnswer(bytes.NewReader(b))
	if err != nil || who != me || !slices.Equal(got, holders) {
		t.Errorf("got %v %v %v", who, got, err)
	}
	for n := range b {
		if _, _, err := readAnswer(bytes.NewReader(b[:n])); err == nil {
			t.Errorf("cut at %d: no error", n)
		} else if n > 0 && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	many := appendAnswer(nil, me, make([]Holder, 300))
	if _, got, err := readAnswer(bytes.NewReader(many)); err != nil || len(got) != maxHolders {
		t.Errorf("got %d holders, %v", len(got), err)
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(appendAnswer(nil, identity{origin: 7}, []Holder{{Origin: 1, Gossip: "a:1"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		who, holders, err := readAnswer(bytes.NewReader(b))
		if err != nil {
			return
		}
		again := appendAnswer(nil, who, holders)
		if b[16] > 1 {
			b[16] = 0
		}
		if !bytes.HasPrefix(b, again) {
			t.Errorf("%x was read as %x", b, again)
		}
	})
}

// Of two nodes of one name that start at the same time one stays.
func TestNameRace(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		h.startAs("twin", "10.0.0.20", all[0].addr())
		time.Sleep(time.Millisecond)
		h.startAs("twin", "10.0.0.21", all[4].addr())
		first, second := h.nodes[5], h.nodes[6]
		var ended *testNode
		h.await("one of them gives up", 10*time.Second, func() bool {
			select {
			case err := <-second.ended:
				second.ended <- err
				ended = second
			case err := <-first.ended:
				first.ended <- err
				ended = first
			default:
			}
			return ended != nil
		})
		err := <-ended.ended
		ended.ended <- err
		var taken *NameTakenError
		if !errors.As(err, &taken) {
			t.Errorf("got %v", err)
		}
		h.nodes = slices.DeleteFunc(h.nodes, func(n *testNode) bool { return n == ended })
		h.await("one view", 10*time.Second, h.oneView)
	})
}

// Two nodes of one name that come together after a cut both stay, and both say so.
func TestNameMeetsAfterCut(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		a := h.start(0)
		h.net.Partition([]string{"10.0.0.1"})
		b := h.startAs("node0", "10.0.0.2", a.addr())
		h.start(2, b.addr())
		time.Sleep(2 * youth)
		h.net.Heal()
		h.await("one view", 10*time.Second, h.oneView)
		f := a.report(t, "x", 1)
		if e, ok := b.Get([]byte("x")); !ok || e.Fix != f {
			t.Error("the other one of the name lacks an acknowledged fix")
		}
		h.await("both say so", 2*time.Minute, func() bool { return h.log.count("another live member has this node's name") >= 2 })
	})
}
