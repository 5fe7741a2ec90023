package replica

import (
	"fmt"
	"slices"
	"time"

	"herd/gossip/location"
)

// promises checks, as a world goes on, what a herd promises.
//
//	HELD   while M is in A's in-sync set, M holds every fix that A has acknowledged
//	READ   a node whose lease from A runs shows every fix that A has acknowledged
//	MANY   if so many peers are waited for, not all that are in, then so many hold what is
//	       acknowledged, or all that are in do. HELD and READ are not promised
//	LIVES  an acknowledged fix is held by every survivor in the end, if its origin or
//	       one member that was in sync at the ack lives on
//	READY  a ready node holds every acknowledged fix that a member it knew held when they met, and
//	       waits for each of those members that is ready, did not come with nothing and does not
//	       fill itself
//	EQUAL  when updates and faults stop, all tables are equal, and hold the greatest fix
//	       that any live node held
//	QUIET  and then deltas are empty, once what only the dead could vouch for is taken over
//	DISK   a fix that was acknowledged while the disk of its origin, or of a member that was
//	       in, was in, is held by the next process with that disk
//	KEPT   what was in a table when the disk had been given all there was, and was synced since, is
//	       held by the next process with that disk
//	OWN    a node shows what it has taken, from then on
//	BACK   what a node has shown, it shows ever after, or newer, until it is gone for good
//	ALIKE  when faults stop, all have given up the same, and no more clients are left than may be
//	FAIR   a member is put out only when a batch has been unacknowledged for an ack_timeout
//	       in which the origin ran
//	ENDS   when faults stop, every report is acknowledged, every member in, every node ready
//
// To hold a fix is to have it, or a greater one of that client; or it has expired by the
// holder's clock, or is at its floor or below: it is gone there.
type promises struct {
	world  *world
	broken string // the first promise broken, with the story
	log    []acknowledged
	acked  map[location.Origin]*[keys]*location.Fix // the greatest acknowledged, by origin
	shown  map[location.Origin]*[keys]*location.Fix // the greatest seen, by node
	lost   map[location.Origin]*[keys]*location.Fix // the greatest that was seen and then was gone
	kept   []kept
	must   [keys]*location.Fix // the greatest that a live node held when faults ended
}

// wait is a report that has not been acknowledged yet.
type wait struct {
	key    int
	fix    *location.Fix
	ticket uint64
	late   bool // the batch was acknowledged before
}

type acknowledged struct {
	key    int
	fix    *location.Fix
	origin location.Origin
	at     time.Duration
	set    []location.Origin // the origin and those who were in
	disks  []int             // slots of those of them whose disks were in
}

// kept is a batch that the network may deliver again.
type kept struct {
	from, to location.Origin
	message  []byte
}

func (p *promises) fail(format string, args ...any) {
	if p.broken == "" {
		p.broken = fmt.Sprintf("%d/%d ", p.world.seed, p.world.clock/unit) + fmt.Sprintf(format, args...)
	}
}

func (p *promises) boot(n *node) {
	if p.acked == nil {
		p.acked = map[location.Origin]*[keys]*location.Fix{}
		p.shown = map[location.Origin]*[keys]*location.Fix{}
		p.lost = map[location.Origin]*[keys]*location.Fix{}
	}
	p.acked[n.origin] = &[keys]*location.Fix{}
	p.shown[n.origin] = &[keys]*location.Fix{}
	p.lost[n.origin] = &[keys]*location.Fix{}
}

// process returns the process that is an origin, if it lives.
func (p *promises) process(o location.Origin) *node {
	for _, n := range p.world.nodes {
		if n.origin == o && n.up {
			return n
		}
	}
	return nil
}

func (p *promises) holds(n *node, key int, f *location.Fix) bool {
	e, ok := n.table.Held(clientIDs[key])
	return ok && e.Compare(f) >= 0 || p.gone(n, key, f)
}

// gone tells whether a fix has expired by n's clock, or is at its floor or below.
func (p *promises) gone(n *node, key int, f *location.Fix) bool {
	w := p.world
	return w.ttl > 0 && max(n.latest, w.wall+n.skew) >= f.Order+int64(w.ttl) || n.core.Floor().Covers(f.Order, clientIDs[key])
}

