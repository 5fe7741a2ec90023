package node

import (
	"slices"
	"testing"

	"herd/gossip"
	"herd/node/metrics"
)

// Live members are shown, this node included, each name once and with what is worse.
func TestMemberStats(t *testing.T) {
	n := newTestNode(t)
	if got, want := n.Stats().Members, []metrics.Member{{Name: "Clark"}}; !slices.Equal(got, want) {
		t.Errorf("alone: got %+v, want %+v", got, want)
	}
	member := func(name string, state gossip.MemberState, in bool, queued int, overflows uint64) gossip.Member {
		return gossip.Member{Meta: gossip.Meta{Name: name}, State: state, InSync: in, Queued: queued, Overflows: overflows}
	}
	n.cluster.members = append(n.cluster.members, member("Bona", gossip.Alive, true, 10, 1), member("Bona", gossip.Suspect, false, 5, 2),
		member("Gone", gossip.Failed, false, 7, 7), member("Jaquez", gossip.Alive, true, 0, 0))
	n.cluster.progress = []gossip.Progress{
		{Name: "Clark", Lag: map[string]uint64{"Bona": 3, "Jaquez": 4, "Nobody": 9}},
		{Name: "Jaquez", Lag: map[string]uint64{"Clark": 5}},
		{Name: "Nobody", Lag: map[string]uint64{"Clark": 5}},
	}
	want := []metrics.Member{
		{Name: "Clark"},
		{Name: "Bona", OutOfSync: true, Queue: 15, Overflows: 3, Lacks: 3},
		{Name: "Jaquez", Lacks: 4, Ahead: 5},
	}
	if got := n.Stats().Members; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
