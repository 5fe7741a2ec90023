package location

import (
	"sync"
	"sync/atomic"
)

// chunk is what a shard's memory grows by. With 20-byte IDs 32 records fill it; the
// last one of each shard is half empty in the mean.
type chunk [chunkSize]byte

// block is what the memory of a small table grows by: few objects for the garbage
// collector, but small enough to be made of what other objects have left.
type block [blockChunks]chunk

const (
	chunkSize   = 2 << 10
	chunkUnits  = chunkSize / unit
	blockChunks = 32
	slabBlocks  = 32 // 2 MiB
	blockUnits  = blockChunks * chunkUnits
	maxBlocks   = 1 << 32 / blockUnits
)

// arena is the memory of all shards, blocks without pointers, none of which ever
// moves. A ref is an address in it: block, chunk and unit, in units.
type arena struct {
	blocks atomic.Pointer[[]*block]
	owners atomic.Pointer[[]uint32] // of each chunk, the shard that has it; see owner
	mu     sync.Mutex               // guards what follows; taken under a shard's lock
	chunks int                      // that were given out for the first time
	free   []uint32                 // those that were given back
	slab   []chunk                  // of which blocks are made
}

func newArena() *arena {
	a := new(arena)
	a.blocks.Store(new([]*block))
	a.owners.Store(new([]uint32))
	return a
}

// at is the chunk that ref points into. It takes no lock: who has a ref has got it
// from somebody who had the chunk.
func (a *arena) at(ref uint32) *chunk {
	return &(*a.blocks.Load())[ref/blockUnits][ref/chunkUnits%blockChunks]
}

// owner is the number of the shard that has the record at ref. It takes no lock, like at.
func (a *arena) owner(ref uint32) uint32 { return (*a.owners.Load())[ref/chunkUnits] }

// record is the one at ref.
func (a *arena) record(ref uint32) record { return a.at(ref)[ref%chunkUnits*unit:] }

// records goes through the records of some chunks, but for the dead.
func (a *arena) records(chunks []uint32, yield func(ref uint32, r record) bool) {
	for _, ref := range chunks {
		// What is left of a chunk is free yet, or was too small for the next record.
		r := record(a.at(ref)[:])
		for len(r) >= recordHead && r.source() != noSource {
			n := units(len(r.id()))
			if r.source() != deadSource && !yield(ref, r) {
				return
			}
			ref, r = ref+n, r[n*unit:]
		}
	}
}

// chunk gives out a chunk of zeros to a shard: the ref of its first unit.
func (a *arena) chunk(owner uint32) uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.free); n > 0 {
		ref := a.free[n-1]
		a.free = a.free[:n-1]
		clear(a.at(ref)[:])
		(*a.owners.Load())[ref/chunkUnits] = owner // whom nobody asks for before there is a ref
		return ref
	}
	if a.chunks%blockChunks == 0 {
		blocks := *a.blocks.Load()
		if len(blocks) == maxBlocks {
			panic("location: a table of 32 GiB is full")
		}
		blocks = append(blocks, a.block(len(blocks)))
		a.blocks.Store(&blocks)
	}
	owners := append(*a.owners.Load(), owner)
	a.owners.Store(&owners)
	ref := uint32(a.chunks) * chunkUnits
	a.chunks++
	return ref
}

// giveBack takes chunks whose bytes nobody uses any more.
func (a *arena) giveBack(chunks []uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free = append(a.free, chunks...)
}

// bytes is how much the chunks take that were given out, those that came back among them.
func (a *arena) bytes() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int64(a.chunks) * chunkSize
}

// block makes the next one. When there are many they are parts of slabs, which the
// system may back by huge pages: to have each page of 4 KiB made at its first touch takes
// longer than all else that is done to add a client.
func (a *arena) block(before int) *block {
	if before < slabBlocks {
		return new(block)
	}
	if len(a.slab) == 0 {
		a.slab = make([]chunk, slabBlocks*blockChunks)
		adviseHuge(a.slab)
	}
	b := (*block)(a.slab[:blockChunks])
	a.slab = a.slab[blockChunks:]
	return b
}
