package gossip

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A node that is cut from one member knows itself behind, and asks another one
// before it says that it knows nothing of a client.
func TestLookupWhileBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		a, b := all[0], all[1]
		h.net.Cut(a.ip, b.ip)
		h.net.Cut(b.ip, a.ip)
		h.await("behind", 5*time.Second, func() bool { return len(b.Sync().Behind) > 0 })
		if got := b.Sync().Behind; len(got) != 1 || got[0] != a.name {
			t.Errorf("behind %v", got)
		}
		for i := range 20 {
			id := []byte(fmt.Sprint("x", i))
			f := a.report(t, string(id), i)
			sent := b.Stats().LookupsSent
			if _, found, ok := b.Prompt(id); ok && !found {
				t.Errorf("%s: a node that is behind is sure that nobody knows it", id)
			}
			if got := b.Stats().LookupsSent; got != sent {
				t.Error("Prompt has asked")
			}
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if e, ok := b.Lookup(t.Context(), id); !ok || e.Fix != f {
						t.Errorf("%s: got %v %v", id, e, ok)
					}
				})
			}
			wg.Wait()
		}
		if _, ok := b.Lookup(t.Context(), []byte("nobody")); ok {
			t.Error("found nobody")
		}
		h.net.Heal()
		h.await("one view", 5*time.Second, h.oneView)
		sent := b.Stats().LookupsSent
		if _, ok := b.Lookup(t.Context(), []byte("nobody")); ok {
			t.Error("found nobody")
		}
		for id, known := range map[string]bool{"nobody": false, "x1": true} {
			if _, found, ok := b.Prompt([]byte(id)); found != known || !ok {
				t.Errorf("%s: found: %t, at once: %t; want %t, true", id, found, ok, known)
			}
		}
		if got := b.Stats().LookupsSent; got != sent {
			t.Error("a node that is not behind asked its peers")
		}
		b.mu.Lock()
		b.expected = slices.Repeat(b.expected, 20) // as in a large herd
		b.mu.Unlock()
		if n := testing.AllocsPerRun(100, func() { b.Prompt([]byte("nobody")) }); n > 0 {
			t.Errorf("a miss at a node that is not behind allocates %v times", n)
		}
	})
}

// Peers that never answer cost a caller the ack timeout and no more.
func TestLookupTimesOut(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		h.net.Partition([]string{all[0].ip})
		h.await("behind", 5*time.Second, func() bool { return len(all[0].Sync().Behind) > 0 })
		begin := time.Now()
		if _, ok := all[0].Lookup(t.Context(), []byte("nobody")); ok {
			t.Error("found nobody")
		}
		if took := time.Since(begin); took > 250*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if s := all[0].Stats(); s.LookupsSent != 1 || s.LookupsTimedOut != 1 {
			t.Errorf("sent %d, timed out %d", s.LookupsSent, s.LookupsTimedOut)
		}
	})
}

// Callers who give up before anybody has answered leave no look-up behind: too many of those
// would have all later ones refused. One who waits on is not disturbed.
func TestLookupsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		n := all[0]
		h.net.Partition([]string{n.ip})
		h.await("behind", 5*time.Second, func() bool { return len(n.Sync().Behind) > 0 })
		under := func() int {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.flights) + len(n.byNumber)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var gone, stays sync.WaitGroup
		for i := range 10 {
			gone.Go(func() { n.Lookup(ctx, fmt.Append(nil, "x", i)) })
		}
		stays.Go(func() { n.Lookup(t.Context(), []byte("x0")) })
		synctest.Wait()
		if got := under(); got != 2*10 {
			t.Fatalf("%d look-ups, by ID and by number, are under way", got)
		}
		cancel()
		gone.Wait()
		if got := under(); got != 2 {
			t.Errorf("%d look-ups, by ID and by number, are under way, and one is waited for", got)
		}
		stays.Wait()
		if s := n.Stats(); under() != 0 || s.LookupsTimedOut != 1 {
			t.Errorf("%d look-ups are under way, %d timed out", under(), s.LookupsTimedOut)
		}
	})
}
