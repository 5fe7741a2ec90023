package node

import (
	"strings"
	"testing"

	"herd/gossip"
)

// The line says where in its life a node is, and how much of the herd it sees.
func TestStatus(t *testing.T) {
	n := newTestNode(t)
	expect := func(want string) {
		t.Helper()
		if got := n.Status(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect("catching up: 1 of 1 members alive, 0 clients")
	n.cluster.members = append(n.cluster.members,
		gossip.Member{Meta: gossip.Meta{Name: "Bailey"}, State: gossip.Suspect},
		gossip.Member{Meta: gossip.Meta{Name: "Bona"}, State: gossip.Failed},
		gossip.Member{Meta: gossip.Meta{Name: "Jaquez"}, State: gossip.Left})
	expect("catching up: 2 of 3 members alive")
	n.phase.Store(int32(serving))
	expect("serving, and catching up: 2 of 3")
	n.leave()
	<-n.Leaving()
	n.phase.Store(int32(leaving))
	expect("leaving: 2 of 3")
}
