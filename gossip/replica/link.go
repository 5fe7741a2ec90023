package replica

import (
	"slices"
	"time"

	"herd/gossip/location"
)

// Lane is one of the two ordered streams of messages between a pair of nodes.
type Lane uint8

// The lanes.
const (
	Live  Lane = iota // batches, acks, grants, look-ups
	Delta             // vectors, chunks, commits
)

// State is what an origin promises of a peer. See the package comment.
type State uint8

// The states of a peer in the eyes of an origin.
const (
	Out State = iota
	Joining
	In
)

// String is the state's name in lower case.
func (s State) String() string { return [...]string{"out", "joining", "in"}[min(s, In)] }

// Link is one end of a session with a peer. All its fields belong to the Core.
type Link struct {
	core   *Core
	peer   location.Origin
	closed bool

	// What readers and the writer of the delta lane do without the caller's lock is
	// theirs.
	ahead       ahead
	aheadChunks aheadChunks
	scan        scan

	// To be sent on the live lane. What is owed is state, not messages: acks that
	// wait merge into the latest, and nothing that is owed can be lost to a full queue.
	queue      [][]byte // batches; the bytes are shared between links
	queued     int      // their size
	overflows  uint64   // times that batches were dropped
	lag        bool     // batches were dropped: queue none until the peer has sent its vector
	oweBehind  bool
	owesAck    bool
	owesGrant  bool
	echo       time.Duration // clock to grant on
	length     time.Duration // of the lease from there
	granted    time.Duration // clock that was last granted on
	finds      [][]byte      // look-ups and answers to them
	findBytes  int           // their size
	idle       bool          // the live writer found nothing to send
	beat       time.Duration // when an ack was last sent
	dirty      [2]bool       // by lane: it has something to send that its writer was not told of
	listed     bool          // in core.dirty
	sendsAsk   bool
	askIsFull  bool
	saidHello  bool
	awaits     bool          // a full ask has not been answered: another would have it all sent twice
	awaited    time.Duration // run time at which it was sent, or something of its answer came
	answer     *answer       // being sent
	rest       time.Duration // no other is begun before
	next       Vector        // an ask that came while answer was being sent
	nextIsFull bool
	lastAsked  Vector // our vector when the peer's last ask came

	knowsFloors bool           // see KnowFloors
	floor       location.Floor // the greatest that the peer has told us, or we it

	// As the origin of batches.
	state     State
	committed bool          // the peer has been sent a commit, or was put out
	need      uint64        // to be acknowledged before joining
	mark      uint64        // joining: to be acknowledged before coming in
	joined    time.Duration // run time at which joining began
	acked     uint64
	promised  time.Duration // run time at which the leases given have ended

	// As a member of the peer's in-sync set.
	lease  time.Duration // in sync while now < lease
	lasts  time.Duration // how long the last one was given for
	hello  Vector        // the vector that the peer opened with
	empty  bool          // there was nothing in it
	met    bool          // the peer's commit came, or our vector covered its hello
	unsure bool          // a chunk since the last commit had fixes that were not taken and may be right
	again  bool          // a commit was not taken for that: all peers are to be asked once more
	claim  uint64        // what another has told us that we have of the peer, which has yet to speak
	said   uint64        // the greatest number of its own that the peer has spoken of itself
}

// Open begins a session with peer: both connections stand. The caller has closed
// the one before, if there was one.
func (c *Core) Open(now time.Duration, peer location.Origin) *Link {
	c.step(now)
	l := &Link{core: c, peer: peer, beat: now - c.cfg.AckTimeout, granted: -c.cfg.AckTimeout}
	c.links = append(c.links, l)
	c.gone.back(peer)
	l.oweFullAsk()
	c.first.begin(c)
	return l
}

// Close ends a session; it drops our lease from that peer. gaveUp says that this end
// decided so, or only suspects that the other has: the peer may then still hold a
// lease from us, and nothing is acknowledged before that has run out. If the peer
// closed or reset the connection it has dropped its lease first, or is dead.
//
// Call it before the connections are closed.
func (c *Core) Close(now time.Duration, l *Link, gaveUp bool) {
	c.step(now)
	if l.closed {
		return
	}
	l.closed = true
	c.links = slices.DeleteFunc(c.links, func(x *Link) bool { return x == l })
	if gaveUp && l.state == In && !c.mutant.noHold {
		c.hold = max(c.hold, l.promised)
	}
	c.gone.leave(l.peer, c.now)
	c.first.lost(c, l)
	c.lost = true
	c.askAll()
	c.seal()
	c.settle()
}

// Peer is the origin at the other end.
func (l *Link) Peer() location.Origin { return l.peer }

// State is what this node, as an origin, promises of the peer.
func (l *Link) State() State { return l.state }

// Acked is the last batch of ours that the peer has, with all before it.
func (l *Link) Acked() uint64 { return l.acked }

// Said is the last batch of the peer's own that it has spoken of.
func (l *Link) Said() uint64 { return l.said }

// Queued is the size in bytes of the batches that wait for the peer.
func (l *Link) Queued() int { return l.queued }

// Overflows is how often the peer's queue was dropped since the link was opened.
func (l *Link) Overflows() uint64 { return l.overflows }

// Lagging tells whether the peer's queue overflowed and it has not come back yet.
func (l *Link) Lagging() bool { return l.lag }

// Leased tells whether this node holds everything that the peer has acknowledged
// to its clients.
func (l *Link) Leased(now time.Duration) bool {
	return !l.closed && (now < l.lease || l.core.mutant.endlessLease && l.lease > 0)
}