// show is what n shows of a client.
func (p *promises) show(n *node, key int) *location.Fix {
	e, ok := n.table.Get(clientIDs[key])
	before, lost := &p.shown[n.origin][key], &p.lost[n.origin][key]
	switch {
	case ok && *lost != nil && e.Compare(*lost) <= 0:
		p.fail("BACK: of client %d node %d shows %v, and %v was gone", key, n.slot, e, **lost)
	case !ok && *before == nil:
		return nil
	case !ok && p.gone(n, key, *before):
		*lost, *before = *before, nil
		return nil
	case *before == nil || ok && e.Compare(*before) > 0:
		f := e.Fix
		*before = &f
	case !ok || e.Compare(*before) < 0:
		p.fail("BACK: of client %d node %d shows %v (%v), and showed %v", key, n.slot, e, ok, **before)
	}
	return *before
}

// read has clients ask n for the clients from number least on.
func (p *promises) read(n *node, least int) {
	now := p.world.now(n)
	for key := least; key < keys; key++ {
		f := p.show(n, key)
		for _, e := range n.ends {
			if e == nil || !e.link.Leased(now) || p.world.acks > 0 {
				continue
			}
			p.world.coverage.Reads++
			if a := p.acked[e.link.Peer()][key]; a != nil && (f == nil || f.Compare(a) < 0) && !p.gone(n, key, a) {
				p.fail("READ: node %d has a lease from %d, which acknowledged %v of client %d; it shows %v",
					n.slot, e.other.at.slot, *a, key, f)
			}
		}
	}
}

// accepted: n has taken a report.
func (p *promises) accepted(n *node, key int, f *location.Fix, ticket uint64) {
	if g := p.show(n, key); (g == nil || g.Compare(f) < 0) && !p.gone(n, key, f) {
		p.fail("OWN: node %d took %v of client %d and shows %v", n.slot, *f, key, g)
	}
	if ticket == 0 && n.table.Refuses(clientIDs[key], f) {
		return // nothing is promised
	}
	n.waits = append(n.waits, wait{key, f, ticket, ticket <= n.core.Released()})
}

// released answers the clients whose batches are acknowledged.
func (p *promises) released(n *node) {
	n.waits = slices.DeleteFunc(n.waits, func(x wait) bool {
		if x.ticket > n.core.Released() {
			return false
		}
		p.acknowledge(n, x)
		return true
	})
}

func (p *promises) acknowledge(n *node, x wait) {
	w := p.world
	w.coverage.Acks++
	a := acknowledged{key: x.key, fix: x.fix, origin: n.origin, at: w.clock, set: []location.Origin{n.origin}}
	in := 0 // peers that are in and lack it
	for _, l := range n.core.links {
		switch {
		case w.acks == 0 && l.State() != In:
			continue
		case w.acks > 0 && l.Acked() < x.ticket:
			if l.State() == In {
				in++
			}
			continue
		}
		a.set = append(a.set, l.Peer())
		if m := p.process(l.Peer()); m != nil && !p.holds(m, x.key, x.fix) {
			p.fail("HELD: node %d acknowledged %v of client %d, node %d was in and lacks it", n.slot, *x.fix, x.key, m.slot)
		}
	}
	if in > 0 && len(a.set) <= w.acks && !x.late {
		p.fail("MANY: node %d acknowledged %v of client %d, which %d peers of %d have, and %d are in and lack it",
			n.slot, *x.fix, x.key, len(a.set)-1, w.acks, in)
	}
	for _, o := range a.set {
		if m := p.process(o); m != nil && w.disks[m.slot].mode == waitedFor && m.core.disk.State() == In {
			a.disks = append(a.disks, m.slot)
			w.coverage.Durable++
		}
	}
	if len(a.set) > 1 {
		w.coverage.Company++
	}
	if g := &p.acked[n.origin][x.key]; *g == nil || x.fix.Compare(*g) > 0 {
		*g = x.fix
	}
	p.log = append(p.log, a)
	for _, m := range w.nodes {
		if w.acks > 0 {
			break
		}
		if e := m.ends[n.slot]; e != nil && w.awake(m) && e.link.Peer() == n.origin && e.link.Leased(w.now(m)) && !p.holds(m, x.key, x.fix) {
			p.fail("READ: node %d acknowledged %v of client %d, node %d has a lease and lacks it", n.slot, *x.fix, x.key, m.slot)
		}
	}
}

