package location

import (
	"slices"
	"sync"
	"unsafe"
)

// grid tells which clients are in which part of the world: a tree of cells, each either
// a leaf with up to leafRefs clients or quartered. Crowds have small cells, deserts
// large ones. Below the cells of cellLevels, clients are told apart by their refs, so
// that a leaf holds no more if all of them meet at one point.
//
// A client is in the leaf of where its record says it is, and its record has the level of
// that leaf: so for a report from within it, as most are, the record is enough, under its
// shard's lock. One that leaves its leaf, or is new, waits in moves; a question puts those
// who wait in their leaves first.
//
// Whoever moves or deletes a record does so between lockPlaces and unlockPlaces, with remove
// before and add after.
//
// The locks are taken in the order mu, shard, that of moves. Only who has mu may wait for the
// lock of a second shard.
type grid struct {
	table *Table
	moves moves
	mu    sync.RWMutex // held to write by who changes what follows

	// A slot is what a cell of the tree is: 0, nobody there; a leaf's number and leafBit;
	// or a branch's number. It has an address: four times its branch's number, and which
	// of the four it is. The root is slot 0. No branch is given up while the grid lasts:
	// a question may come back to its slots.
	branches    []*[slabNodes][4]uint32
	branchCount uint32
	leaves      []*[slabNodes]leaf
	leafCount   uint32
	free        uint32 // a leaf's number and leafBit: given up, its first ref is the next; 0: none

	// top has, for each cell of topLevel that is there, the address of its slot; else 0.
	top [1 << (2 * topLevel)]uint32

	dead bool
	held *shard // whose lock the holder of mu has, if any
}

// leaf is the refs of its clients, each with 1 added, and then zeros.
type leaf [leafRefs]uint32

const (
	leafRefs  = 16
	leafBit   = 1 << 31
	slabNodes = 1 << 10
	rootSlot  = 0
	topLevel  = 7
)

func newGrid(t *Table) *grid {
	g := &grid{table: t, branchCount: 1} // of the first branch, only the root's slot is used
	g.branches = append(g.branches, new([slabNodes][4]uint32))
	return g
}

// slot is the word at an address.
func (g *grid) slot(address uint32) *uint32 {
	n := address / 4
	return &g.branches[n/slabNodes][n%slabNodes][address%4]
}

func (g *grid) leaf(value uint32) *leaf {
	n := value &^ leafBit
	return &g.leaves[n/slabNodes][n%slabNodes]
}

// spot is where a client belongs: by its position, then by its ref.
type spot struct {
	cellKey
	ref uint32
}

// top is the number of its cell at topLevel; below is that of a quarter of the one above.
func (k *cellKey) top() uint32 {
	const shift = cellLevels - topLevel
	return k.lat>>shift<<topLevel | k.lon>>shift
}

func (k *cellKey) below(child uint32) uint32 {
	return k.top()&^(1<<topLevel|1) | child>>1<<topLevel | child&1
}

// child is which quarter of a cell at level a client belongs to.
func (s *spot) child(level int) uint32 {
	if level < cellLevels {
		return s.cellKey.child(level)
	}
	return s.ref >> (2 * (level - cellLevels)) & 3
}

// place is a slot and how far below the root it is.
type place struct {
	address uint32
	level   int
}

// start is a place above where clients of that key belong.
func (g *grid) start(k *cellKey) place {
	if address := g.top[k.top()]; address != rootSlot {
		return place{address, topLevel}
	}
	return place{rootSlot, 0}
}

// find goes down from a place to the slot of a client, which is a leaf or empty.
func (g *grid) find(s *spot, p place) place {
	for ; ; p.level++ {
		value := *g.slot(p.address)
		if value == 0 || value&leafBit != 0 {
			return p
		}
		p.address = 4*value + s.child(p.level)
	}
}

// add puts a client, which is nowhere, in its leaf. The caller has the lock of its shard,
// and that is held.
func (g *grid) add(s spot) { g.addFrom(&s, g.start(&s.cellKey)) }

// addFrom is add for who knows a place above.
func (g *grid) addFrom(s *spot, p place) {
	for p = g.find(s, p); !g.put(p, s.ref); p = g.find(s, p) {
		g.quarter(p, s)
	}
}

// put has a client in the leaf of a place; false: it is full. The caller has the lock of its
// shard.
func (g *grid) put(p place, ref uint32) bool {
	slot := g.slot(p.address)
	if *slot == 0 {
		*slot = g.newLeaf()
	}
	l := g.leaf(*slot)
	for i := range l {
		if l[i] == 0 {
			l[i] = ref + 1
			g.table.record(ref).setLevel(min(p.level, cellLevels))
			return true
		}
	}
	return false
}

