package replica

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"herd/gossip/location"
)

// A world is a herd of four real Cores between which everything is decided by one
// random source: what is reported, what is written, delivered, cut, killed and
// paused, and when. The same seed is the same history, bit for bit.
//
// Its clock moves in steps of a millisecond. Time-outs are chosen so that a message
// takes a good part of them.
type world struct {
	seed   uint64
	rand   *rand.Rand
	mutant mutant
	hash   hash.Hash64 // of the history, if wanted

	clock     time.Duration // the same instant for all
	wall      int64         // nanoseconds since the epoch; each node's clock is beside it
	nodes     [slots]*node
	gone      time.Duration        // after which orphans are taken over
	timeouts  [slots]time.Duration // ack timeouts
	acks      int                  // peers that are waited for; zero: all that are in
	queue     int                  // bytes that a peer's queue holds
	stripes   int                  // of the open batch
	reporting bool                 // also while a batch is sealed
	gapPeers  int                  // beyond so many peers batches keep a gap
	ttl       time.Duration        // zero: nothing expires
	diskful   bool                 // some nodes have disks
	disks     [slots]disk
	limits    [slots]int                  // clients that a node keeps; zero: all
	bytes     bool                        // it keeps as many as fit into the memory of about so many
	cut       [slots][slots]bool          // what one sends does not reach the other
	meet      [slots][slots]time.Duration // when two slots hear of each other
	last      [keys]*location.Fix         // the client's last report
	recent    [4]int                      // clients that reported
	born      location.Origin             // the last process started

	promises
	coverage coverage
}

const (
	slots = 4
	keys  = 40

	unit        = time.Millisecond
	ackTimeout  = 60 * unit // most often
	goneAfter   = 100 * unit
	clientAhead = 30 * unit
	skew        = 8 // units by which a node's clock may be wrong, either way
	grace       = (2*skew + 1) * unit
	wrong       = 40 * int64(unit) // what a wrong clock is ahead
	ttl         = 80 * unit        // where fixes expire
	limit       = 25               // where clients are evicted
	emptyBytes  = 17_600           // that an empty table takes
	clientBytes = 100              // and each client, who is not odd

	faultSteps  = 250
	settleSteps = 1000
	actions     = 10 // in a step

	chunkBytes  = 260 // four or five fixes
	writeBytes  = 300 // what a writer takes at a time
	kernelBytes = 500 // what a connection takes before its writer blocks
)

// node is one process in its slot.
type node struct {
	slot   int
	origin location.Origin
	core   *Core
	table  *location.Table
	up     bool
	ready  bool
	asleep time.Duration // stopped until then
	mute   bool          // and what it had written does not leave either
	skew   int64         // of its wall clock
	astray time.Duration // its clock is wrong until then
	latest int64         // greatest time that it has shown
	zero   time.Duration // the instant its monotonic clock counts from
	ticked time.Duration
	ran    time.Duration   // time in which it was awake
	sealed []time.Duration // its ran when it sealed each batch

	ends  [slots]*end
	calls [slots]*end // ends of sessions that another has opened and this one has not yet
	waits []wait

	lookups map[uint64]int // number of a look-up and the key it is for
	lookup  uint64
}

var (
	clientIDs [keys][]byte
	nodeNames = [slots]string{"Bailey", "Bona", "Campbell", "Clark"}
	places    [64]location.Position
)

func init() {
	for i := range clientIDs {
		clientIDs[i] = fmt.Appendf(nil, "client-%d", i)
	}
	for i := range places {
		text := fmt.Sprintf("%+d.%0*d%+d", i-32, 1+i%20, i, 180-5*i) // some are kept as text
		p, err := location.ParsePosition([]byte(text))
		if err != nil {
			panic(err)
		}
		places[i] = p
	}
}

