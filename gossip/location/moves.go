package location

import (
	"sync"
	"unsafe"
)

// A client that leaves its leaf, or is new, is put where it belongs later, together with
// others: one by one, most of the time would go by waiting for memory. Until then its
// record has one of these for a level.
const (
	levelAway    = cellLevels + 1 // it is in the leaf that it has left
	levelNowhere = cellLevels + 2 // it is in no leaf
)

// Bounds of those who wait.
const (
	settleAt   = 256     // who makes them so many puts as many where they belong
	settleMost = 1 << 14 // who makes them so many waits until it can
)

// move is a client that waits.
type move struct {
	ref      uint32
	from, to cellKey // from means nothing if it was in no leaf; to may be old by now
}

// moves are all who wait, each once. Who adds one has the lock of its shard; who takes
// some has the grid's.
type moves struct {
	mu    sync.Mutex // guards the fields below; held for no wait
	list  []move     // those before first are taken
	first int
	taken uint64 // ever
}

// add has a client wait, and returns how many do.
func (m *moves) add(x move) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, x)
	return len(m.list) - m.first
}

// take takes those who have waited longest, as many as there is room for.
func (m *moves) take(room []move) []move {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := copy(room, m.list[m.first:])
	m.first += n
	m.taken += uint64(n)
	switch half := len(m.list) / 2; {
	case m.first == len(m.list):
		m.list, m.first = m.list[:0], 0
	case m.first > half && m.first >= settleMost: // who waits keeps up, but is never none
		m.list, m.first = m.list[:copy(m.list, m.list[m.first:])], 0
	}
	return room[:n]
}

// end is what taken will be when all are taken who wait now.
func (m *moves) end() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken + uint64(len(m.list)-m.first)
}

// of tells whether a client of a shard waits.
func (m *moves) of(g *grid, s *shard) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.list[m.first:] {
		if g.table.owner(x.ref) == s {
			return true
		}
	}
	return false
}

// arrive has a client wait that is new. The caller has the lock of its shard; full: it is
// to call relieve when it has no more.
func (g *grid) arrive(r record, ref uint32, at *Position) (full bool) {
	r.setLevel(levelNowhere)
	return g.moves.add(move{ref: ref, to: at.cellKey()}) >= settleAt
}

// leave has a client wait if it leaves its leaf, and is not waiting yet. The caller is as
// arrive's.
func (g *grid) leave(r record, ref uint32, from, to *Position) (full bool) {
	level := r.level()
	if level > cellLevels || *from == *to {
		return false
	}
	a, b := from.cellKey(), to.cellKey()
	if a.common(b) >= level {
		return false
	}
	r.setLevel(levelAway)
	return g.moves.add(move{ref, a, b}) >= settleAt
}

// relieve puts some of those who wait where they belong, unless somebody else is at it. The
// caller has no lock.
func (g *grid) relieve() {
	if !g.mu.TryLock() {
		if g.waiting() < settleMost {
			return
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	for range settleAt / together {
		g.settle()
	}
}

func (g *grid) waiting() int {
	g.moves.mu.Lock()
	defer g.moves.mu.Unlock()
	return len(g.moves.list) - g.moves.first
}

// catchUp puts all where they belong who wait when it is called. The caller has no lock.
func (g *grid) catchUp() {
	for end := g.moves.end(); ; {
		g.mu.RLock()
		done := g.moves.taken >= end // written under mu
		g.mu.RUnlock()
		if done {
			return
		}
		g.mu.Lock()
		for range settleAt / together {
			g.settle()
		}
		g.mu.Unlock()
	}
}

// settle puts up to together clients where they belong, and returns how many. The caller
// has mu and no shard's lock. It first asks for all the memory that it needs.
func (g *grid) settle() int {
	var room [together]move
	list := g.moves.take(room[:])
	if g.dead {
		return len(list) // another grid may have the records by now
	}
	t := g.table
	var lines [2 * together]unsafe.Pointer
	for i, x := range list {
		lines[2*i], lines[2*i+1] = unsafe.Pointer(t.owner(x.ref)), unsafe.Pointer(&t.record(x.ref)[0])
	}
	fetch(&lines, 2*len(list))
	var at [2 * together]place // of each, where it is and where it goes
	for i := range list {
		x := &list[i]
		at[2*i], at[2*i+1] = g.start(&x.from), g.start(&x.to)
	}
	g.findAll(list, &at, &lines)
	for i := range list {
		g.place(&list[i], at[2*i+1])
	}
	return len(list)
}

// findAll is find for the places of a list. It goes down with all of them at once, and asks for
// the memory of the next step meanwhile; at the end for that of the leaves.
func (g *grid) findAll(list []move, at *[2 * together]place, lines *[2 * together]unsafe.Pointer) {
	for going := true; going; {
		going = false
		for i := range 2 * len(list) {
			p, x := &at[i], &list[i/2]
			value := *g.slot(p.address)
			switch {
			case value&leafBit != 0:
				lines[i] = unsafe.Pointer(g.leaf(value))
				continue
			case value == 0:
				lines[i] = nil
				continue
			case i%2 == 0:
				p.address = 4*value + (&spot{x.from, x.ref}).child(p.level)
			default:
				p.address = 4*value + (&spot{x.to, x.ref}).child(p.level)
			}
			p.level++
			lines[i] = unsafe.Pointer(g.slot(p.address))
			going = true
		}
		fetch(lines, 2*len(list))
	}
}

// place puts one client where it belongs, which is at near, or below, if it has not moved
// since.
func (g *grid) place(x *move, near place) {
	s := g.table.owner(x.ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	g.held = s
	if g.table.record(x.ref).level() == levelAway {
		g.remove(spot{x.from, x.ref})
	}
	to := g.spot(s, x.ref)
	if to.cellKey != x.to {
		near = g.start(&to.cellKey)
	}
	g.addFrom(&to, near)
	g.held = nil
}
