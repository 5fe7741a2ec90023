package replica

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"herd/gossip/location"
)

// Config is what a Core is made from. The zero value of a field means its default.
type Config struct {
	Self  location.Origin // this incarnation, not zero
	Name  string          // name of this node
	Table *location.Table // merged into by the Core alone; anyone may read it

	// AckTimeout is how long a batch may stay unacknowledged before the member is
	// put out of the in-sync set. No lease is longer. Default 250 ms.
	AckTimeout time.Duration

	// NoAcks has reports wait for nobody (acks = "none").
	NoAcks bool

	// Acks is how many peers must have a batch before it is acknowledged; 0: all that are in.
	// No more than those are waited for in any case: see settle.
	Acks int

	// QueueBytes bounds the batches that wait for one peer. Beyond it they are
	// dropped and the peer catches up by vector. Default 4 MiB.
	QueueBytes int

	// ChunkBytes is the size at which a batch or a chunk of a delta is closed.
	// A single fix may be longer. Default 64 KiB, at most 1 MiB.
	ChunkBytes int

	// Stripes is the number of parts of the open batch that can be added to at the
	// same time; it is rounded up to a power of two. Default 8.
	Stripes int

	// GapPeers is up to how many peers batches follow each other as fast as writers are;
	// with more of them at least GapEach for each peer lies between two, 20 ms at the
	// most: what a batch costs, its acks included, grows with the peers. Defaults 20
	// and 50 µs.
	GapPeers int
	GapEach  time.Duration

	// CompareEvery is how often the vector is sent to one peer chosen at random.
	// Default 1 s.
	CompareEvery time.Duration

	// Wall is this node's wall clock, by which fixes from peers are judged; see [Stats].
	// It is called by many goroutines. Nil: they may be of any time.
	Wall func() time.Time

	// Ahead is how far the clocks of the herd are ahead of Wall, 0 or more, and whether
	// that is known yet. It is called by many goroutines. Nil: they are not.
	Ahead func() (d time.Duration, sure bool)

	// Limits bound what this node keeps; see SetLimits. Default: it keeps all.
	Limits Limits

	// Grace is for how long a fix that has expired is kept, so that it has expired at all
	// nodes when one of them lacks it: what two clocks may differ by. Default 5 min.
	Grace time.Duration

	// GoneAfter is how long an origin must have had no link before its uncovered
	// fixes are taken over. Default 60 s.
	GoneAfter time.Duration

	Seed uint64 // of the choice of peers
}

// Core is the replication of one node. Its caller holds one lock around every call,
// except those of Accept, Expire, Floor, Most, Trim, [Link.Prepare] and [Link.Scan].
//
// now is a monotonic clock, as the time since any fixed instant in this process's
// life. It must never run back. It goes on while the process is stopped, or the
// machine suspended.
type Core struct {
	cfg    Config
	table  *location.Table
	open   *open // number seq+1
	mutant mutant

	_ [64]byte // a report reads what is above; what is below changes with every batch

	rand *rand.Rand

	// As a holder of fixes.
	vector Vector
	beyond map[location.Origin]run
	loose  loose
	gone   absentees
	first  fill

	// What it gives up. Trim has no lock.
	limits   atomic.Pointer[Limits]
	floor    atomic.Pointer[location.Floor] // see Floor; nil: none
	ownFloor atomic.Bool                    // this node has raised it, and not said so
	expired  atomic.Pointer[location.Floor] // what is to be removed for its age; nil: nothing
	latest   int64                          // greatest time that the wall clock has shown, in nanoseconds
	astray   bool                           // see SetAstray
	silent   bool                           // no vector is answered
	trim     trim
	trimmed  struct { // what Trim tells; see Stats and Most
		evicted, expired atomic.Uint64
		most             atomic.Int64
	}

	// As an origin.
	seq      uint64          // last sealed batch
	notYet   time.Duration   // the next one keeps a gap until then
	sealedAt []time.Duration // run time at which batch firstAt+i was sealed
	firstAt  uint64
	hold     time.Duration // run time until which nothing is acknowledged
	released uint64        // every batch up to here is acknowledged
	acks     []uint64      // see enough; nothing is kept in it
	alone    bool          // the last of them by nobody but us

	links   []*Link // in order of opening
	disk    *Disk   // nil: none
	dirty   []*Link // have something to send that their writers were not told of
	events  []Event
	arrived []int64           // when the fixes of batches that came were received; see TakeArrived
	names   map[string]string // node names seen, so that fixes share them
	compare time.Duration     // when to send the next vector
	lost    bool              // a link has ended since our vector was sent to all peers
	askAt   time.Duration     // when it may be again
	budget  int               // fixes looked at in one call

	now time.Duration // as of the last call
	ran time.Duration // time in which this node ran: a step adds AckTimeout/10 at most

	stats Stats

	lastBatch []record // of a mutant
}