func newWorld(seed uint64, m mutant) *world {
	w := &world{seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), mutant: m, wall: 1e18, reporting: true}
	w.promises.world = w
	w.queue = []int{300, 500, 3000}[w.rand.IntN(3)]
	w.stripes = 1 << w.rand.IntN(3)
	w.gapPeers = 1 + w.rand.IntN(4) // three: none of them does
	w.bytes = seed%8 == 5
	if seed%4 == 3 {
		w.acks = 1 + int(seed/4%slots) // at times more than there are
	}
	if w.gone = goneAfter; w.rand.IntN(2) == 0 {
		w.gone = time.Hour // what is acknowledged must not need it
	}
	unequal := w.rand.IntN(8) == 0 // somebody has not read the manual
	for slot := range slots {
		w.timeouts[slot] = ackTimeout
		if unequal {
			w.timeouts[slot] += time.Duration(w.rand.IntN(3)-1) * 20 * unit
		}
	}
	if w.rand.IntN(4) == 0 {
		w.ttl = ttl
	}
	if w.rand.IntN(3) == 0 {
		unequal := w.rand.IntN(3) == 0
		for slot := range slots {
			if w.limits[slot] = limit; unequal {
				w.limits[slot] += w.rand.IntN(11) - 5
			}
		}
	}
	if w.diskful = w.rand.IntN(3) == 0; w.diskful {
		for slot := range slots {
			w.disks[slot].mode = diskMode(w.rand.IntN(3))
		}
	}
	for slot := range slots {
		w.boot(slot)
	}
	return w
}

// boot starts an empty process in a slot.
func (w *world) boot(slot int) {
	w.born++
	n := &node{
		slot:    slot,
		origin:  location.Origin(w.rand.Uint64())<<8 | w.born, // no order in them
		up:      true,
		skew:    int64(w.rand.IntN(2*skew+1)-skew) * int64(unit),
		zero:    w.clock - time.Duration(w.rand.IntN(1000))*unit,
		lookups: map[uint64]int{},
	}
	n.latest = w.wall + n.skew
	n.table = location.NewTable(8, w.seed)
	n.core = New(Config{
		Self: n.origin, Name: nodeNames[slot], Table: n.table,
		AckTimeout: w.timeouts[slot], Acks: w.acks, GoneAfter: w.gone, CompareEvery: 20 * unit,
		QueueBytes: w.queue, ChunkBytes: chunkBytes, Stripes: w.stripes, Seed: w.seed,
		GapPeers: w.gapPeers, GapEach: 2 * unit,
		Limits: w.limitsOf(slot), Grace: grace,
		Wall: func() time.Time { return time.Unix(0, w.wall+n.skew) },
	})
	n.core.mutant = w.mutant
	n.core.open.between = func(i int) {
		if w.reporting && i+1 < w.stripes {
			w.sealing(n)
		}
	}
	n.core.budget = 12
	n.core.trim.budget, n.core.trim.every = 15, 5*unit
	for other := range slots {
		at := w.clock
		if w.rand.IntN(3) == 0 {
			at += time.Duration(w.rand.IntN(150)) * unit
		}
		w.meet[slot][other], w.meet[other][slot] = at, at
	}
	w.nodes[slot] = n
	w.promises.boot(n)
	w.coverage.Boots++
	w.load(n)
}

// limitsOf are the limits of the node in a slot.
func (w *world) limitsOf(slot int) Limits {
	if w.bytes && w.limits[slot] > 0 {
		return Limits{TTL: w.ttl, Bytes: int64(emptyBytes + w.limits[slot]*clientBytes)}
	}
	return Limits{TTL: w.ttl, MaxClients: int64(w.limits[slot])}
}

func (w *world) now(n *node) time.Duration { return w.clock - n.zero }
func (w *world) awake(n *node) bool        { return n.up && n.asleep <= w.clock }

// joined tells whether both ends of a cable are in.
func (w *world) joined(a, b int) bool { return !w.cut[a][b] && !w.cut[b][a] }

// run plays the schedule and returns the first promise broken, or "".
func (w *world) run() string {
	for i := 0; i < faultSteps && w.broken == ""; i++ {
		w.step(true)
	}
	if w.broken == "" {
		w.settle()
	}
	for _, n := range w.nodes {
		w.coverage.count(n.core)
	}
	return w.broken
}

// settle ends all faults and gives the herd time to become equal, and to stay so.
func (w *world) settle() {
	w.reporting = false
	if w.diskful && w.rand.IntN(2) == 0 {
		w.powerCut()
	}
	if w.rand.IntN(2) == 0 {
		for range 1 + w.rand.IntN(2) {
			w.kill(w.nodes[w.rand.IntN(slots)])
		}
	}
	w.cut = [slots][slots]bool{}
	for _, n := range w.nodes {
		n.asleep = 0
		w.setClock(n, true)
		w.wall = max(w.wall, n.latest-n.skew) // it will be heard again
	}
	w.promises.faultsEnded()
	again := 100 // steps from the first time that all is well to the second look
	if w.rand.IntN(32) == 0 {
		again = 1200 // all that a gone origin leaves is swept, more than once
	}
	unsettled := "?"
	for i := 0; i < settleSteps && w.broken == ""; i++ {
		if i%40 == 39 {
			if unsettled = w.promises.unsettled(); unsettled == "" {
				break
			}
		}
		w.step(false)
	}
	for i := 0; i < again && unsettled == "" && w.broken == ""; i++ {
		w.step(false)
	}
	if unsettled == "" {
		unsettled = w.promises.unsettled()
	}
	if unsettled != "" {
		w.fail("%s", unsettled)
	}
}

