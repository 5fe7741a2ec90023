package gossip

import (
	"slices"
	"time"

	"herd/gossip/location"
)

// expected is a live member that this node ought to have a link with.
type expected struct {
	origin      location.Origin
	name        string
	unreachable bool // no link, and this node's dial fails or hangs
	superseded  bool // no link, and a newer member has its name
}

// evenLocked tells whether this node lacks nothing that a member has acknowledged, nor the
// member what this node will acknowledge.
func (c *Cluster) evenLocked(e expected, now time.Duration) bool {
	l := c.links[e.origin]
	return l != nil && !c.behindLocked(e, now) && l.core.Counts()
}

// behindLocked tells whether this node may lack what a member has acknowledged.
func (c *Cluster) behindLocked(e expected, now time.Duration) bool {
	l := c.links[e.origin]
	return l == nil && !e.superseded || l != nil && (!l.core.Met() || !l.core.Leased(now))
}

// levelLocked tells whether this node holds what all members have acknowledged, now.
func (c *Cluster) levelLocked() bool {
	now := c.now()
	return !slices.ContainsFunc(c.expected, func(e expected) bool { return !e.superseded && c.behindLocked(e, now) })
}

// checkCaughtUp closes caughtUp when its time has come: no member that can be reached is ahead
// of this node, or it was level with each once (with many members on a busy machine some lease
// has always just run out), and it has met one, unless there is none but the dead one of its own
// name. A node that awaits seeds must have got something from somebody. joined and awaits are as
// of before expected was made: whom a join brings must be in it.
func (c *Cluster) checkCaughtUp(joined, awaits bool) {
	if !joined || isClosed(c.caughtUp) {
		return
	}
	c.mu.Lock()
	now, behind, met, alone := c.now(), false, false, true
	for _, e := range c.expected {
		l := c.links[e.origin]
		if c.evenLocked(e, now) {
			l.level = true
		}
		level := l != nil && l.level
		behind = behind || !level && !e.unreachable && !e.superseded
		met = met || level
		alone = alone && e.superseded
	}
	settled := c.keeper.settledLocked() && (!awaits || c.core.Filled())
	c.afterLocked()
	c.mu.Unlock()
	if (met || alone) && !behind && settled {
		close(c.caughtUp) // keepLinks is the only caller
	}
}

// CaughtUp is closed when this node holds, for the first time, all that the live
// members it knows had acknowledged. If there is nobody to wait for, because no
// seed is configured or all of them refuse connections, that is at once; if no
// seed answers at all, it is when one does. A node with nothing, which has got nothing
// from those it has met, waits for seeds that may be reading their disks.
func (c *Cluster) CaughtUp() <-chan struct{} { return c.caughtUp }

// Sync is how this node stands to the others.
type Sync struct {
	CaughtUp bool     // it has been, once
	Behind   []string // names of the live members that may have acknowledged what it lacks, now; before CaughtUp, of those too that are yet to be in sync
	Awaits   bool     // it has nothing yet, and waits for seeds that have yet to answer
	Clock    Clock    // of this node beside theirs
}

// Sync tells whether reads here may miss something.
func (c *Cluster) Sync() Sync {
	s := Sync{CaughtUp: isClosed(c.caughtUp)}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Clock = c.compareClocksLocked()
	s.Awaits = !s.CaughtUp && c.awaited.Load() > 0 && !c.core.Filled()
	now := c.now()
	for _, e := range c.expected {
		if c.behindLocked(e, now) || !s.CaughtUp && !e.superseded && !c.evenLocked(e, now) {
			s.Behind = append(s.Behind, e.name)
		}
	}
	return s
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