// Stats counts what a Core did since it was made. See the metrics of the same names.
type Stats struct {
	Accepted      uint64 // reports taken from clients
	Stale         uint64 // of those, reports that were not newer than what the table held
	Repeated      uint64 // of those, reports that it held already
	Clamped       uint64 // of those, reports ordered by the clamp
	Mailed        uint64 // of those, reports that went into a batch and were not replaced there by a newer one
	Alone         uint64 // batches acknowledged while there were peers and none was in sync
	Short         uint64 // batches acknowledged while fewer than Acks peers had them
	Batches       uint64 // sealed
	Applied       uint64 // fixes from peers that won
	Redundant     uint64 // fixes from peers that did not
	Duplicate     uint64 // of those, fixes that the table had already
	Deltas        uint64 // answers to vectors that needed a scan
	Compared      uint64 // answers to vectors that did not
	Overflows     uint64 // queues dropped
	Entries       uint64 // members that came in
	Outs          uint64 // members put out by time
	DiskOuts      uint64 // times that the disk was waited for no longer
	DiskEntries   uint64 // times that it was waited for from then on
	DiskOverflows uint64 // times that what waited for the disk was dropped
	Takeovers     uint64 // fixes adopted from origins gone for good
	Lookups       uint64 // look-ups answered for peers
	LookupsOff    uint64 // look-ups refused for their number
	Evicted       uint64 // clients given up for want of room
	Expired       uint64 // clients removed some time after they had expired
	Refused       uint64 // of Accepted, reports not kept: they had expired, or were below the floor
	Incredible    uint64 // fixes from peers not taken: of a time to come, or taken over too often
	Unfounded     uint64 // claims of peers to have batches that their origin has not sealed; not believed
}

