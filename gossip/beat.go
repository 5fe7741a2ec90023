package gossip

import (
	"slices"
	"time"

	"herd/gossip/replica"
)

// beat gives the core its time and gives up silent links, until Close. It must not
// wait for anything: peers' trust in this node hangs on it.
func (c *Cluster) beat() {
	every := c.config.AckTimeout / 10
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := c.now()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		c.wake()
		now := c.now()
		elapsed := now - last
		last = now
		ran := time.Duration(c.ran.Add(int64(min(elapsed, 4*every)))) // longer: we were stopped, not our peers
		c.mu.Lock()
		c.core.Tick(now)
		c.clockLocked(min(elapsed, 4*every))
		for _, l := range c.links {
			for lane := range l.heard {
				if ran-time.Duration(l.heard[lane].Load()) > silence(c.config.AckTimeout) {
					c.endLocked(l, errSilent, true)
				}
			}
			if o := &l.out[replica.Delta]; ran-o.wrote > silence(c.config.AckTimeout)/4 {
				o.alive = true
				offer(o.wake, struct{}{})
			}
		}
		c.unlock()
		offer(c.newsc, struct{}{})
		if !isClosed(c.caughtUp) {
			c.nudge()
		}
	}
}

// clockLocked adds up for how long members were there and for how long they were
// out of sync.
func (c *Cluster) clockLocked(elapsed time.Duration) {
	for _, e := range c.expected {
		if e.superseded {
			continue
		}
		c.stats.memberTime += elapsed
		if l := c.links[e.origin]; l == nil || l.core.State() != replica.In {
			c.stats.outOfSyncTime += elapsed
		}
	}
}

// afterLocked passes on what calls of the core have left: lanes with something to
// send, batches acknowledged, events.
func (c *Cluster) afterLocked() { c.passOnLocked(nil) }

// passOnLocked is afterLocked, but appends to mine links of which the caller is now the
// writer of the live lane, as many as there is room for.
func (c *Cluster) passOnLocked(mine []*link) []*link {
	c.core.TakeDirty(func(r *replica.Link, lane replica.Lane) {
		if r.Peer() == 0 {
			offer(c.keeper.wake, struct{}{})
			return
		}
		l := c.links[r.Peer()]
		if l == nil || l.core != r || l.out[lane].taken {
			return
		}
		if lane == replica.Live && len(mine) < cap(mine) && l.streams[lane].Eager() {
			l.out[lane].taken = true
			mine = append(mine, l)
			return
		}
		offer(l.out[lane].wake, struct{}{})
	})
	if released := c.core.Released(); released > c.released.Load() {
		c.released.Store(released)
		c.waiters.release(released)
		if c.log.IsTrace() {
			c.tell(ackNews{released, c.inSyncLocked()})
		}
	}
	for _, e := range c.core.TakeEvents() {
		if e.Kind == replica.Found {
			c.foundLocked(e)
			continue
		}
		if e.Origin == 0 { // of this node alone
			c.tell(syncNews{kind: e.Kind})
			continue
		}
		l := c.links[e.Origin]
		if l == nil {
			continue
		}
		c.tell(syncNews{e.Kind, l.name, e.Origin})
		if e.Kind == replica.CaughtUp || e.Kind == replica.MemberIn {
			c.nudge()
		}
	}
	return mine
}

// inSyncLocked is the names of the members that this node's AT lines wait for.
func (c *Cluster) inSyncLocked() []string {
	var names []string
	for _, l := range c.links {
		if l.core.State() == replica.In {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}
