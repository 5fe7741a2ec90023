package simnet

import (
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Bounds of the simulated machines.
const (
	window      = 256 << 10       // bytes of one direction of a stream that are written and not read; then the writer waits
	packetQueue = 1024            // packets that wait to be read; then they are dropped
	maxPacket   = 65507           // bytes of a packet
	backlog     = 128             // streams that wait to be accepted; then dials are refused
	firstPort   = 49152           // of the ports given out for port 0 and for dials
	dialLimit   = 2 * time.Minute // what a dial waits at the most, whatever its context says

	retransmit = 200 * time.Millisecond // what a lost segment of a stream costs
)

// Link is what happens to what goes from one host to another. Chances are 0..1.
type Link struct {
	Latency   time.Duration // every packet and segment takes this long
	Jitter    time.Duration // and up to this much longer
	Loss      float64       // chance that a packet is lost. A segment of a stream comes 200 ms later instead
	Duplicate float64       // chance that a packet comes twice
	Reorder   float64       // chance that a packet is held back so that later ones overtake it. Streams keep their order
}

// Stats counts what the network did.
type Stats struct {
	Packets           uint64 // sent
	PacketBytes       uint64 // sent
	PacketsDelivered  uint64 // put into a receiver's queue, duplicates included
	PacketsLost       uint64 // by chance
	PacketsCut        uint64 // by a cut, or by the sender's pause
	PacketsUnheard    uint64 // nobody listened, or the host was killed
	PacketsOverflowed uint64 // the receiver's queue was full
	Dials             uint64
	DialsRefused      uint64
	StreamBytes       uint64 // arrived, whether read or not
}

// Net is a network. It is safe for concurrent use.
type Net struct {
	seed uint64

	mu      sync.Mutex // guards everything below, and all hosts, listeners, sockets and streams
	hosts   map[netip.Addr]*Host
	link    Link // of pairs not in links
	paths   map[pair]*path
	side    map[netip.Addr]int
	paused  map[netip.Addr]bool
	held    map[*flow]struct{} // flows with segments whose time came during a cut or a pause
	changed chan struct{}      // closed and replaced when cuts or pauses change or a host comes up
	stats   Stats
}

// pair is a direction between two hosts.
type pair struct{ from, to netip.Addr }

// path is what a Net knows of a direction. Packets and streams draw from sources
// of their own, so that neither shifts the fate of the other.
type path struct {
	link    *Link // nil: the Net's
	cut     bool
	packets *rand.Rand
	streams *rand.Rand
	way     []packet    // under way, by the time of arrival; those of one time in the order in which they were sent
	timer   *time.Timer // goes off when the first of them arrives; nil: there was none yet
}

// New makes a network of instant, perfect links.
func New(seed uint64) *Net {
	return &Net{
		seed:    seed,
		hosts:   make(map[netip.Addr]*Host),
		paths:   make(map[pair]*path),
		side:    make(map[netip.Addr]int),
		paused:  make(map[netip.Addr]bool),
		held:    make(map[*flow]struct{}),
		changed: make(chan struct{}),
	}
}

// Host returns the live host at ip, "10.0.0.1", and makes it if there is none or
// it was killed. It panics if ip is no IP address.
func (n *Net) Host(ip string) *Host {
	addr := netip.MustParseAddr(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[addr]
	if h == nil || h.killed {
		h = newHost(n, addr)
		n.hosts[addr] = h
		n.changedLocked() // dials may wait for it
	}
	return h
}

// SetLinks sets the link of every pair of hosts, those set by SetLink included.
func (n *Net) SetLinks(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link = l
	for _, p := range n.paths {
		p.link = nil
	}
}

// SetLink sets the link in one direction.
func (n *Net) SetLink(from, to string, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pathLocked(netip.MustParseAddr(from), netip.MustParseAddr(to)).link = &l
}

// Partition cuts the network into groups of hosts that hear only each other. Hosts that
// are in no group form one more. It replaces the partition there was.
func (n *Net) Partition(groups ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.side)
	for i, group := range groups {
		for _, ip := range group {
			n.side[netip.MustParseAddr(ip)] = i + 1
		}
	}
	n.changedLocked()
}

// Cut silences one direction: to no longer hears from.
func (n *Net) Cut(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pathLocked(netip.MustParseAddr(from), netip.MustParseAddr(to)).cut = true
	n.changedLocked()
}

// Mend ends the cut of one direction. A partition stays.
func (n *Net) Mend(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pathLocked(netip.MustParseAddr(from), netip.MustParseAddr(to)).cut = false
	n.changedLocked()
}

// Pause has a host stand still: see the package comment.
func (n *Net) Pause(ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused[netip.MustParseAddr(ip)] = true
}

// Resume ends a pause.
func (n *Net) Resume(ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr := netip.MustParseAddr(ip)
	delete(n.paused, addr)
	if h := n.hosts[addr]; h != nil {
		for _, s := range h.sockets {
			s.cond.Broadcast()
		}
	}
	n.changedLocked()
}

// Heal ends the partition and all cuts. Links stay as they are set, and who is
// paused stays so.
func (n *Net) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.side)
	for _, p := range n.paths {
		p.cut = false
	}
	n.changedLocked()
}

