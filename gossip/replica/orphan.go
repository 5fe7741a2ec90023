package replica

import (
	"strings"
	"time"

	"herd/gossip/location"
)

// absentees are the origins that some fix or vector names and to which no link
// stands. A fix of one that is gone for good, whose dot our vector does not cover,
// would be in every delta for ever: nobody is left to say what came before it. So
// it is taken over into our own open batch.
type absentees struct {
	since map[location.Origin]*absence
	here  map[location.Origin]int // links that stand

	// Heard of last, and there is no more to note of it: most fixes come in runs of
	// one origin.
	last          location.Origin
	lastUncovered bool

	look time.Duration // when to see whether a sweep is due

	// One sweep through the table, a few shards a tick.
	sweeping bool
	shard    int
	long     map[location.Origin]bool // gone for GoneAfter when the sweep began
	carried  map[location.Origin]bool // of those, by some fix, still
	swept    time.Duration            // when the last one ended
	looseAt  uint64
	loose    bool
}

type absence struct {
	since time.Duration
	clean bool // no uncovered fix of it came since a sweep began that took them over
}

func (a *absentees) back(o location.Origin) {
	a.here[o]++
	delete(a.since, o)
	delete(a.long, o)
	a.last = 0
}

func (a *absentees) leave(o location.Origin, now time.Duration) {
	if a.here[o]--; a.here[o] > 0 {
		return
	}
	delete(a.here, o)
	a.since[o] = &absence{since: now}
	a.last = 0
}

// news: others know more of o than before. If it is out of our sight it is not
// out of theirs.
func (a *absentees) news(o location.Origin, now time.Duration) {
	if away, ok := a.since[o]; ok {
		away.since = now
		delete(a.long, o)
	}
}

// maxGone bounds the vector's entries of origins to which no link stands, or a few more:
// about a hundred kilobytes, once a second. Fixes of further ones are taken over.
const maxGone = 1 << 13

// wants tells whether the vector takes an entry of o that it has not. Without a fix that
// carries its dot it does not: two nodes would give each other back for ever what each of
// them forgets.
func (c *Core) wants(o location.Origin) bool {
	if c.gone.here[o] > 0 {
		return true
	}
	return c.gone.since[o] != nil && len(c.vector) < maxGone
}

// heard takes note that a fix or a vector from elsewhere names o. uncovered says
// that it is a fix whose dot our vector does not cover.
func (c *Core) heard(o location.Origin, uncovered bool) {
	if uncovered {
		c.loose.added++
	}
	a := &c.gone
	if o == a.last && (a.lastUncovered || !uncovered) {
		return
	}
	a.last, a.lastUncovered = o, uncovered
	if a.sweeping && a.long[o] {
		a.carried[o] = true
	}
	if o == c.cfg.Self || a.here[o] > 0 {
		return
	}
	if away, ok := a.since[o]; ok {
		away.clean = away.clean && !uncovered
	} else if len(a.since) < maxOrigins {
		a.since[o] = &absence{since: c.now}
	}
}

// sweepOrphans adopts what only origins gone for good could vouch for, and forgets the
// vector entries that no fix needs any more.
func (c *Core) sweepOrphans() {
	a := &c.gone
	if !a.sweeping {
		if c.now < a.look {
			return
		}
		a.look = c.now + c.cfg.CompareEvery // who lies may have us know a great many
		if !c.orphansDue() {
			return
		}
		a.sweeping, a.shard = true, 0
		a.looseAt, a.loose = c.loose.added, false
		a.long, a.carried = map[location.Origin]bool{}, map[location.Origin]bool{}
		a.last = 0
		for o, away := range a.since {
			if c.now-away.since > c.cfg.GoneAfter {
				a.long[o], away.clean = true, true
			}
		}
	}
	for seen := 0; a.shard < c.table.Shards() && seen < c.budget; a.shard++ {
		seen += 1 + c.adoptShard(a.shard)
	}
	if a.shard < c.table.Shards() {
		return
	}
	a.sweeping, a.swept = false, c.now
	if !a.loose {
		c.loose.clean = max(c.loose.clean, a.looseAt)
	}
	for o := range a.long {
		if !a.carried[o] || c.mutant.forgetCarried {
			delete(a.since, o)
			delete(c.vector, o)
			delete(c.beyond, o)
		}
	}
}

// orphansDue tells whether a sweep may find something to adopt or to forget.
func (c *Core) orphansDue() bool {
	again := c.now-c.gone.swept > 10*c.cfg.GoneAfter
	for _, away := range c.gone.since {
		if c.now-away.since > c.cfg.GoneAfter && (again || !away.clean) {
			return true
		}
	}
	return false
}

// adoptShard takes over the orphans of a shard, and returns how many fixes it has looked at.
func (c *Core) adoptShard(shard int) (seen int) {
	a := &c.gone
	var orphans []record
	c.table.ScanHeld(shard, func(id string, e *location.Entry) {
		seen++
		switch covered := c.vector.CoversDot(e.Dot); {
		case e.Dot.Origin == c.cfg.Self:
		case !a.long[e.Dot.Origin]:
			a.loose = a.loose || !covered
		case covered || e.Dot.Takeovers >= maxTakeovers || c.mutant.noTakeover:
			a.carried[e.Dot.Origin] = true
			a.loose = a.loose || !covered
		default:
			orphans = append(orphans, record{strings.Clone(id), *e}) // a scan lends its IDs
		}
	})
	for _, r := range orphans {
		r.entry.Dot = location.Dot{Takeovers: r.entry.Dot.Takeovers + 1, Origin: c.cfg.Self}
		id := []byte(r.id)
		s := c.open.of(0)
		c.inOpen(s, id, &r.entry, func() {
			r.entry.Dot.Seq = s.seq
			if was, result := c.table.Merge(id, r.entry); result == location.Retagged {
				c.open.add(s, id, &r.entry, &was)
				c.stats.Takeovers++
			}
		})
	}
	return seen
}