// loaded: n has begun with what the disk of its slot has kept.
func (p *promises) loaded(n *node) {
	for i := range p.log {
		a := &p.log[i]
		if !slices.Contains(a.disks, n.slot) || a.at <= p.world.disks[n.slot].hurt {
			continue
		}
		if !p.holds(n, a.key, a.fix) {
			p.fail("DISK: node %d has come back without %v of client %d, acknowledged by %d at %d", n.slot, *a.fix, a.key, a.origin, a.at/unit)
		}
		if !slices.Contains(a.set, n.origin) {
			a.set = append(a.set, n.origin)
		}
	}
}

// restored: n has begun with a disk that had kept these.
func (p *promises) restored(n *node, kept *[keys]*location.Fix) {
	for key, f := range kept {
		if f != nil && !p.holds(n, key, f) {
			p.fail("KEPT: node %d has come back without %v of client %d", n.slot, *f, key)
		}
	}
}

// entered: n has taken a member into its in-sync set.
func (p *promises) entered(n *node, o location.Origin) {
	m := p.process(o)
	if m == nil || p.world.acks > 0 {
		return
	}
	for key, f := range p.acked[n.origin] {
		if f != nil && !p.holds(m, key, f) {
			p.fail("HELD: node %d takes in node %d, which lacks %v of client %d", n.slot, m.slot, *f, key)
		}
	}
}

// sealed notes at what age of n its batches were sealed.
func (p *promises) sealed(n *node) {
	for uint64(len(n.sealed)) < n.core.Sealed() {
		n.sealed = append(n.sealed, n.ran)
	}
}

// left: n has put a member out.
func (p *promises) left(n *node, o location.Origin) {
	timeout := p.world.timeouts[n.slot]
	slack := 4 * timeout / 10 // a step may count a tenth of a pause
	for _, l := range n.core.links {
		if l.Peer() != o {
			continue
		}
		if ran := n.ran - n.sealed[l.Acked()]; ran+slack < timeout {
			p.fail("FAIR: node %d put out %d after running %d of %d", n.slot, o, ran/unit, timeout/unit)
		}
	}
}

// found: a peer has answered a look-up.
func (p *promises) found(n *node, lookup uint64) {
	key, ok := n.lookups[lookup]
	if !ok {
		p.fail("ERROR: node %d: an answer to look-up %d, which is none", n.slot, lookup)
	}
	delete(n.lookups, lookup)
	if p.show(n, key) != nil {
		p.world.coverage.Finds++
	}
}

// becomeReady makes n ready if all that it knows of have answered and vouch for it.
func (p *promises) becomeReady(n *node) {
	w := p.world
	if n.ready {
		return
	}
	links, met := 0, false
	for slot, e := range n.ends {
		if e == nil {
			if !w.mutant.readyOnFirst && slot != n.slot && w.joined(n.slot, slot) && w.nodes[slot].up && w.clock >= w.meet[n.slot][slot] {
				return // it knows that node and has no session yet
			}
			continue
		}
		links++
		if e.link.Met() && w.mutant.readyOnFirst {
			met = true
			break
		}
		if !w.mutant.readyOnFirst && (!e.link.Met() || !e.link.Leased(w.now(n)) || !e.link.Counts()) {
			w.after(n) // Met may have something to tell
			return
		}
	}
	w.after(n)
	if links == 0 || w.mutant.readyOnFirst && !met {
		return
	}
	n.ready = true
	w.coverage.Readies++
	for _, e := range n.ends {
		if e == nil || e.link.State() == In || n.core.silent || w.mutant.readyOnFirst {
			continue
		}
		if m := p.process(e.link.Peer()); m != nil && m.ready && !e.other.fills {
			p.fail("READY: node %d is ready and has yet to take in node %d, which is ready", n.slot, m.slot)
		}
	}
	for _, a := range p.log {
		for _, e := range n.ends {
			if e == nil || p.holds(n, a.key, a.fix) {
				continue
			}
			peer := e.link.Peer()
			after := e.opened > a.at
			if a.origin == peer && (after || w.acks == 0) || slices.Contains(a.set, peer) && after {
				p.fail("READY: node %d is ready without %v of client %d, which node %d held when they met",
					n.slot, *a.fix, a.key, e.other.at.slot)
			}
		}
	}
}

