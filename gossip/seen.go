package gossip

import (
	"context"
	"time"

	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
)

// memberlist believes what it hears of a member from others. A node that hears and is
// not heard, or one that somebody accuses with the greatest incarnation there is,
// is dead to the others, hears nothing of it or can't refute it, and stays dead.
// So each note tells the peer whether its sender sees it alive; who is not seen
// makes itself known anew.
const (
	unseenGrace   = 2 * time.Second // how long a link stands before its peer must see this node
	refreshEvery  = 2 * time.Second
	refreshWithin = 100 * time.Millisecond // for the news to go out
)

// seesLocked tells whether a peer is among the live members.
func (c *Cluster) seesLocked(o location.Origin) bool {
	for _, e := range c.expected {
		if e.origin == o {
			return true
		}
	}
	return false
}

// unseenLocked tells whether the peer says that it does not see this node, and ought to:
// its session may be faster than membership.
func (l *link) unseenLocked() bool { return l.unseen && time.Since(l.opened) > unseenGrace }

// unseenBy is the address of a peer that says that it does not see this node, and
// ought to; empty: there is none. It is as the members have it.
func (c *Cluster) unseenBy(members []Member) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range members {
		if l := c.links[m.Origin]; l != nil && l.unseenLocked() {
			return m.Gossip
		}
	}
	return ""
}

// refresh tells the herd that this node is alive: with the next incarnation. If
// the others hold one that is not smaller, the greatest there is at the worst, they
// believe it as soon as memberlist has forgotten the dead member: see profile.forget. Then
// it joins the peer that does not see it.
func (c *Cluster) refresh(ctx context.Context, list *memberlist.Memberlist, addr string) {
	c.refreshes.Add(1)
	c.warn("a peer hears this node and does not see it among the living: telling it anew", "addr", addr)
	c.update(list, refreshWithin)
	if ctx.Err() == nil {
		c.join(list, addr)
	}
}