// remove takes a client out of its leaf.
func (g *grid) remove(s spot) {
	slot := g.slot(g.find(&s, g.start(&s.cellKey)).address)
	l, last := g.leaf(*slot), 0
	for i, ref := range l {
		if ref == 0 {
			break
		}
		last = i
	}
	l[slices.Index(l[:], s.ref+1)] = l[last]
	l[last] = 0
	if last == 0 {
		g.freeLeaf(slot)
	}
}

// quarter makes a branch of a full leaf, in which s is.
func (g *grid) quarter(p place, s *spot) {
	slot := g.slot(p.address)
	refs := *g.leaf(*slot)
	g.freeLeaf(slot)
	branch := g.newBranch()
	*slot = branch
	if p.level == topLevel-1 {
		for child := range uint32(4) {
			g.top[s.below(child)] = 4*branch + child
		}
	}
	for _, ref := range refs {
		g.sort(branch, p.level, ref-1)
	}
}

// sort puts a client in the quarter of a new branch at level in which it is by now; one that
// has left waits on, in no leaf.
func (g *grid) sort(branch uint32, level int, ref uint32) {
	owner := g.table.owner(ref)
	if owner != g.held {
		owner.mu.Lock()
		defer owner.mu.Unlock()
	}
	if r := g.table.record(ref); r.level() == levelAway {
		r.setLevel(levelNowhere)
		return
	}
	s := g.spot(owner, ref)
	g.put(place{4*branch + s.child(level), level + 1}, ref)
}

// spot is where a client belongs. The caller has the lock of its shard.
func (g *grid) spot(owner *shard, ref uint32) spot {
	p := g.table.position(owner, ref)
	return spot{p.cellKey(), ref}
}

func (g *grid) newLeaf() (value uint32) {
	if value = g.free; value != 0 {
		l := g.leaf(value)
		g.free, l[0] = l[0], 0
		return value
	}
	if g.leafCount%slabNodes == 0 {
		g.leaves = append(g.leaves, new([slabNodes]leaf))
	}
	g.leafCount++
	return g.leafCount - 1 | leafBit
}

// freeLeaf gives up the leaf of a slot.
func (g *grid) freeLeaf(slot *uint32) {
	*g.leaf(*slot) = leaf{g.free}
	g.free, *slot = *slot, 0
}

func (g *grid) newBranch() uint32 {
	if g.branchCount%slabNodes == 0 {
		g.branches = append(g.branches, new([slabNodes][4]uint32))
	}
	g.branchCount++
	return g.branchCount - 1
}

// overgrown tells whether there are more branches than a new grid would have, of cells that
// were crowded once.
func (g *grid) overgrown() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return int(g.branchCount) > 4*slabNodes+3*g.table.Len()
}

// bytes is the memory of the grid.
func (g *grid) bytes() int {
	g.moves.mu.Lock()
	defer g.moves.mu.Unlock()
	return len(g.branches)*slabNodes*4*4 + len(g.leaves)*slabNodes*leafRefs*4 + cap(g.moves.list)*int(unsafe.Sizeof(move{}))
}

// list adds all clients of a shard.
func (g *grid) list(s *shard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	g.held = s
	if s.count > 0 {
		for ref := range s.records {
			g.add(g.spot(s, ref))
		}
	}
	g.held = nil
	s.grid, s.gridded = g, true
}

// end takes the grid from all shards.
func (g *grid) end() {
	g.mu.Lock()
	g.dead = true // at once, for those shards too that follow
	g.mu.Unlock()
	for i := range g.table.shards {
		s := &g.table.shards[i]
		s.mu.Lock()
		s.grid, s.gridded = nil, false
		s.mu.Unlock()
	}
}

// lockPlaces locks a shard for who may move or delete records of it, and before that its
// grid. None of its clients waits then. It returns the grid; nil: there is none.
func (s *shard) lockPlaces() *grid {
	for {
		s.mu.Lock()
		g := s.grid
		if g == nil {
			return nil
		}
		s.mu.Unlock()
		g.mu.Lock()
		for g.settle() > 0 {
		}
		s.mu.Lock()
		if s.grid == g && !g.dead && !g.moves.of(g, s) {
			g.held = s
			return g
		}
		s.mu.Unlock()
		g.mu.Unlock()
	}
}

// unlockPlaces ends what lockPlaces began.
func (s *shard) unlockPlaces(g *grid) {
	s.mu.Unlock()
	if g != nil {
		g.held = nil
		g.mu.Unlock()
	}
}
