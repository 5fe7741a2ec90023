package gossip

import (
	"time"

	"herd/gossip/replica"
)

// Limits bound what the herd keeps. They hold for all nodes: the smallest of each that a
// live member is configured to counts.
type Limits = replica.Limits

// floorVersion is the version of the session since which there are floors, and with them
// limits: a peer of an older release keeps all, and is not audited for it.
const floorVersion = 4

// limit has the table keep to the tightest limits among the live members, and tells how
// many of them are configured to others than this node is. Its only caller is keepLinks.
func (c *Cluster) limit(members []Member) {
	own := c.config.Limits
	now, differ := own, 0
	for _, m := range members {
		if m.Protocol < floorVersion {
			continue
		}
		if m.Limits != own {
			differ++
		}
		now.TTL = tighter(now.TTL, m.Limits.TTL)
		now.MaxClients = tighter(now.MaxClients, m.Limits.MaxClients)
	}
	if differ > 0 {
		c.warn("members are configured to other limits than this node: the tightest hold", "members", differ,
			"ttl", now.TTL, "max_clients", now.MaxClients)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limitsDiffer = differ
	if now != c.limits {
		c.limits = now
		c.core.SetLimits(now)
	}
}

// tighter is the smaller limit of two; zero is none.
func tighter[T time.Duration | int](a, b T) T {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// trim deletes what has expired and what is too much, until Close.
func (c *Cluster) trim() {
	for c.pause(c.core.Trim(c.now())) {
	}
}
