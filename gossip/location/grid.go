package location

import (
	"slices"
	"sync"
)

// grid tells which clients are in which part of the world: a tree of cells, each either
// a leaf with up to leafRefs clients or quartered. Crowds have small cells, deserts
// large ones. Below the cells of cellLevels, clients are told apart by their refs, so
// that a leaf holds no more if all of them meet at one point.
//
// A client is in the leaf of where its record says it is, and its record has the level of
// that leaf: so for a report from within it, as most are, the record is enough, under its
// shard's lock. Whoever changes more holds mu as well.
//
// Whoever adds, moves or deletes a record, or a client, does so between lockPlaces and
// unlockPlaces, with remove before and add after.
//
// The locks are taken in the order mu, shard. Only who has mu may wait for the lock of
// a second shard.
type grid struct {
	table *Table
	mu    sync.RWMutex // held to write by who moves, adds or removes clients

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
func (s *spot) top() uint32 {
	const shift = cellLevels - topLevel
	return s.lat>>shift<<topLevel | s.lon>>shift
}

func (s *spot) below(child uint32) uint32 {
	return s.top()&^(1<<topLevel|1) | child>>1<<topLevel | child&1
}

// child is which quarter of a cell at level a client belongs to.
func (s *spot) child(level int) uint32 {
	if level < cellLevels {
		return s.cellKey.child(level)
	}
	return s.ref >> (2 * (level - cellLevels)) & 3
}

// find goes down to the slot of a client, which is a leaf or empty.
func (g *grid) find(s *spot) (slot *uint32, level int) {
	address := g.top[s.top()]
	if address != rootSlot {
		level = topLevel
	}
	for ; ; level++ {
		slot = g.slot(address)
		if *slot == 0 || *slot&leafBit != 0 {
			return slot, level
		}
		address = 4**slot + s.child(level)
	}
}

// add puts a client, which is nowhere, in its leaf.
func (g *grid) add(s spot) {
	slot, level := g.find(&s)
	for !g.put(slot, level, s.ref) {
		g.quarter(slot, level, &s)
		slot, level = g.find(&s)
	}
}

// put has a client in the leaf of a slot; false: it is full.
func (g *grid) put(slot *uint32, level int, ref uint32) bool {
	if *slot == 0 {
		*slot = g.newLeaf()
	}
	l := g.leaf(*slot)
	for i := range l {
		if l[i] == 0 {
			l[i] = ref + 1
			g.table.record(ref).setLevel(min(level, cellLevels))
			return true
		}
	}
	return false
}

// remove takes a client out of its leaf.
func (g *grid) remove(s spot) {
	slot, _ := g.find(&s)
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

// quarter makes a branch of a full leaf at level, in which s is.
func (g *grid) quarter(slot *uint32, level int, s *spot) {
	refs := *g.leaf(*slot)
	g.freeLeaf(slot)
	branch := g.newBranch()
	*slot = branch
	if level == topLevel-1 {
		for child := range uint32(4) {
			g.top[s.below(child)] = 4*branch + child
		}
	}
	for _, ref := range refs {
		g.sort(branch, level, ref-1)
	}
}

// sort puts a client in the quarter of a new branch at level in which it is by now.
func (g *grid) sort(branch uint32, level int, ref uint32) {
	owner := g.table.owner(ref)
	if owner != g.held {
		owner.mu.Lock()
		defer owner.mu.Unlock()
	}
	s := g.spot(owner, ref)
	g.put(g.slot(4*branch+s.child(level)), level+1, ref)
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
	return len(g.branches)*slabNodes*4*4 + len(g.leaves)*slabNodes*leafRefs*4
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

// lockPlaces locks a shard for who may change in which cells its clients are, and before
// that its grid. It returns the grid; nil: there is none.
func (s *shard) lockPlaces() *grid {
	for {
		s.mu.Lock()
		g := s.grid
		if g == nil {
			return nil
		}
		s.mu.Unlock()
		g.mu.Lock()
		s.mu.Lock()
		if s.grid == g && !g.dead {
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
