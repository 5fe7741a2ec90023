package gossip

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"herd/gossip/location"
)

// clockLink is what a link knows of the clock at its other end. It is guarded by
// cluster.mu.
type clockLink struct {
	owed    bool          // a note is to be sent now
	sent    time.Duration // our clock in the last one
	heard   time.Duration // our clock when the last one came; 0: none has
	echo    time.Duration // the peer's clock in it
	samples [8]sample     // the last ones: few, so that a clock that was set is soon believed
	taken   int           // of all times
}

// sample is one measurement: there and back.
type sample struct {
	rtt    time.Duration
	offset time.Duration // of the peer's wall clock from ours, off by half of rtt at the most
	zero   int64         // the peer's wall clock when our own, that nobody sets, was at zero
}

// offset is how far the peer's wall clock is ahead of ours, by the message that
// waited least on its way.
func (k *clockLink) offset() (d time.Duration, ok bool) {
	n := min(k.taken, len(k.samples))
	if n == 0 {
		return 0, false
	}
	return slices.MinFunc(k.samples[:n], func(a, b sample) int { return cmp.Compare(a.rtt, b.rtt) }).offset, true
}

// Clock is how this node's wall clock stands to those of its peers.
type Clock struct {
	Peers int           // whose clocks were measured
	Ahead time.Duration // of this node's clock before the median of theirs; negative: behind
	Limit time.Duration // half of max_client_ahead: beyond it the clamp of order times does not protect, or this node's fixes lose
}

// Astray tells whether the difference is more than it may be. With one peer nobody
// knows whose clock is wrong.
func (k Clock) Astray() bool { return k.Ahead > k.Limit || k.Ahead < -k.Limit }

// Difference says in words how this node's clock stands to the others'.
func (k Clock) Difference() string {
	d, side := k.Ahead, "ahead of"
	if d < 0 {
		d, side = -d, "behind"
	}
	unit := time.Microsecond
	if d >= time.Second {
		unit = time.Millisecond
	}
	of := fmt.Sprintf("the median of %d peers", k.Peers)
	if k.Peers == 1 {
		of = "its one peer"
	}
	return fmt.Sprintf("%s %s %s", d.Round(unit), side, of)
}

// compareClocksLocked compares the clocks. Of an even number of peers the middle one that is
// nearer to this node's counts: of three nodes one can be wrong, and the others know
// that it is not they.
func (c *Cluster) compareClocksLocked() Clock {
	k := Clock{Limit: c.config.MaxClientAhead / 2}
	offsets := make([]time.Duration, 0, len(c.links))
	for _, l := range c.links {
		if d, ok := l.clock.offset(); ok {
			offsets = append(offsets, d)
		}
	}
	if k.Peers = len(offsets); k.Peers == 0 {
		return k
	}
	slices.Sort(offsets)
	low, high := offsets[(k.Peers-1)/2], offsets[k.Peers/2]
	if high.Abs() < low.Abs() {
		low = high
	}
	k.Ahead = -low
	return k
}

// measuringLocked tells whether the clock of a peer that was just met is yet to be
// measured.
func (c *Cluster) measuringLocked() bool {
	for _, l := range c.links {
		if l.version >= noteVersion && l.clock.taken == 0 && time.Since(l.opened) < noteEvery {
			return true
		}
	}
	return false
}

// judgeByLocked notes how far this node's clock is behind those of its peers: their fixes are
// judged by the later one. A node that refused them would lack what it acknowledges, or
// shun a herd that is right. Until the clocks of those that it has just met are measured
// nothing is sure. (With one peer it is believed: it could lie, and silence clients by fixes of
// a time to come. But what is wrong is more often a clock.)
func (c *Cluster) judgeByLocked() {
	k := c.compareClocksLocked()
	c.behind.Store(int64(max(0, -k.Ahead)))
	herd := int64(0)
	if k.Ahead > earlyLimit && k.Peers >= 2 {
		herd = c.herdClockLocked()
	}
	c.herdClock.Store(herd)
	c.sure.Store(!c.measuringLocked())
}

// earlyLimit is how far ahead of the herd's a node's clock may be and still bound its order
// times: what peers bear beyond the day that a client's clock may be ahead of its node's.
const earlyLimit = 12 * time.Hour

// herdClockLocked is what the middle one of the peers' clocks showed when this node's own, that
// nobody sets, was at zero. So whoever sets this node's wall clock does not change it.
func (c *Cluster) herdClockLocked() int64 {
	var zeros []int64
	for _, l := range c.links {
		if k := &l.clock; k.taken > 0 {
			zeros = append(zeros, k.samples[(k.taken-1)%len(k.samples)].zero)
		}
	}
	slices.Sort(zeros)
	return zeros[len(zeros)/2]
}

// clamp bounds the order time of a client's fix by the herd's clock, if this node's is so
// far ahead of it that peers would shun it for the fixes of a client whose clock is, too.
func (c *Cluster) clamp(f *location.Fix) {
	zero := c.herdClock.Load()
	if zero == 0 {
		return
	}
	if herd := zero + int64(c.now()); f.Received-herd > int64(earlyLimit) {
		f.Order = min(f.Order, herd+int64(c.config.MaxClientAhead))
	}
}

// ahead is what judgeByLocked has noted.
func (c *Cluster) ahead() (d time.Duration, sure bool) {
	return time.Duration(c.behind.Load()), c.sure.Load()
}

// watchClock says once a minute that this node's clock is astray, and closes
// clockChecked when it may be ready. While it is astray nobody catches up with what has
// expired by it. If it is less wrong than that, but hides clients long before their time, that is
// said, too. Its only caller is keepLinks.
func (c *Cluster) watchClock() {
	now := c.now()
	if checked := isClosed(c.clockChecked); checked && now-c.clockLooked < time.Second {
		return
	}
	c.clockLooked = now
	c.mu.Lock()
	k, measuring := c.compareClocksLocked(), c.measuringLocked()
	c.core.SetAstray(k.Astray() && k.Peers >= 2)
	caughtUp := isClosed(c.caughtUp)
	if caughtUp && c.clockFrom == 0 {
		c.clockFrom = now
	}
	// All that there is to be known. Peers may come and go without end, and say nothing.
	known := caughtUp && (!measuring || now-c.clockFrom >= noteEvery)
	if k.Astray() && known && (c.clockTold == 0 || now-c.clockTold >= time.Minute) {
		c.clockTold = now
		c.tell(k)
	}
	early, ttl := c.core.Early(), c.limits.TTL
	c.mu.Unlock()
	most := early // what is sure of the sum: a clock that was just set back was measured before that
	if k.Peers >= 2 {
		most = max(early, k.Ahead)
		early += max(0, k.Ahead)
	}
	switch {
	case ttl == 0 || early <= ttl/2 || k.Astray() || !known:
	case most >= ttl:
		c.warn("this node's clock was ahead by more than ttl: it shows no clients until it is restarted, or other clocks have come as far", "too_early", most.Round(time.Millisecond), "ttl", ttl)
	default:
		c.warn("this node's clock is ahead, or was: it hides clients before they have expired, until they report again or other clocks have come as far", "too_early", early.Round(time.Millisecond), "ttl", ttl)
	}
	right := !k.Astray() || k.Peers < 2
	if right && known && !isClosed(c.clockChecked) {
		close(c.clockChecked)
	}
}

// ClockChecked is closed when this node has caught up and its clock, for the first
// time, agrees with those of its peers, or there are less than two to compare it with.
func (c *Cluster) ClockChecked() <-chan struct{} { return c.clockChecked }
