package gossip

import (
	"context"
	"slices"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// Bounds of look-ups.
const (
	maxFlights = 256 // client IDs that are asked for at once
	maxAsked   = 4   // peers asked for one of them
)

// flight is a look-up under way: one for each client ID, however many wait for it. It is
// under way for no longer than somebody waits: a link that ends answers nothing any more.
type flight struct {
	number  uint64
	id      string
	waiting int           // callers of Lookup
	left    int           // answers to come
	done    chan struct{} // closed when the table has the fix, or all have answered, or nobody waits
}

// Lookup returns the fix of client id: from the table or, while this node knows
// that it is behind a live member, from a peer. Only a miss is asked; the answer
// is in the table when Lookup returns. It takes as long as the ack timeout at the most.
// It is safe for concurrent use and keeps no reference to id.
func (c *Cluster) Lookup(ctx context.Context, id []byte) (location.Entry, bool) {
	if e, ok := c.Get(id); ok {
		return e, true
	}
	f := c.fly(id)
	if f == nil {
		return location.Entry{}, false
	}
	timer := time.NewTimer(c.config.AckTimeout)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-timer.C:
		c.giveUp(f)
	case <-ctx.Done():
		c.stopWaiting(f)
	case <-c.ctx.Done():
	}
	e, ok := c.Get(id)
	if ok {
		c.lookupsFound.Add(1)
	}
	return e, ok
}

// Prompt is [Cluster.Lookup] where nobody has to be asked: otherwise ok is false, and
// nobody has been.
func (c *Cluster) Prompt(id []byte) (e location.Entry, found, ok bool) {
	if e, found = c.Get(id); found {
		return e, true, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return location.Entry{}, false, c.flights[string(id)] == nil && len(c.betterLocked()) == 0
}

// fly asks peers for a client, or joins those who ask already. It returns nil if
// nobody is to be asked. The caller waits until the flight is done, or leaves it.
func (c *Cluster) fly(id []byte) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[string(id)]; f != nil {
		f.waiting++
		return f
	}
	targets := c.betterLocked()
	if len(targets) == 0 {
		return nil
	}
	if len(c.flights) >= maxFlights {
		c.stats.lookupsRefused++
		return nil
	}
	c.lookups++
	f := &flight{number: c.lookups, id: string(id), waiting: 1, done: make(chan struct{})}
	for _, l := range targets {
		if c.core.Find(c.now(), l.core, f.number, id) {
			f.left++
		}
	}
	if f.left == 0 {
		return nil
	}
	c.stats.lookupsSent++
	c.flights[f.id], c.byNumber[f.number] = f, f
	c.afterLocked()
	return f
}

// betterLocked is the peers to ask: none if this node holds all that any live
// member has acknowledged; else the ones it is behind of, then others.
func (c *Cluster) betterLocked() []*link {
	c.wake()
	now := c.now()
	isBehind := func(e expected) bool { return c.behindLocked(e, now) }
	if !slices.ContainsFunc(c.expected, isBehind) { // as a rule, and each miss comes here
		return nil
	}
	var first, then []*link
	for _, e := range c.expected {
		switch l := c.links[e.origin]; {
		case l == nil:
		case isBehind(e):
			first = append(first, l)
		default:
			then = append(then, l)
		}
	}
	all := append(first, then...)
	return all[:min(len(all), maxAsked)]
}

// foundLocked is an answer, with or without a fix.
func (c *Cluster) foundLocked(e replica.Event) {
	f := c.byNumber[e.Lookup]
	if f == nil {
		return // too late
	}
	f.left--
	if _, ok := c.table.Get([]byte(f.id)); ok || f.left <= 0 {
		c.landLocked(f)
	}
}

// giveUp ends a flight that takes too long, unless it has ended.
func (c *Cluster) giveUp(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNumber[f.number] == f {
		c.stats.lookupsTimedOut++
	}
	c.landLocked(f)
}

// stopWaiting takes a caller off a flight, which the last one ends.
func (c *Cluster) stopWaiting(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		c.landLocked(f)
	}
}

// landLocked ends a flight, unless it has ended: those who wait look into the table.
func (c *Cluster) landLocked(f *flight) {
	if c.byNumber[f.number] != f {
		return
	}
	delete(c.byNumber, f.number)
	delete(c.flights, f.id)
	close(f.done)
}
