package replica

import (
	"math"
	"time"

	"herd/gossip/location"
)

// trim keeps the table within its limits, shard by shard: one pass finds the floor above
// which no more clients are than may be, another one deletes what is below it, and tells who
// watches the table of whom it shows no more. It is of the goroutine that calls Trim.
type trim struct {
	doing  doing
	shard  int            // the next one of the pass
	budget int            // clients looked at in one call
	every  time.Duration  // between two looks for expired fixes, at least
	roomy  int            // clients that fit into the table in any case
	began  time.Duration  // when the pass began
	most   int            // clients that may be; zero: any number
	fits   int            // of that, how many there is memory for, when that was last looked at
	look   time.Duration  // when to look again
	over   int            // clients that were too many when the pass began
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

	// When very many expire together, so many are told of at a time: somebody reads that.
	tellAtOnce = 1 << 12
	tellRest   = 10 * time.Millisecond
)

// Trim goes on with deleting what is expired or too much, and returns when to call it
// again, from now. It needs no lock of the caller's, and is called by one goroutine.
//
// Passes are made one after the other while there are many clients too many: more than a
// 64th of those that may be. While there are fewer, passes take a fiftieth of a processor.
func (c *Core) Trim(now time.Duration) (rest time.Duration) {
	t := &c.trim
	if t.doing == resting && !t.begin(c, now) {
		return trimIdle
	}
	for seen, told := 0, 0; seen < t.budget && t.shard < c.table.Shards(); t.shard++ {
		if told >= tellAtOnce && !t.hurries(c) {
			t.began += tellRest // it takes no processor
			return tellRest
		}
		seen += 1 + c.table.Len()/c.table.Shards()
		switch t.doing {
		case finding:
			t.lowest.Add(t.shard)
		case sweeping:
			told += t.sweep(c)
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
	t.most, t.over = t.allowed(c, now), 0
	c.trimmed.most.Store(int64(t.most))
	if t.most > 0 {
		t.over = c.table.Len() - t.most
	}
	idle := 50 * t.took
	if t.over > t.most/64 {
		idle = 0
	}
	t.began = now
	switch {
	case t.sweeps(c, now):
		t.doing = sweeping
	case t.over > 0 && now-t.rested >= idle:
		t.doing, t.lowest = finding, location.NewLowest(c.table, min(2*t.over+64, max(trimAtOnce, t.most/32)))
	default:
		return false
	}
	return true
}

// allowed is how many clients may be, zero for any number. For how many there is memory
// changes with the clients' IDs and texts, as fast as strangers send them. Of a table that may
// grow without end that is looked at, too, when it is large: a full one is the end of the node.
func (t *trim) allowed(c *Core, now time.Duration) int {
	l := c.limits.Load()
	most := int(min(l.MaxClients, math.MaxInt)) // who has 32 bits may be told of more
	bytes := l.Bytes
	if bytes == 0 {
		if c.table.Len() < t.roomy {
			return most
		}
		bytes = math.MaxInt64
	}
	if now >= t.look || t.fits == 0 {
		t.fits, t.look = c.table.Fits(bytes), now+min(t.every, trimIdle)
	}
	if most == 0 {
		return t.fits
	}
	return min(most, t.fits)
}

// hurries tells whether the table must shrink before anybody has read who is gone.
func (t *trim) hurries(c *Core) bool {
	return t.evict != nil || t.most > 0 && c.table.Len()-t.most > t.most/64
}

// sweeps tells whether there is something to delete, or somebody to tell of, and notes what.
func (t *trim) sweeps(c *Core, now time.Duration) bool {
	t.evict, t.expire = nil, nil
	due := false
	if f := c.floor.Load(); f != nil && f.Compare(t.floor) > 0 {
		t.evict, due = f, true
	}
	if f := c.expired.Load(); now >= t.next && (f != nil || c.table.Untold()) {
		t.expire, due = f, true
		t.next = now + min(max(c.limits.Load().TTL/8, t.every), time.Minute)
	}
	if due {
		c.table.BeginSweep()
	}
	return due
}

// sweep goes through one shard, and returns how many it has told of that have expired.
func (t *trim) sweep(c *Core) (told int) {
	told = c.table.TellHidden(t.shard)
	if t.expire != nil {
		c.trimmed.expired.Add(uint64(c.table.Sweep(t.shard, *t.expire)))
	}
	if t.evict != nil {
		c.trimmed.evicted.Add(uint64(c.table.Sweep(t.shard, *t.evict)))
	}
	return told
}

// found raises the floor to where the pass has found that it belongs. Whoever has a
// greater fix by now stays.
func (t *trim) found(c *Core) bool {
	k := min(c.table.Len()-t.most, t.lowest.Len())
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
