package location

import (
	"cmp"
	"strings"
	"sync"
	"unsafe"

	"herd/gossip/breath"
)

// Neighbour is a client that is near a point.
type Neighbour struct {
	ID string
	Entry
	Distance float64 // from the point, in metres
}

func (n *Neighbour) compare(m *Neighbour) int {
	return cmp.Or(cmp.Compare(n.Distance, m.Distance), strings.Compare(n.ID, m.ID))
}

// nearness is what a table keeps for questions about clients near a point.
type nearness struct {
	mu    sync.RWMutex // held to read by a question, to write by who makes or drops the grid
	grid  *grid        // nil: nobody has asked lately
	asked bool         // since the last call of RestNear; written under idle
	idle  sync.Mutex
}

// Near returns the clients within radius metres of a point in degrees, as many as limit at
// the most: the nearest first, and of those at one distance, the first by ID. The distance is
// that of [Distance]; radius counts as within. There are no seams: not at the 180th
// meridian, and not at the poles.
//
// The table goes on changing meanwhile; nobody waits for longer than a few clients take to
// be looked at. Each client is in the answer once at most, with a fix that it had while
// Near ran. A client that is there and does not move all that time is in it if it should
// be. One that moves counts where it was, or where it came to; if it came to a part of the
// world that has been looked at already from one that has not, it may be missed.
//
// The first question has to go through the whole table, and others wait for it: some
// third of a second for a million clients. From then on the table keeps account of who is
// where; see [Table.RestNear].
func (t *Table) Near(lat, lon, radius float64, limit int) []Neighbour {
	if limit <= 0 || !(radius >= 0) || !(-90 <= lat && lat <= 90) || !(-180 <= lon && lon <= 180) {
		return nil
	}
	n := &t.near
	n.idle.Lock()
	n.asked = true
	n.idle.Unlock()
	n.mu.RLock()
	for n.grid == nil || n.grid.overgrown() {
		n.mu.RUnlock()
		t.makeGrid()
		n.mu.RLock()
	}
	defer n.mu.RUnlock()
	n.grid.catchUp()
	s := search{
		table: t, grid: n.grid, from: around(lat, lon), radius: radius, limit: limit,
		worst: halfOf(radius) + beyondCell, ids: make(map[string]struct{}, min(limit, 1000)),
		ahead: heap[ahead]{before: func(a, b *ahead) bool { return a.half < b.half }},
		found: heap[Neighbour]{before: func(a, b *Neighbour) bool { return a.compare(b) > 0 }},
	}
	s.run()
	return s.result()
}

// RestNear drops what the table keeps for Near, if nobody has asked since the last call.
// It takes up to 16 bytes a client, and some time of each report. The next question is a
// first one again. It may wait for questions that are being answered.
func (t *Table) RestNear() {
	n := &t.near
	n.idle.Lock()
	asked := n.asked
	n.asked = false
	n.idle.Unlock()
	if asked {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t.dropGrid()
}

// NearBytes is the memory that the table keeps for Near; 0: nobody has asked lately.
func (t *Table) NearBytes() int {
	n := &t.near
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.grid == nil {
		return 0
	}
	n.grid.mu.RLock()
	defer n.grid.mu.RUnlock()
	return n.grid.bytes()
}

// makeGrid makes a grid if there is none, or an overgrown one.
func (t *Table) makeGrid() {
	n := &t.near
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.grid != nil && !n.grid.overgrown() {
		return // somebody was faster
	}
	t.dropGrid()
	g := newGrid(t)
	var between breath.Breath
	for i := range t.shards {
		between.Take()
		g.list(&t.shards[i])
	}
	n.grid = g
}

// dropGrid drops the grid, if there is one. The caller holds near.mu.
func (t *Table) dropGrid() {
	g := t.near.grid
	if g == nil {
		return
	}
	t.near.grid = nil
	g.end()
}

// ahead is a part of the world that may have to be looked at.
type ahead struct {
	half    float64 // of the way to its nearest point, at most beyondCell too much
	address uint32  // of its slot
	cell    cell    // of that, or above, if clients are told apart by their refs
	level   uint8
}

// search is a question that is being answered. It looks at the nearest cells first.
type search struct {
	table  *Table
	grid   *grid
	from   centre
	radius float64 // metres
	limit  int

	ahead heap[ahead]
	found heap[Neighbour] // the furthest first
	ids   map[string]struct{}
	worst float64 // half of the way to what may be good enough still, and beyondCell
}

func (s *search) run() {
	s.ahead.push(ahead{address: rootSlot})
	for len(s.ahead.items) > 0 {
		a := s.ahead.pop()
		if a.half > s.worst {
			return
		}
		s.look(&a)
	}
}

// look looks at the clients of a leaf, or puts off the quarters of a branch. What was a
// leaf may be a branch by now; then those who are there are in its quarters.
func (s *search) look(a *ahead) {
	g := s.grid
	g.mu.RLock()
	defer g.mu.RUnlock()
	value := *g.slot(a.address)
	if value == 0 {
		return
	}
	if value&leafBit != 0 {
		s.meetAll(g.leaf(value))
		return
	}
	for child := range uint32(4) {
		next := ahead{a.half, 4*value + child, a.cell, a.level + 1}
		if *g.slot(next.address) == 0 {
			continue
		}
		if a.level < cellLevels {
			next.cell = a.cell.quarter(child)
			next.half = next.cell.half(&s.from)
		}
		if next.half <= s.worst {
			s.ahead.push(next)
		}
	}
}

// meetAll meets the clients of a leaf. It first asks for all the memory that it needs.
func (s *search) meetAll(l *leaf) {
	var lines [2 * together]unsafe.Pointer
	n := 0
	for ; n < leafRefs && l[n] != 0; n++ {
		ref := l[n] - 1
		lines[2*n], lines[2*n+1] = unsafe.Pointer(s.table.owner(ref)), unsafe.Pointer(&s.table.record(ref)[0])
	}
	fetch(&lines, 2*n)
	for _, ref := range l[:n] {
		s.meet(ref - 1)
	}
}

var _ [together - leafRefs]struct{} // a leaf is asked for at once

// meet takes the client whose record is at ref, if it is good enough. The caller has the
// grid's lock.
func (s *search) meet(ref uint32) {
	t := s.table
	sh := t.owner(ref)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.record(ref)
	if sh.order(ref, r) <= t.limits.hidden.Load() {
		return
	}
	p := t.position(sh, ref)
	lat, lon := p.Degrees()
	half := s.from.half(lat, lon)
	if half > s.worst {
		return
	}
	id := r.id()
	n := Neighbour{ID: unsafe.String(unsafe.SliceData(id), len(id)), Distance: s.from.metres(half, lat, lon)}
	if n.Distance > s.radius || len(s.found.items) == s.limit && n.compare(&s.found.items[0]) >= 0 {
		return
	}
	if _, met := s.ids[n.ID]; met {
		return // it has moved since, and what came first counts
	}
	n.ID = strings.Clone(n.ID)
	t.load(sh, ref, r, &n.Entry)
	if len(s.found.items) == s.limit {
		delete(s.ids, s.found.pop().ID)
	}
	s.ids[n.ID] = struct{}{}
	s.found.push(n)
	if len(s.found.items) == s.limit {
		s.worst = min(s.worst, halfOf(s.found.items[0].Distance)+beyondCell)
	}
}

// result is what was found, the nearest first.
func (s *search) result() []Neighbour {
	all := make([]Neighbour, len(s.found.items))
	for i := len(all) - 1; i >= 0; i-- {
		all[i] = s.found.pop()
	}
	return all
}