// New makes the core of a node. It knows nobody yet.
func New(cfg Config) *Core {
	setDefault(&cfg.AckTimeout, 250*time.Millisecond)
	setDefault(&cfg.GapPeers, 20)
	setDefault(&cfg.GapEach, 50*time.Microsecond)
	setDefault(&cfg.CompareEvery, time.Second)
	setDefault(&cfg.GoneAfter, time.Minute)
	setDefault(&cfg.Grace, 5*time.Minute)
	setDefault(&cfg.QueueBytes, 4<<20)
	setDefault(&cfg.ChunkBytes, 64<<10)
	setDefault(&cfg.Stripes, 8)
	cfg.ChunkBytes = min(cfg.ChunkBytes, MaxMessage/4)
	c := &Core{
		cfg:     cfg,
		table:   cfg.Table,
		rand:    rand.New(rand.NewPCG(cfg.Seed, uint64(cfg.Self))),
		vector:  Vector{},
		beyond:  map[location.Origin]run{},
		gone:    absentees{since: map[location.Origin]*absence{}, here: map[location.Origin]int{}},
		open:    newOpen(cfg.Name, cfg.Stripes, cfg.ChunkBytes),
		firstAt: 1,
		names:   map[string]string{},
		budget:  4096,
		trim:    trim{budget: 1 << 16, every: time.Second, roomy: location.Roomy},
	}
	c.SetLimits(cfg.Limits)
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// step takes note of the time. A step after a long silence of ours counts little:
// a node that was stopped must not wake, take its own stillness for that of its
// peers, put everybody out and acknowledge alone.
func (c *Core) step(now time.Duration) {
	if now <= c.now {
		return
	}
	passed := now - c.now
	if !c.mutant.wallTimeouts {
		passed = min(passed, c.cfg.AckTimeout/10)
	}
	c.ran += passed
	c.now = now
}

// Tick does what time alone asks for. Call it at least every AckTimeout/10.
func (c *Core) Tick(now time.Duration) {
	c.step(now)
	c.expire()
	c.seal()
	c.settle()
	c.tellFloor()
	for _, l := range c.links {
		if c.now-l.beat >= l.renewal() {
			l.oweAck()
		}
	}
	if c.now >= c.compare {
		c.compare = c.now + c.cfg.CompareEvery
		if n := len(c.links); n > 0 && !c.mutant.neverCompare {
			c.links[c.rand.IntN(n)].oweAsk()
		}
	}
	for _, l := range c.links {
		l.nextAnswer()
		if l.again && c.now >= c.askAt {
			l.again, c.lost = false, true
		}
	}
	c.askAll()
	c.first.check(c)
	c.sweepOrphans()
}

// Most is how many clients may be in the table by now, 0 for any number: see Limits. It needs
// no lock of the caller's.
func (c *Core) Most() int { return int(c.trimmed.most.Load()) }

// Released is the number of the last acknowledged batch: a report whose ticket is
// not greater may be answered. It never goes back.
func (c *Core) Released() uint64 { return c.released }

// Vector is a copy of what this node has of each origin.
func (c *Core) Vector() Vector { return c.vector.clone() }

// Stats returns the counters.
func (c *Core) Stats() Stats {
	sum := c.stats
	sum.Evicted, sum.Expired = c.trimmed.evicted.Load(), c.trimmed.expired.Load()
	for i := range c.open.stripes {
		s := &c.open.stripes[i]
		s.mu.Lock()
		sum.Accepted += s.accepted
		sum.Stale += s.stale
		sum.Repeated += s.repeated
		sum.Clamped += s.clamped
		sum.Mailed += s.mailed
		sum.Refused += s.refused
		s.mu.Unlock()
	}
	return sum
}

// Sealed is the number of the last sealed batch.
func (c *Core) Sealed() uint64 { return c.seq }

// Last is the greatest ticket of all reports accepted before the call.
func (c *Core) Last() uint64 {
	if c.open.settled() == 0 {
		return c.ticket(c.seq)
	}
	return c.ticket(c.seq + 1)
}

// HasReports tells whether this node has put a report into a batch, sealed or open: also one
// that nobody waits for, of which Last knows nothing.
func (c *Core) HasReports() bool { return c.seq > 0 || c.open.settled() > 0 }

// TakeDirty calls f for each lane that has got something to send since the last
// call, and has not been asked for it by Next. A link closed since may be among them.
func (c *Core) TakeDirty(f func(*Link, Lane)) {
	for i, l := range c.dirty {
		l.listed = false
		for lane, dirty := range l.dirty {
			if dirty {
				l.dirty[lane] = false
				f(l, Lane(lane))
			}
		}
		c.dirty[i] = nil
	}
	c.dirty = c.dirty[:0]
}

// TakeEvents returns what happened since the last call.
func (c *Core) TakeEvents() []Event {
	e := c.events
	c.events = nil
	return e
}

// TakeArrived calls f with what the batches received since the last call hold: for
// each fix the wall clock of its origin when that took it, in nanoseconds since the
// epoch. f keeps no reference to it. What deltas bring may be as old as it likes, and
// is not in it.
func (c *Core) TakeArrived(f func(received []int64)) {
	if len(c.arrived) == 0 {
		return
	}
	f(c.arrived)
	if c.arrived = c.arrived[:0]; cap(c.arrived) > keepArrived {
		c.arrived = nil
	}
}

// keepArrived bounds the times kept, and the room for them: more than a chunk's.
const keepArrived = 1 << 13

// Event is something that a person or a waiting reader wants to know of.
type Event struct {
	Kind   EventKind
	Origin location.Origin // the peer in question
	Lookup uint64          // of Found
}

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	MemberIn     EventKind = iota // the peer came into this node's in-sync set
	MemberOut                     // the peer left a batch unacknowledged for AckTimeout
	Overflow                      // the peer's queue was full; it catches up by vector
	Found                         // the peer answered a look-up, with or without a fix
	CaughtUp                      // the peer answered our vector in full for the first time on its link
	Alone                         // batches are acknowledged though no member is in sync; of no peer
	DiskIn                        // this node acknowledges nothing that is not on its disk, from now on; of no peer
	DiskOut                       // the disk did not keep up for AckTimeout: it is not waited for; of no peer
	DiskOverflow                  // what waited for the disk was dropped; it catches up by vector; of no peer
)

// loose tells whether the table may hold fixes from elsewhere whose dots the vector
// does not cover: parts of a delta whose commit has not come, batches beyond a gap.
type loose struct {
	added uint64 // counts the occasions on which there came one
	clean uint64 // as of this occasion a whole scan had found none
}

func (l *loose) any() bool { return l.added > l.clean }

func (c *Core) emit(k EventKind, l *Link) {
	c.events = append(c.events, Event{Kind: k, Origin: l.peer})
}