// keep has a batch that goes to e delivered again, some time.
func (p *promises) keep(e *end, message []byte) {
	if len(p.kept) >= 8 {
		p.kept = p.kept[1:]
	}
	p.kept = append(p.kept, kept{e.link.Peer(), e.at.origin, slices.Clone(message)})
}

func (p *promises) live() []*node {
	var live []*node
	for _, n := range p.world.nodes {
		if n.up {
			live = append(live, n)
		}
	}
	return live
}

func (p *promises) faultsEnded() {
	for _, n := range p.live() {
		for key := range keys {
			if e, ok := n.table.Held(clientIDs[key]); ok && (p.must[key] == nil || e.Compare(p.must[key]) > 0) {
				p.must[key] = &e.Fix
			}
		}
	}
}

// unsettled names the first promise about the end that does not hold yet.
func (p *promises) unsettled() string {
	live := p.live()
	gone := func(key int, f *location.Fix) bool {
		return slices.ContainsFunc(live, func(n *node) bool { return p.gone(n, key, f) })
	}
	for _, n := range live {
		most := p.world.limits[n.slot]
		if most > 0 && p.world.bytes {
			most = n.table.Fits(p.world.limitsOf(n.slot).Bytes)
		}
		if most > 0 && n.table.Len() > most {
			return fmt.Sprintf("ALIKE: node %d has %d clients of %d", n.slot, n.table.Len(), most)
		}
		if f, g := n.core.Floor(), live[0].core.Floor(); f != g {
			return fmt.Sprintf("ALIKE: node %d has the floor %v, node %d %v", n.slot, f, live[0].slot, g)
		}
		for key, f := range p.must {
			if f != nil && !p.holds(n, key, f) && !gone(key, f) {
				return fmt.Sprintf("EQUAL: node %d lacks %v of client %d", n.slot, *f, key)
			}
		}
	}
	for _, a := range live {
		for _, b := range live {
			for key := range keys {
				e, ok := a.table.Held(clientIDs[key])
				f, _ := b.table.Held(clientIDs[key])
				ok = ok && !gone(key, &e.Fix)
				if ok && e.Compare(&f.Fix) != 0 {
					return fmt.Sprintf("EQUAL: of client %d node %d has %v, node %d %v", key, a.slot, e, b.slot, f)
				}
				if ok && a != b && p.world.gone < time.Hour && !b.core.vector.CoversDot(e.Dot) {
					return fmt.Sprintf("QUIET: node %d would send node %d %v of client %d for ever", a.slot, b.slot, e, key)
				}
			}
		}
	}
	for _, a := range p.log {
		if !slices.ContainsFunc(live, func(n *node) bool { return slices.Contains(a.set, n.origin) }) {
			continue
		}
		for _, n := range live {
			if !p.holds(n, a.key, a.fix) && !gone(a.key, a.fix) {
				return fmt.Sprintf("LIVES: node %d lacks %v of client %d, acknowledged at %d by %v", n.slot, *a.fix, a.key, a.at/unit, a.set)
			}
		}
	}
	return p.unfinished(live)
}

func (p *promises) unfinished(live []*node) string {
	for _, a := range live {
		if len(a.waits) > 0 {
			return fmt.Sprintf("ENDS: node %d has %d reports unacknowledged", a.slot, len(a.waits))
		}
		for _, b := range live {
			if e := a.ends[b.slot]; a != b && (e == nil || e.link.State() != In) {
				return fmt.Sprintf("ENDS: node %d does not take in node %d", a.slot, b.slot)
			}
		}
		if !a.ready && len(live) > 1 {
			return fmt.Sprintf("ENDS: node %d does not become ready", a.slot)
		}
	}
	return ""
}
