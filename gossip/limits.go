package gossip

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"

	"herd/gossip/breath"
	"herd/gossip/replica"
)

// Limits bound what the herd keeps. Of those that its nodes are configured to the middle ones
// hold, for all.
type Limits = replica.Limits

// floorVersion is the version of the session since which there are floors, and with them
// limits: a peer of an older release keeps all, and is not audited for it.
const floorVersion = 4

// limit has the table keep to the limits that prevail in the herd. peers are the live
// members but this node. Its only caller is keepLinks.
//
// A node that is yet to meet its herd, and has taken no report, keeps all: what it is configured
// to may be a mistake, and what it gave up would be given up by all.
func (c *Cluster) limit(joined bool, peers []Member) {
	own, now, differ := c.ownLimits(), Limits{}, 0
	for _, m := range peers {
		if m.Protocol >= floorVersion && m.Limits != own && !m.superseded {
			differ++
		}
	}
	if joined || c.hasReports() {
		now = prevailing(append(slices.Clip(c.members.limits()), own))
	}
	if differ > 0 {
		said := "members are configured to other limits than this node, and most of the herd"
		if now != own {
			said = "this node is configured to other limits than most of the herd: those of most nodes hold"
		}
		c.warn(said, "members", differ, "ttl", now.TTL, "max_clients", now.MaxClients, "table_bytes", now.Bytes)
	}
	if own.Bytes > 0 && (now.Bytes == 0 || now.Bytes > own.Bytes) && (joined || c.hasReports()) {
		c.warn("the herd keeps more than this node's memory_limit allows it: this node may take more memory than that", "table_bytes", own.Bytes, "herd", now.Bytes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limitsDiffer = differ
	if now != c.limits {
		c.limits = now
		c.core.SetLimits(now)
	}
}

// SetLimits has this node be configured to other limits, of which the members are told: they
// need not be those that hold then. It waits for nobody, and may be called at any time.
func (c *Cluster) SetLimits(l Limits) {
	c.mu.Lock()
	same := c.own == l
	c.own = l
	list := c.list
	c.mu.Unlock()
	if same {
		return
	}
	c.nudge()
	if list != nil {
		c.spawn(func() { c.tellMeta(list) })
	}
}

// tellMeta has the herd know what this node says of itself by now. It does not wait until that
// has gone out, and whom it does not reach hears of it with the next exchange of states.
func (c *Cluster) tellMeta(list *memberlist.Memberlist) { c.update(list, time.Nanosecond) }

// update tells the herd of this node anew, and waits until that has gone out, for as long as
// within. One waits for the other: what was read before a change must not go out after it.
func (c *Cluster) update(list *memberlist.Memberlist, within time.Duration) {
	c.leaving <- struct{}{} // memberlist would panic if it were closed meanwhile
	defer func() { <-c.leaving }()
	if c.ctx.Err() == nil {
		_ = list.UpdateNode(within) // late is not lost: the news is queued, and goes out when it can
	}
}

// ownLimits are those that this node is configured to.
func (c *Cluster) ownLimits() Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own
}

// meta is what the node says of itself by now.
func (c *Cluster) meta() []byte {
	m := c.self
	m.Limits, m.Leaving = c.ownLimits(), c.parting.Load()
	return m.encode()
}

// hasReports tells whether this node has taken a report.
func (c *Cluster) hasReports() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.HasReports()
}

// prevailing are the limits that hold if nodes are configured to these: the middle ones, of
// an even number the looser. A minority can neither have the herd give up what the
// others want to keep nor keep what they want to be rid of; of two nodes that do not
// agree nothing is lost.
func prevailing(all []Limits) Limits {
	return Limits{
		TTL:        middle(all, func(l Limits) time.Duration { return l.TTL }),
		MaxClients: middle(all, func(l Limits) int64 { return l.MaxClients }),
		Bytes:      middle(all, func(l Limits) int64 { return l.Bytes }),
	}
}

// middle is the middle one of the limits of one kind. Zero, none, is the loosest.
func middle[T time.Duration | int64](all []Limits, of func(Limits) T) T {
	values := make([]T, len(all))
	for i, l := range all {
		values[i] = of(l)
	}
	slices.SortFunc(values, func(a, b T) int { return cmp.Compare(uint64(a)-1, uint64(b)-1) }) // less one, none is the greatest
	return values[len(values)/2]
}

// trim deletes what has expired and what is too much, until Close.
func (c *Cluster) trim() {
	next := time.Duration(0)
	for c.pause(max(breath.Moment, c.core.Trim(c.now()))) {
		if now := c.now(); now >= next && c.cramped() {
			next = now + time.Hour
			c.warn("clients are given up for want of room within a minute of their reports: raise max_clients or memory_limit on all nodes, unless somebody sends client IDs without end",
				"clients", c.table.Len(), "limit", c.core.Most())
		}
	}
}

// cramped tells whether clients were given up for want of room who have just reported, or with
// times to come.
func (c *Cluster) cramped() bool {
	return c.core.Floor().Order > c.wall().UnixNano()-int64(time.Minute)
}
