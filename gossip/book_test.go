package gossip

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

func TestBook(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *herd) {
		m := func(addr string, s MemberState) Member { return Member{Gossip: addr, State: s} }
		b := newBook("10.0.0.1:4132", []string{"10.0.0.2:4132", "10.0.0.1:4132"}, net.DefaultResolver)
		missing := func(members ...Member) map[string]bool {
			got := map[string]bool{}
			for range 100 {
				got[b.missing(t.Context(), members)] = true
			}
			return got
		}
		if got := missing(); len(got) != 1 || !got["10.0.0.2:4132"] {
			t.Errorf("got %v, want the seed that is not this node", got)
		}
		alive := []Member{m("10.0.0.2:4132", Alive), m("10.0.0.3:4132", Suspect), m("10.0.0.4:4132", Alive)}
		b.note(alive)
		if got := missing(alive...); len(got) != 1 || !got[""] {
			t.Errorf("nobody is missing, got %v", got)
		}
		later := []Member{m("10.0.0.2:4132", Alive), m("10.0.0.3:4132", Failed), m("10.0.0.4:4132", Left)}
		b.note(later)
		if got := missing(later...); len(got) != 1 || !got["10.0.0.3:4132"] {
			t.Errorf("got %v, want the one that failed, not the one that left", got)
		}
		// An address that one left and another has taken is kept.
		taken := []Member{m("10.0.0.5:4132", Left), m("10.0.0.5:4132", Failed)}
		b.note([]Member{m("10.0.0.5:4132", Alive)})
		b.note(taken)
		if got := missing(append(taken, m("10.0.0.2:4132", Alive), m("10.0.0.3:4132", Alive))...); !got["10.0.0.5:4132"] {
			t.Errorf("got %v, want the address of the one that failed", got)
		}
		time.Sleep(remember + time.Hour)
		b.note(nil)
		if got := missing(m("10.0.0.2:4132", Alive)); len(got) != 1 || !got[""] {
			t.Errorf("got %v after 72 h", got)
		}
		for i := range 3 * maxMembers {
			b.note([]Member{m(string(rune('a'+i%26))+time.Duration(i).String(), Alive)})
		}
		if _, newest := b.seen[string(rune('a'+(3*maxMembers-1)%26))+time.Duration(3*maxMembers-1).String()]; len(b.seen) > maxMembers || !newest {
			t.Errorf("%d addresses are kept, the newest among them: %v", len(b.seen), newest)
		}
	})
}

// deadAddresses has b know n addresses at which nobody is any more.
func deadAddresses(b *book, n int) {
	var dead []bookEntry
	for i := range n {
		dead = append(dead, bookEntry{fmt.Sprintf("10.9.0.%d:4132", i), time.Now().Add(-time.Hour)})
	}
	b.recall(dead, time.Now())
}

// However many addresses there are where nobody is any more, those of seeds and of the members
// seen last have their turns, and all others too.
func TestBookShares(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *herd) {
		seeds := []string{"10.0.0.7:4132", "10.0.0.8:4132"}
		b := newBook("10.0.0.1:4132", seeds, net.DefaultResolver)
		deadAddresses(b, 100)
		var late []string
		for i := range lately {
			late = append(late, fmt.Sprintf("10.0.1.%d:4132", i))
			b.note([]Member{{Gossip: late[i], State: Alive}})
			b.note([]Member{{Gossip: late[i], State: Failed}})
		}
		tries := make(map[string]int)
		for range 6 * lately {
			tries[b.missing(t.Context(), nil)]++
		}
		sum := 0
		for _, addr := range late {
			sum += tries[addr]
			if tries[addr] != 2 {
				t.Errorf("%s, seen last, has been tried %d times of %d", addr, tries[addr], 6*lately)
			}
		}
		for _, addr := range seeds {
			sum += tries[addr]
			if tries[addr] != lately {
				t.Errorf("the seed %s has been tried %d times of %d", addr, tries[addr], 6*lately)
			}
		}
		if sum != 4*lately || tries[""] > 0 {
			t.Errorf("others have been tried %d times of %d", 6*lately-sum, 6*lately)
		}
	})
}

// Names are looked up at each try by who is alone, and by others now and then.
func TestBookLooksUp(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *herd) {
		b := newBook("10.0.0.1:4132", []string{"herd.test:4132"}, net.DefaultResolver)
		asked, fails := 0, error(nil)
		b.addresses = func(context.Context, string) ([]string, error) {
			if asked++; fails != nil {
				return nil, fails
			}
			return []string{"10.0.0.1:4132", "10.0.0.2:4132", "10.0.0.3:4132"}, nil
		}
		self := Member{Gossip: "10.0.0.1:4132", Self: true}
		two, three := Member{Gossip: "10.0.0.2:4132"}, Member{Gossip: "10.0.0.3:4132"}
		minute := func(members ...Member) (tries, looks int) {
			asked = 0
			for range 60 {
				if b.missing(t.Context(), members) != "" {
					tries++
				}
				time.Sleep(time.Second)
			}
			return tries, asked
		}
		for _, c := range []struct {
			what         string
			members      []Member
			tries, looks int
		}{
			{"alone", []Member{self}, 60, 60},
			{"one is missing", []Member{self, two}, 60, 6},
			{"nobody is missing", []Member{self, two, three}, 0, 2},
		} {
			if tries, looks := minute(c.members...); tries != c.tries || looks > c.looks || looks < c.looks-1 {
				t.Errorf("%s: %d tries and %d look-ups in a minute, want %d and %d", c.what, tries, looks, c.tries, c.looks)
			}
		}
		fails = net.ErrClosed
		if _, looks := minute(self, two, three); looks > 6 {
			t.Errorf("%d look-ups that failed", looks)
		}
		b.give([]string{"other.test:4132"})
		if asked = 0; b.missing(t.Context(), []Member{self, two}) == "" && asked != 1 {
			t.Errorf("of other seeds: %d look-ups", asked)
		}
	})
}

// Who left is not looked for where it was, though it is back elsewhere or was once killed there.
func TestBookForgetsWhoMoved(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		three := h.startFirst(3)
		mover := three[2]
		knows := func() bool {
			for _, n := range three[:2] {
				if slices.ContainsFunc(n.book.entries(time.Now()), func(e bookEntry) bool { return e.Addr == mover.addr() }) {
					return true
				}
			}
			return false
		}
		h.await("it is in the book", 3*time.Second, knows)
		h.kill(mover)
		again := h.start(2, three[0].addr())
		h.await("one view", 10*time.Second, h.oneView)
		again.stop()
		if err := <-again.ended; err != nil {
			t.Fatal(err)
		}
		h.nodes = h.nodes[:2]
		h.startAs(again.name, "10.0.0.77", three[0].addr())
		h.await("one view", 10*time.Second, h.oneView)
		h.await("it is not in the book any more", 5*time.Second, func() bool { return !knows() })
	})
}

// A herd that was cut in two meets again in time, though it knows a hundred addresses at which
// nobody is any more, and has no seeds.
func TestPartitionHealsBesideTheDead(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for _, n := range all {
			n.SetJoin(nil)
			deadAddresses(n.book, 100)
		}
		h.net.Partition([]string{all[0].ip, all[1].ip}, []string{all[2].ip, all[3].ip, all[4].ip})
		time.Sleep(30 * time.Second)
		h.net.Heal()
		h.await("one view", 5*time.Second, h.oneView)
	})
}
