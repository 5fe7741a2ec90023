package gossip

import (
	"bufio"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/sockerr"
)

const readBuffer = 64 << 10

// link is a session with a peer: two streams that live and die together, and the
// core's end of them.
type link struct {
	// Static after construction.
	cluster *Cluster
	peer    location.Origin
	name    string // as the peer proved it
	id      string // memberlist's name of it
	version byte   // of the session
	smaller bool   // the end with the smaller origin has dialed
	opened  time.Time
	addr    string
	streams [2]*stream    // by replica.Lane
	done    chan struct{} // closed by end

	core *replica.Link // but for Prepare and Scan under cluster.mu

	// Guarded by cluster.mu.
	level   bool        // see evenLocked; it was so once
	states  []stateLink // as cluster.states; nil: the peer takes none
	turn    int         // of which of them it is to be sent next
	clock   clockLink
	audit   auditLink
	strange time.Time // since when the peer is no live member; zero: it is one
	unseen  bool      // the peer has last said that it does not see this node among the living

	out    [2]outgoing     // by lane
	said   chan struct{}   // one slot for each lane: goodbye was said on it
	heard  [2]atomic.Int64 // by lane: run time of the cluster when it last brought something; see ear
	once   sync.Once
	reason error // why it ended; set before done is closed
}

// Reasons of this end to give a link up.
var (
	errSilent   = errors.New("the peer is silent")
	errReplaced = errors.New("the peer has opened another session")
	errClosing  = errors.New("this node is closing")
)

// crossing is how close two sessions of a pair must follow each other for both ends
// to have dialed at the same time.
const crossing = time.Second

// openLink begins the session and its goroutines. It takes the place of the one
// there was, for a peer that dials has lost that. But of two that crossed the one
// that was dialed by the smaller origin stands, at both ends, in whatever order
// they came.
func (c *Cluster) openLink(peer location.Origin, addr string, dialed bool, version byte, live, delta *stream) {
	l := &link{
		cluster: c, peer: peer, name: live.PeerName(), addr: addr,
		id:      Meta{Name: live.PeerName(), Origin: peer}.id(),
		streams: [2]*stream{replica.Live: live, replica.Delta: delta},
		done:    make(chan struct{}),
		version: version,
		smaller: dialed == (c.self.Origin < peer),
		opened:  time.Now(),
		clock:   clockLink{owed: true},
		said:    make(chan struct{}, 2),
	}
	for lane := range l.heard {
		l.heard[lane].Store(c.ran.Load())
		l.out[lane].wake = make(chan struct{}, 1)
		l.out[lane].wake <- struct{}{}
	}
	c.mu.Lock()
	old := c.links[peer]
	if c.closed || c.crowdedLocked(peer) || old != nil && old.smaller && !l.smaller && time.Since(old.opened) < crossing {
		c.mu.Unlock()
		live.Close()
		delta.Close()
		return
	}
	if old != nil {
		// It may not know yet, and then it still trusts the lease it has from us.
		c.endLocked(old, errReplaced, true)
	}
	if !c.seesLocked(peer) {
		l.strange = l.opened
	}
	l.core = c.core.Open(c.now(), peer)
	if version >= floorVersion {
		l.core.KnowFloors()
	}
	if version >= sharingVersion {
		l.states = make([]stateLink, len(c.states))
		for i := range l.states {
			l.states[i].owed = true
		}
		offer(c.owing, struct{}{})
	}
	c.links[peer] = l
	c.judgeByLocked()
	c.stats.sessions++
	for _, lane := range []replica.Lane{replica.Live, replica.Delta} {
		c.wg.Go(func() { l.end(l.read(lane)) })
		c.wg.Go(func() { l.end(l.write(lane)) })
	}
	c.tell(linkMade{l.name, addr, peer})
	c.afterLocked()
	c.mu.Unlock()
	c.nudge()
}

// end ends the session, for the first reason it is called with.
func (l *link) end(err error) {
	c := l.cluster
	c.mu.Lock()
	c.endLocked(l, err, !peerEnded(err))
	c.mu.Unlock()
}