func (w *world) step(faults bool) {
	w.clock += unit
	if faults || w.ttl == 0 { // else nothing would be left in the end
		w.wall += int64(unit)
	}
	for _, n := range w.nodes {
		w.setClock(n, n.astray <= w.clock)
		if w.awake(n) {
			n.ran += unit
			n.latest = max(n.latest, w.wall+n.skew)
		}
		if w.awake(n) && (w.clock-n.ticked >= 4*unit || w.rand.IntN(4) == 0) {
			n.ticked = w.clock
			n.core.Tick(w.now(n))
			w.after(n)
		}
		if w.awake(n) && (w.ttl > 0 || w.limits[n.slot] > 0) && w.rand.IntN(3) == 0 {
			n.core.Trim(w.now(n))
		}
		if w.awake(n) && w.disks[n.slot].mode != diskless && w.rand.IntN(2) == 0 {
			w.disk(n, faults)
		}
	}
	w.sessions(faults)
	for i := 0; i < actions && w.broken == ""; i++ {
		w.act(w.nodes[w.rand.IntN(slots)], w.rand.IntN(slots), faults)
	}
	if faults && w.broken == "" {
		w.fault()
	}
}

// act has node n do something, perhaps with the peer in a slot.
func (w *world) act(n *node, peer int, faults bool) {
	if !n.up {
		return
	}
	e, x := n.ends[peer], w.rand.IntN(100)
	lane := Lane(x & 1)
	if !w.awake(n) {
		if e != nil && x < 50 {
			w.deliver(e, lane)
		}
		return
	}
	switch {
	case x < 6 && faults:
		w.report(n)
	case x < 70:
		if e != nil {
			w.write(e, lane)
			for i := w.rand.IntN(8); i > 0; i-- {
				w.deliver(e, lane)
			}
		}
	case x < 76:
		if e != nil {
			w.write(e, lane)
		}
	case x < 88:
		if e != nil {
			w.deliver(e, lane)
		}
	case x < 91:
		if e != nil {
			w.find(n, e)
		}
	case x < 94:
		if e != nil && faults {
			w.repeat(e)
		}
	case x < 98:
		w.promises.becomeReady(n)
	default:
		w.promises.read(n, w.rand.IntN(keys))
	}
}

// after does what the owner of a Core does after each call.
func (w *world) after(n *node) {
	n.core.TakeDirty(func(l *Link, lane Lane) {
		for _, e := range n.ends {
			if e != nil && e.link == l {
				e.wake[lane] = true
			}
		}
	})
	w.promises.sealed(n)
	w.promises.released(n)
	for _, ev := range n.core.TakeEvents() {
		w.note(n, uint64(ev.Kind), uint64(ev.Origin))
		switch ev.Kind {
		case MemberOut:
			w.promises.left(n, ev.Origin)
		case MemberIn:
			w.promises.entered(n, ev.Origin)
		case Found:
			w.promises.found(n, ev.Lookup)
		}
	}
	w.note(n, n.core.Released(), n.core.Sealed())
}

// note adds to the history.
func (w *world) note(n *node, what ...uint64) {
	if w.hash == nil {
		return
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(w.clock))
	b = append(b, byte(n.slot))
	for _, x := range what {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	w.hash.Write(b)
}

// simulate plays one schedule.
func simulate(seed uint64, m mutant) (broken string, c coverage) {
	w := newWorld(seed, m)
	return w.run(), w.coverage
}

// history is a hash of all that happened in a schedule.
func history(seed uint64) uint64 {
	w := newWorld(seed, mutant{})
	w.hash = fnv.New64a()
	w.run()
	return w.hash.Sum64()
}

// promiseOf is the promise that a failure names.
func promiseOf(broken string) string {
	_, broken, _ = strings.Cut(broken, " ")
	name, _, _ := strings.Cut(broken, ":")
	return name
}
