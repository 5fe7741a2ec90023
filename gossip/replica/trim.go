package replica

import (
	"time"

	"herd/gossip/location"
)

// trim keeps the table within its limits, shard by shard: one pass finds the floor above
// which no more clients are than may be, another one deletes what is below it. It is of
// the goroutine that calls Trim.
type trim struct {
	doing  doing
	shard  int            // the next one of the pass
	budget int            // clients looked at in one call
	every  time.Duration  // between two looks for expired fixes, at least
	began  time.Duration  // when the pass began
	over   int            // clients that were too many then
	rested time.Duration  // when the last pass ended
	took   time.Duration  // how long it took
	next   time.Duration  // when to look for expired fixes again
	floor  location.Floor // down to which the table was swept
	lowest *location.Lowest

	// What this sweep deletes.
	evict, expire *location.Floor
}

type doing uint8

const (
	resting doing = iota
	finding
	sweeping
)

const (
	trimRest   = 10 * time.Millisecond // after a pass
	trimIdle   = 100 * time.Millisecond
	trimAtOnce = 1 << 12 // clients that one pass may give up, however few may be
)

// Trim goes on with deleting what is expired or too much, and returns when to call it
// again, from now. It needs no lock of the caller's, and is called by one goroutine.
//
// Passes are made one after the other while there are many clients too many: more than a
// 64th of MaxClients. While there are fewer, passes take a fiftieth of a processor.
func (c *Core) Trim(now time.Duration) (rest time.Duration) {
	t := &c.trim
	if t.doing == resting && !t.begin(c, now) {
		return trimIdle
	}
	for seen := 0; seen < t.budget && t.shard < c.table.Shards(); t.shard++ {
		seen += 1 + c.table.Len()/c.table.Shards()
		switch t.doing {
		case finding:
			t.lowest.Add(t.shard)
		case sweeping:
			t.sweep(c)
		}
	}
	if t.shard < c.table.Shards() {
		return 0
	}
	t.shard = 0
	if t.doing == finding && t.found(c) {
		t.doing = sweeping // at once: others refuse by now what is here yet
		return 0
	}
	if t.doing == sweeping && t.evict != nil {
		t.floor = *t.evict
	}
	t.doing, t.lowest = resting, nil
	t.rested, t.took = now, now-t.began
	return trimRest
}

// begin decides what is to be done.
func (t *trim) begin(c *Core, now time.Duration) bool {
	l := c.limits.Load()
	if l.MaxClients > 0 {
		t.over = c.table.Len() - l.MaxClients
	} else {
		t.over = 0
	}
	idle := 50 * t.took
	if t.over > l.MaxClients/64 {
		idle = 0
	}
	t.began = now
	switch {
	case t.sweeps(c, now):
		t.doing = sweeping
	case t.over > 0 && now-t.rested >= idle:
		t.doing, t.lowest = finding, location.NewLowest(c.table, min(2*t.over+64, max(trimAtOnce, l.MaxClients/32)))
	default:
		return false
	}
	return true
}

// sweeps tells whether there is something to delete, and notes what.
func (t *trim) sweeps(c *Core, now time.Duration) bool {
	t.evict, t.expire = nil, nil
	if f := c.floor.Load(); f != nil && f.Compare(t.floor) > 0 {
		t.evict = f
	}
	if f := c.expired.Load(); f != nil && now >= t.next {
		t.expire = f
		t.next = now + min(max(c.limits.Load().TTL/8, t.every), time.Minute)
	}
	return t.evict != nil || t.expire != nil
}

func (t *trim) sweep(c *Core) {
	if t.expire != nil {
		c.swept.expired.Add(uint64(c.table.Sweep(t.shard, *t.expire)))
	}
	if t.evict != nil {
		c.swept.evicted.Add(uint64(c.table.Sweep(t.shard, *t.evict)))
	}
}

// found raises the floor to where the pass has found that it belongs. Whoever has a
// greater fix by now stays.
func (t *trim) found(c *Core) bool {
	k := min(c.table.Len()-c.limits.Load().MaxClients, t.lowest.Len())
	if k <= 0 {
		return false
	}
	f := t.lowest.Floor(k)
	if c.mutant.forgetEvicted {
		t.evict = &f
		return true
	}
	if c.raise(f) {
		c.ownFloor.Store(true)
	}
	return t.sweeps(c, t.began)
}