// Met tells whether this node has what the peer had when they met.
func (l *Link) Met() bool {
	if !l.met && l.hello != nil && l.core.vector.Covers(l.hello) {
		l.met, l.hello = true, nil
		l.core.emit(CaughtUp, l)
	}
	return l.met
}

// Counts tells whether what this node acknowledges waits for the peer, or nobody can say when
// it will: the peer is in; or it fills itself, elsewhere, so that it has not asked for anything
// yet, or here, for it came with nothing and has yet to be sent all; or this node answers no
// vectors, and so takes nobody in.
func (l *Link) Counts() bool {
	asked := l.lastAsked != nil || l.next != nil
	return l.state == In || !asked || l.empty && !l.committed || l.core.silent || l.core.mutant.readyAlone
}

// enqueue gives the peer a sealed batch. If its queue is full, all its batches are
// dropped and it is told that it is behind: a slow peer never slows a client.
func (l *Link) enqueue(message []byte) {
	if l.lag {
		return
	}
	if l.queued+len(message) > l.core.cfg.QueueBytes {
		clear(l.queue)
		l.queue, l.queued = l.queue[:0], 0
		l.lag, l.oweBehind = true, true
		l.core.stats.Overflows++
		l.overflows++
		if l.core.mutant.outOnOverflow {
			l.state, l.need = Out, l.core.seq
		}
		l.core.emit(Overflow, l)
	} else {
		l.queue = append(l.queue, message)
		l.queued += len(message)
	}
	l.touch(Live)
}

func (l *Link) oweAck() {
	l.owesAck = true
	l.touch(Live)
}

// oweAckSoon is oweAck, but in a gap between batches of ours the ack goes with the next.
func (l *Link) oweAckSoon() {
	l.owesAck = true
	if _, waits := l.core.Due(); l.lag || !waits {
		l.touch(Live)
	}
}

// oweGrant has a grant sent. While acks come thick and fast it rides with what is
// sent anyway: a lease that was renewed a moment ago can wait. What counts is which ack it was
// renewed for: of two acks that cross, each is met by a grant for one of long before.
func (l *Link) oweGrant(clock, length time.Duration) {
	if l.owesGrant = true; clock >= l.echo {
		l.echo, l.length = clock, length
	}
	if l.echo-l.granted >= l.core.cfg.AckTimeout/16 {
		l.touch(Live)
	}
}

// renewal is how long the peer goes without an ack at the most: half of the lease that it
// gave, so that a stall of as long does not end it.
func (l *Link) renewal() time.Duration {
	timeout := l.core.cfg.AckTimeout
	return min(max(l.lasts/2, timeout/8), timeout/2)
}

// oweAsk has our vector sent. The peer answers only if something is missing for long: it
// believes that the rest is on its way.
func (l *Link) oweAsk() {
	l.sendsAsk = true
	l.touch(Delta)
}

// oweFullAsk is oweAsk, but the peer answers whatever it believes.
func (l *Link) oweFullAsk() {
	l.askIsFull = true
	l.oweAsk()
}

// touch has the writer of a lane told.
func (l *Link) touch(lane Lane) {
	if l.closed {
		return
	}
	l.dirty[lane] = true
	if !l.listed {
		l.listed = true
		l.core.dirty = append(l.core.dirty, l)
	}
}

// Next appends to buf what is to be sent on a lane now, whole messages, about limit
// bytes at the most. more says that there is, or may be, more: write these, then
// call again. On the live lane it is so whenever something was appended: that the
// writer has come back is what the open batch waits for. Without more, wait
// until TakeDirty names the lane. Next may have given other links something to send.
func (c *Core) Next(now time.Duration, l *Link, lane Lane, buf []byte, limit int) (out []byte, more bool) {
	c.step(now)
	if l.closed {
		return buf, false
	}
	if lane == Delta {
		out, more = l.nextDelta(buf, limit)
	} else {
		if c.now >= c.notYet {
			c.seal() // a writer asks for more: what has gathered goes now
		}
		out, more = l.nextLive(buf, limit)
	}
	l.dirty[lane] = false // its writer is here
	return out, more
}

func (l *Link) nextLive(buf []byte, limit int) ([]byte, bool) {
	start := len(buf)
	if l.oweBehind {
		buf, l.oweBehind = appendBehind(buf), false
	}
	if l.owesGrant {
		buf, l.owesGrant = appendGrant(buf, l.echo, l.length), false
		l.granted = l.echo
		// The peer's next ack may be far away: one of ours may as well go now, in one write,
		// and be met by its grant.
		l.owesAck = l.owesAck || l.core.now-l.beat >= l.renewal()/2
	}
	if l.owesAck {
		buf, l.owesAck = appendAck(buf, l.has(), l.core.now), false
		l.beat = l.core.now
	}
	for len(l.finds) > 0 && len(buf)-start < limit {
		buf = append(buf, l.finds[0]...)
		l.findBytes -= len(l.finds[0])
		l.finds[0], l.finds = nil, l.finds[1:]
	}
	sent := 0
	for sent < len(l.queue) && len(buf)-start < limit {
		buf = append(buf, l.queue[sent]...)
		l.queued -= len(l.queue[sent])
		sent++
	}
	if sent > 0 {
		l.queue = slices.Delete(l.queue, 0, sent)
	}
	l.idle = len(buf) == start
	return buf, !l.idle
}
