package gossip

import (
	"errors"
	"time"

	"herd/gossip/location"
)

// A session may be quicker than the news that its peer is a member, and who is taken for
// dead has its sessions still. But whoever has the key can open as many as he likes under
// origins of his own making, and each is sent every batch. So sessions with
// peers that are no live members are few, and none of them lasts.
const (
	maxStrangers = 64
	strangerTime = time.Minute
)

// errStranger ends a session.
var errStranger = errors.New("no live member has its origin")

// strangersLocked counts the sessions with peers that are no live members.
func (c *Cluster) strangersLocked() (n int) {
	for _, l := range c.links {
		if !l.strange.IsZero() {
			n++
		}
	}
	return n
}

// crowdedLocked tells whether a peer is a stranger too many.
func (c *Cluster) crowdedLocked(o location.Origin) bool {
	return c.links[o] == nil && !c.seesLocked(o) && c.strangersLocked() >= maxStrangers
}

// watchStrangersLocked ends the sessions of those who do not become members. live has the
// origins of the live ones.
func (c *Cluster) watchStrangersLocked(live map[location.Origin]bool, now time.Time) {
	for o, l := range c.links {
		switch {
		case live[o]:
			l.strange = time.Time{}
		case l.strange.IsZero():
			l.strange = now
		case now.Sub(l.strange) > strangerTime:
			c.stats.strangersEnded++
			c.endLocked(l, errStranger, true)
		}
	}
}
