package location

import (
	"sync"
	"sync/atomic"
)

// chunk is what a shard's memory grows by. With 20-byte IDs 32 records fill it; the
// last one of each shard is half empty in the mean.
type chunk [chunkSize]byte

const (
	chunkSize  = 2 << 10
	chunkUnits = chunkSize / unit

	firstBlock  = 8 // chunks: a small table shall be small; the next blocks double
	blockChunks = firstBlock << 6
	maxBlocks   = 1 << 32 / (blockChunks * chunkUnits)
)

// arena is the memory of all shards: blocks of up to a megabyte without pointers,
// few objects for the garbage collector, none of which ever moves.
//
// A ref is an address in it: block, chunk and unit, in units.
type arena struct {
	blocks atomic.Pointer[[][]chunk]
	mu     sync.Mutex // guards what follows; taken under a shard's lock
	free   uint32     // chunks in the last block that nobody has
}

func newArena() *arena {
	a := new(arena)
	a.blocks.Store(new([][]chunk))
	return a
}

// at is the chunk that ref points into. It takes no lock: who has a ref has got it
// from somebody who had the chunk.
func (a *arena) at(ref uint32) *chunk {
	return &(*a.blocks.Load())[ref/(blockChunks*chunkUnits)][ref/chunkUnits%blockChunks]
}

// chunk gives out a chunk of zeros: the ref of its first unit.
func (a *arena) chunk() uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	blocks := *a.blocks.Load()
	if a.free == 0 {
		if len(blocks) == maxBlocks {
			panic("location: a table of 32 GiB is full")
		}
		a.free = firstBlock << min(len(blocks), 6)
		blocks = append(blocks, make([]chunk, a.free))
		a.blocks.Store(&blocks)
	}
	last := len(blocks) - 1
	ref := uint32(last*blockChunks+len(blocks[last])-int(a.free)) * chunkUnits
	a.free--
	return ref
}