// Stats is what happened so far.
func (n *Net) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// changedLocked lets flow what was held and is no longer cut.
func (n *Net) changedLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
	for f := range n.held {
		f.arriveLocked()
	}
}

// after has f be called at a time, with mu held, and returns the timer for that. t is the one that it has
// returned for f before; nil: it has not.
func (n *Net) after(t *time.Timer, at time.Time, f func()) *time.Timer {
	if t != nil {
		t.Reset(time.Until(at))
		return t
	}
	return time.AfterFunc(time.Until(at), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		f()
	})
}

// stillLocked tells whether what goes in a direction has to wait for a host that is paused.
func (n *Net) stillLocked(from, to netip.Addr) bool { return n.paused[from] || n.paused[to] }

func (n *Net) cutLocked(from, to netip.Addr) bool {
	return n.side[from] != n.side[to] || n.pathLocked(from, to).cut
}

func (n *Net) pathLocked(from, to netip.Addr) *path {
	key := pair{from, to}
	p := n.paths[key]
	if p == nil {
		h := fnv.New64a()
		h.Write([]byte(from.String() + ">" + to.String()))
		p = &path{packets: rand.New(rand.NewPCG(n.seed, h.Sum64())), streams: rand.New(rand.NewPCG(n.seed, ^h.Sum64()))}
		n.paths[key] = p
	}
	return p
}

// linkLocked is the link in a direction.
func (n *Net) linkLocked(from, to netip.Addr) (Link, *path) {
	p := n.pathLocked(from, to)
	if p.link != nil {
		return *p.link, p
	}
	return n.link, p
}

// segmentDelayLocked is how long a segment of a stream takes in a direction.
func (n *Net) segmentDelayLocked(from, to netip.Addr) time.Duration {
	link, p := n.linkLocked(from, to)
	return link.reliableDelay(p.streams)
}

// delay is how long something takes on the link.
func (l Link) delay(rng *rand.Rand) time.Duration {
	return l.Latency + upTo(l.Jitter, rng)
}

// reliableDelay is how long a segment takes that is sent again until it comes,
// after twice the wait each time.
func (l Link) reliableDelay(rng *rand.Rand) time.Duration {
	d, luck := l.delay(rng), rng.Float64()
	for wait, p := retransmit, l.Loss; wait < dialLimit && luck < p; wait, p = wait*2, p*l.Loss {
		d += wait
	}
	return d
}

// upTo is a random duration from 0 to d. It draws once, whatever d is, so that
// a changed link does not shift the fate of all that follows.
func upTo(d time.Duration, rng *rand.Rand) time.Duration {
	return time.Duration(rng.Float64() * float64(d))
}

func chance(p float64, rng *rand.Rand) bool { return rng.Float64() < p }
