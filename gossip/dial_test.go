package gossip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/gossip/simnet"
)

// A peer that takes a dial and is too slow for it gets more time at the next, and one whom nothing
// reaches does not.
func TestPatience(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFirst(2)
		near, far := all[0], all[1]
		to := Member{Meta: far.self, Gossip: far.addr()}
		h.net.SetLinks(simnet.Link{Latency: 150 * time.Millisecond})
		var err error
		for within := 400 * time.Millisecond; within <= 2*time.Second; within += 100 * time.Millisecond { // in each of its steps
			if err = near.dialMember(t.Context(), to, within); !errors.Is(err, errSlow) {
				t.Errorf("in %v: %v", within, err)
			}
		}
		p := &peer{within: 2 * time.Second}
		if p.dialed(err, 8*time.Second); p.within != 4*time.Second {
			t.Errorf("the next has %v", p.within)
		}
		if err := near.dialMember(t.Context(), to, p.within); err != nil && !errors.Is(err, errCrossed) {
			t.Errorf("in 4 s: %v", err)
		}
		for range 3 {
			p.dialed(fmt.Errorf("dial: %w", errSlow), 8*time.Second)
		}
		if p.within != 8*time.Second {
			t.Errorf("in the end it has %v", p.within)
		}
		h.net.Cut("10.0.0.1", "10.0.0.2")
		if err := near.dialMember(t.Context(), to, time.Second); err == nil || errors.Is(err, errSlow) {
			t.Errorf("behind a cut: %v", err)
		}
	})
}

// A peer that has proved who it is and then says nothing is slow, too.
func TestPatienceHello(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		near := h.startFirst(1)[0]
		mute := h.evil(t, "10.0.0.9")
		defer mute.Shutdown()
		to := Member{Meta: Meta{Name: "evil", Origin: 9}, Gossip: "10.0.0.9:4132"}
		err := near.dialMember(t.Context(), to, time.Second)
		if !errors.Is(err, errSlow) || !strings.HasPrefix(err.Error(), "open a session with evil at 10.0.0.9:4132: ") {
			t.Errorf("got %v", err)
		}
	})
}

// Slow dials leave room for fewer, and those that come about for one more.
func TestRoom(t *testing.T) {
	room, got := maxDials, ""
	for _, err := range []error{errSlow, errSlow, errSlow, errNotMe, nil, nil, nil, nil} {
		room = roomAfter(room, err)
		got += fmt.Sprint(room, " ")
	}
	if want := "2 1 1 1 2 3 4 4 "; got != want {
		t.Errorf("room for %s, want %s", got, want)
	}
}

// There are as many dials at once as there is room for, and who has waited for longest is first.
func TestTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.startFirst(1)[0]
		ctx, cancel := context.WithCancel(t.Context())
		var members []Member
		peers := make(map[location.Origin]*peer)
		for i := range 6 {
			o := location.Origin(i + 1)
			members = append(members, Member{Meta: Meta{Name: fmt.Sprint("node-", i), Origin: o}, Gossip: fmt.Sprintf("10.9.0.%d:4132", i)})
			peers[o] = &peer{next: time.Now().Add(-time.Duration(i) * time.Second), within: time.Second}
		}
		dialing := func() (origins []location.Origin) {
			for _, m := range members {
				if !peers[m.Origin].dialing.IsZero() {
					origins = append(origins, m.Origin)
				}
			}
			return origins
		}
		done := make(chan dialed, len(members))
		for _, want := range []string{"[5 6]", "[5 6]", "[3 4 5 6]"} {
			n.lookAround(ctx, peers, members, done, 2)
			if got := fmt.Sprint(dialing()); got != want {
				t.Errorf("dialed are %v, want %v", got, want)
			}
			if want == "[5 6]" {
				time.Sleep(unreachableAfter / 2) // then they hang, and keep nobody from being dialed
			}
		}
		cancel()
		for range 4 {
			<-done
		}
	})
}