// endLocked tells the core, then closes the streams: the lease that the peer gave us
// must be dropped before the peer can see that we are gone.
func (c *Cluster) endLocked(l *link, err error, gaveUp bool) {
	l.once.Do(func() {
		c.core.Close(c.now(), l.core, gaveUp)
		if c.links[l.peer] == l {
			delete(c.links, l.peer)
		}
		l.reason = err
		close(l.done)
		c.stats.sessionsLost++
		if errors.Is(err, replica.ErrMessage) {
			c.quarantineLocked(l.peer)
		}
		c.afterLocked()
		for _, s := range l.streams {
			c.wg.Go(func() { s.Close() })
		}
		c.tell(linkLost{l.name, l.addr, l.peer, err})
		c.nudge()
	})
}

// peerEnded tells whether a stream ended because the peer closed it, or because
// its process is gone. A time-out is neither: the peer may be there and believe in
// the session.
func peerEnded(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		sockerr.Is(err, syscall.ECONNRESET) || sockerr.Is(err, syscall.EPIPE)
}

// messageTime is how long a message may be on its way with no end, in which the parts of it
// show that the peer lives. A report of a mebibyte comes in time at 4 KiB/s.
const messageTime = 5 * time.Minute

// ear is what a lane is read through, by its reader alone. It takes note of each part of a
// message that comes: on a slow line the whole may take longer than a peer may be silent. A part
// is a record of TLS, so nobody on the way can feign one.
type ear struct {
	lane  io.Reader
	ran   *atomic.Int64 // run time of the cluster
	heard *atomic.Int64 // the link's
	whole int64         // run time when the last message had come
}

// Read is for a bufio.Reader.
func (e *ear) Read(b []byte) (n int, err error) {
	n, err = e.lane.Read(b)
	if ran := e.ran.Load(); n > 0 && time.Duration(ran-e.whole) < messageTime {
		e.heard.Store(ran)
	}
	return n, err
}

// message takes note that a whole message has come.
func (e *ear) message() {
	e.whole = e.ran.Load()
	e.heard.Store(e.whole)
}

// read takes messages off a lane until it ends. What has come together is merged under
// one hold of the lock and acknowledged at once.
func (l *link) read(lane replica.Lane) error {
	c := l.cluster
	ear := &ear{lane: l.streams[lane], ran: &c.ran, heard: &l.heard[lane], whole: c.ran.Load()}
	r := bufio.NewReaderSize(ear, readBuffer)
	var buf []byte
	for {
		message, err := replica.ReadMessage(r, buf)
		if err != nil {
			return err
		}
		buf = message
		ear.message()
		if l.isOurs(lane, message) {
			err = l.receiveOurs(message)
		} else {
			err = l.receive(lane, message, r)
		}
		if err != nil {
			return err
		}
		if cap(buf) > keepBuffer {
			buf = nil
		}
	}
}

// receive gives the core a message, and those of its own that have come with it. Their
// fixes are merged before the lock is taken.
func (l *link) receive(lane replica.Lane, message []byte, r *bufio.Reader) error {
	c := l.cluster
	l.core.Prepare(lane, message)
	together, _ := r.Peek(r.Buffered())
	n := 0
	for m, rest := replica.Split(together); m != nil && !l.isOurs(lane, m); m, rest = replica.Split(rest) {
		l.core.Prepare(lane, m)
		n += frameHeader + len(m)
	}
	c.mu.Lock()
	err := c.core.Receive(c.now(), l.core, lane, message)
	for together = together[:n]; err == nil && len(together) > 0; {
		message, together = replica.Split(together)
		err = c.core.Receive(c.now(), l.core, lane, message)
	}
	c.core.TakeArrived(c.countAges)
	c.unlock()   // with acks of what came
	r.Discard(n) // they are there
	return err
}

func (l *link) receiveOurs(message []byte) error {
	switch {
	case isSign(message):
		if message[0] == goodbye[frameHeader] {
			l.cluster.members.leaves(l.peer)
		}
		return nil
	case message[0] == kindNote:
		return l.receiveNote(message)
	case message[0] == kindAudit:
		return l.receiveAudit(message)
	}
	return l.receiveState(message)
}

// countAges takes note of how old fixes are that have just been merged.
func (c *Cluster) countAges(received []int64) {
	c.propagation.arrivals(c.wall().UnixNano(), received)
}

// silence is how long a peer may send nothing on a lane: it owes an ack each half of
// the ack timeout, and a sign of life on the other lane. Long enough for two lost segments in
// a row, short enough that a cut does not leave TCP in a pause longer than the cut. What is on its
// way counts: see ear.
func silence(ackTimeout time.Duration) time.Duration { return max(2*time.Second, 8*ackTimeout) }
