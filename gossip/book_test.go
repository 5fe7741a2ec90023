package gossip

import (
	"net"
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
