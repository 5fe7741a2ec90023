package node

import (
	"fmt"

	"herd/gossip"
)

// Status says in a line what the node does, for who looks at it from outside. It takes the
// locks of the members and of the replication: it does not return from a node that hangs.
func (n *Node) Status() string {
	alive, all := 0, 0
	for _, m := range n.cluster.Members() {
		switch m.State {
		case gossip.Left:
			continue
		case gossip.Alive, gossip.Suspect:
			alive++
		}
		all++
	}
	sync := n.cluster.Sync()
	does := "starting"
	switch {
	case n.in(leaving):
		does = "leaving"
	case n.in(serving) && sync.CaughtUp:
		does = "serving"
	case n.in(serving):
		does = "serving, and catching up" + with(sync)
	case !sync.CaughtUp:
		does = "catching up" + with(sync)
	}
	return fmt.Sprintf("%s: %d of %d members alive, %d clients", does, alive, all, n.table.Len())
}

// Leaving is closed when the node has been told to leave.
func (n *Node) Leaving() <-chan struct{} { return n.asked.Done() }
