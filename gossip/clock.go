package gossip

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// A note is a message on the live lane of a kind that the core has none of. It rides
// with an ack that is due anyway, about once a second:
//
//	kind, whether the sender sees the receiver among the living,
//	sender's clock, its wall clock, the receiver's clock that is echoed, how long that was held
//
// Clocks and times are nanoseconds in eight bytes. An echo of zero is none.
const (
	kindNote    = 0xfc
	noteVersion = 3 // since this one of the session the live lane carries notes
	noteSize    = 1 + 1 + 4*8
	noteEvery   = time.Second
)

// note is what one end tells the other of its clocks, and of the other.
type note struct {
	sees  bool          // the receiver among the living, as the sender knows them
	clock time.Duration // of the sender, as now gives it
	wall  int64         // of the sender, nanoseconds since the epoch
	echo  time.Duration // clock of the last note that came to the sender
	held  time.Duration // since that came
}

func appendNote(b []byte, n note) []byte {
	b = binary.BigEndian.AppendUint32(b, noteSize)
	sees := byte(0)
	if n.sees {
		sees = 1
	}
	b = append(b, kindNote, sees)
	for _, x := range [...]int64{int64(n.clock), n.wall, int64(n.echo), int64(n.held)} {
		b = binary.BigEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// readNote reads what appendNote wrote, without the length before it, at the
// receiver's clock now.
func readNote(message []byte, now time.Duration) (n note, err error) {
	if len(message) != noteSize {
		return n, fmt.Errorf("%w: note of %d bytes, want %d", replica.ErrMessage, len(message), noteSize)
	}
	if message[1] > 1 {
		return n, fmt.Errorf("%w: note that sees %d", replica.ErrMessage, message[1])
	}
	var x [4]int64
	for i := range x {
		if x[i] = int64(binary.BigEndian.Uint64(message[2+8*i:])); x[i] < 0 {
			return n, fmt.Errorf("%w: note with a time before all times", replica.ErrMessage)
		}
	}
	n = note{message[1] == 1, time.Duration(x[0]), x[1], time.Duration(x[2]), time.Duration(x[3])}
	if n.echo > now {
		return n, fmt.Errorf("%w: note of a clock that is ahead of ours", replica.ErrMessage)
	}
	return n, nil
}

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

// appendNoteLocked appends a note to what the live lane is sent, if it is time.
func (c *Cluster) appendNoteLocked(l *link, buf []byte) []byte {
	now, k := c.now(), &l.clock
	due := k.owed || len(buf) > 0 && now-k.sent >= noteEvery
	if l.version < noteVersion || !due {
		return buf
	}
	n := note{sees: c.seesLocked(l.peer), clock: now, wall: c.wall().UnixNano(), echo: k.echo}
	if k.heard > 0 {
		n.held = now - k.heard
	}
	k.owed, k.sent = false, now
	return appendNote(buf, n)
}

// receiveNote takes a note off the live lane.
func (l *link) receiveNote(message []byte) error {
	c := l.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now, wall, k := c.now(), c.wall().UnixNano(), &l.clock
	n, err := readNote(message, now)
	if err != nil {
		return err
	}
	if k.heard == 0 { // both want to know before they say that they are ready
		k.owed = true
		offer(l.out[replica.Live].wake, struct{}{})
	}
	k.heard, k.echo = now, n.clock
	l.unseen = !n.sees
	if n.echo == 0 {
		return nil
	}
	rtt := max(now-n.echo-n.held, 0) // two clocks may tick a little differently
	k.samples[k.taken%len(k.samples)] = sample{rtt, time.Duration(n.wall - max(wall-int64(rtt/2), 0)), n.wall - int64(now-rtt/2)}
	k.taken++
	c.judgeByLocked()
	if k.taken == 1 {
		c.nudge()
	}
	return nil
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
// expired by it. Its only caller is keepLinks.
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
	c.mu.Unlock()
	right := !k.Astray() || k.Peers < 2
	if right && known && !isClosed(c.clockChecked) {
		close(c.clockChecked)
	}
}

// ClockChecked is closed when this node has caught up and its clock, for the first
// time, agrees with those of its peers, or there are less than two to compare it with.
func (c *Cluster) ClockChecked() <-chan struct{} { return c.clockChecked }
