package load

import (
	"sync/atomic"
	"time"
)

// group is a share of the connections that is counted, and in the open loop paced,
// together: with one of all, cores would wait for each other; with one each, memory
// would be short.
type group struct {
	conns []*connection
	total int // connections of all groups

	epoch    time.Time // when the clock began
	patience time.Duration
	closed   bool // the closed loop
	maker    maker

	from, to int64        // the measured time, by clock
	stop     atomic.Bool  // end before that
	alive    atomic.Int64 // connections that are not lost

	tally tally

	// Of the pace; to be read when it has ended.
	lateness histogram
	unsent   uint64
}

// clock is nanoseconds since the run began.
func (g *group) clock() int64 { return int64(time.Since(g.epoch)) }

// count takes a right reply. The tally is locked. What was due before the measured
// time and is answered in it counts, as do late replies to what was due in it: else a
// server that falls behind would look better than it is.
func (g *group) count(c *command, now int64) {
	if now < g.from || c.due >= g.to {
		return
	}
	if c.query {
		g.tally.queries++
	} else {
		g.tally.updates++
	}
	if now < g.to && !g.stop.Load() {
		g.tally.inTime++
	}
	g.tally.latency.record(now - c.due)
}

// over tells whether no command is to be sent any more.
func (g *group) over(now int64) bool { return now >= g.to || g.stop.Load() || g.alive.Load() == 0 }
