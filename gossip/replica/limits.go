package replica

import (
	"math"
	"time"

	"herd/gossip/location"
)

// Limits bound what a node keeps. They should be the same at all nodes of a herd; if they
// are not, the tightest rule all.
type Limits struct {
	TTL        time.Duration // a fix expires at its order time + TTL; zero: never
	MaxClients int64         // of the table, the greatest by (order time, ID) stay; zero: all
	Bytes      int64         // of memory that the table may take: so many stay as fit; zero: all
}

// SetLimits has other limits from now on. What they have done is not undone.
func (c *Core) SetLimits(l Limits) { c.limits.Store(&l) }

// Floor is the greatest place at which this node, or one that it has caught up with, gave
// up a client for want of room; the zero Floor: none. Fixes at or below it are refused:
// none of them comes back by a delta, an old batch or a look-up, whoever still has it.
func (c *Core) Floor() location.Floor {
	if f := c.floor.Load(); f != nil {
		return *f
	}
	return location.Floor{}
}

// raise gives up what is at f or below it. Trim deletes it.
func (c *Core) raise(f location.Floor) (raised bool) {
	for {
		was := c.floor.Load()
		if was != nil && f.Compare(*was) <= 0 {
			return false
		}
		if c.floor.CompareAndSwap(was, &f) {
			c.table.Refuse(f)
			return true
		}
	}
}

// Expire has the table show nothing that has expired by now. Tick does it, too: who has
// not ticked for long calls it before it reads. It needs no lock of the caller's.
func (c *Core) Expire() {
	if l := c.limits.Load(); l.TTL > 0 && c.cfg.Wall != nil {
		c.table.Hide(c.cfg.Wall().UnixNano() - int64(l.TTL))
	}
}

// expire hides what has expired, and gives up what has expired for so long that it has at
// every node whose clock is right. That is the case for whatever loses against it, too.
func (c *Core) expire() {
	l := c.limits.Load()
	c.silent = false
	if l.TTL == 0 || c.cfg.Wall == nil {
		c.expired.Store(nil)
		return
	}
	now := c.cfg.Wall().UnixNano()
	c.latest = max(c.latest, now)
	c.table.Hide(c.latest - int64(l.TTL))
	keep := c.cfg.Grace
	if c.mutant.noGrace {
		keep = 0
	}
	old := location.Floor{Order: c.latest - int64(l.TTL) - int64(keep) + 1} // no client has an empty ID
	c.table.Refuse(old)
	c.expired.Store(&old)
	// A clock that is, or was, too far ahead has taken from this table what others still
	// show: nobody must catch up with it.
	c.silent = (c.astray || c.latest-now > int64(c.cfg.Grace/2)) && !c.mutant.astrayAnswers
}

// givenUp tells of a report that this node refuses whether others do, too: it is below the
// floor, or has expired by the clock as it is now. A clock that was far ahead has this node
// refuse for long what all others keep.
func (c *Core) givenUp(id []byte, f *location.Fix) bool {
	l := c.limits.Load()
	if l.TTL == 0 || c.cfg.Wall == nil {
		return true
	}
	return c.Floor().Covers(f.Order, id) || f.Order <= c.cfg.Wall().UnixNano()-int64(l.TTL)-int64(c.cfg.Grace)
}

// Early is how much too early, by the node's clock as it is now, the table shows no more what
// expires: so far ahead was that clock once. Zero if nothing expires.
func (c *Core) Early() time.Duration {
	if c.limits.Load().TTL == 0 || c.cfg.Wall == nil {
		return 0
	}
	return max(0, time.Duration(c.latest-c.cfg.Wall().UnixNano()))
}

// Old is an order time up to which nodes may hold different fixes and be right: one of them
// has given some up, or is about to.
func (c *Core) Old() int64 {
	old := int64(math.MinInt64)
	if f := c.floor.Load(); f != nil {
		old = f.Order
	}
	if l := c.limits.Load(); l.TTL > 0 {
		old = max(old, c.latest-int64(l.TTL)+int64(c.cfg.Grace))
	}
	return old
}

// SetAstray says whether this node's clock is further from those of its peers than may be.
// While it is, and fixes expire, the node answers no vectors.
func (c *Core) SetAstray(astray bool) { c.astray = astray }

// Silent tells whether what has expired by this node's clock may be missing here and shown by
// others: it answers no vectors then, and a [Snapshot] can't end.
func (c *Core) Silent() bool { return c.silent }

// tellFloor has all peers told of a floor that this node has come to by itself.
func (c *Core) tellFloor() {
	if !c.ownFloor.Swap(false) || c.mutant.floorUntold {
		return
	}
	for _, l := range c.links {
		l.touch(Delta)
	}
}

// KnowFloors tells that the peer's release knows of floors. Others never give up anything.
func (l *Link) KnowFloors() { l.knowsFloors = true }

// appendFloor says how high our floor is, if the peer does not know it.
func (l *Link) appendFloor(buf []byte, f *location.Floor) []byte {
	if f == nil || !l.knowsFloors || f.Compare(l.floor) <= 0 || l.core.mutant.floorUntold {
		return buf
	}
	l.floor = *f
	return appendFloor(buf, *f)
}

// receiveFloor takes a peer's floor. It comes before the commit of a delta that lacks what
// is below it, and when the peer comes to it.
func (c *Core) receiveFloor(l *Link, d *decoder) error {
	f := d.floor()
	if err := d.end(); err != nil {
		return err
	}
	h := c.horizon()
	switch take, err := h.judge(&location.Entry{Fix: location.Fix{Order: f.Order}}); {
	case err != nil:
		return err
	case !take: // then the commit is not to be taken either, if the clock may be what is wrong
		c.stats.Incredible++
		l.unsure = l.unsure || h.unsure
		return nil
	}
	if f.Compare(l.floor) > 0 {
		l.floor = f
	}
	c.raise(f)
	return nil
}
