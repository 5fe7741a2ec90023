package gossip

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
)

// A member of a major version that this node does not read is refused and counted each time it
// comes, and told of once, with what to do.
func TestForeignMember(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		m := Meta{Name: "Clark", Origin: 9}
		meta := m.encode()
		meta[0] = metaVersion + 1
		node := &memberlist.Node{Name: m.id(), Addr: net.IPv4(10, 0, 0, 9), Port: 4132, Meta: meta}
		for range 3 {
			if err := (events{n.members}).NotifyAlive(node); err == nil {
				t.Error("it is let in")
			}
			time.Sleep(2 * time.Minute)
		}
		if got := n.Stats().MembersRefused; got != 3 {
			t.Errorf("%d are refused, want 3", got)
		}
		line := fmt.Sprintf("member=%s addr=10.0.0.9:4132 metadata=2 wanted=1", m.id())
		if got := h.log.count("give one of them a release that goes with both: " + line); got != 1 {
			t.Errorf("it is told of %d times, want once", got)
		}
		for i := range 2 * maxForeigners { // and those who make them up fill neither the log nor the memory
			node.Name = fmt.Sprint("made-up-", i)
			(events{n.members}).NotifyAlive(node)
		}
		time.Sleep(time.Second)
		if got := h.log.count("member refused: "); got != maxForeigners {
			t.Errorf("%d are told of, want %d", got, maxForeigners)
		}
	})
}
