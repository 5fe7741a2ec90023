package location

import (
	"math"
	"unsafe"
)

// oddSize is about what an entry that a record can't hold takes besides: itself, its key
// and its share of the map's room. Texts come on top.
const oddSize = int(unsafe.Sizeof(Entry{})) * 3 / 2

// Bytes is how much memory the table takes: what it holds, and what it has for more. It
// goes through the shards, one by one.
func (t *Table) Bytes() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += int(unsafe.Sizeof(*s)) + 4*cap(s.index) + 4*cap(s.chunks) + oddSize*len(s.odd)
		s.mu.Unlock()
	}
	a := t.shards[0].arena
	a.mu.Lock()
	defer a.mu.Unlock()
	return n + chunkSize*(blockChunks*len(*a.blocks.Load())+len(a.slab))
}

// indexSize is what the index takes of a client, at worst: see [shard.compact].
const indexSize = 4 * 4

// Fits is how many clients like those that the table holds fit into so many bytes, whatever
// comes and goes: a quarter of the records may be dead, and of each shard a chunk be empty.
// What the table has got in reserve, some megabytes at the most, is not counted. At least
// one; if the table is empty, as many as there are numbers for. It goes through the shards,
// one by one.
func (t *Table) Fits(bytes int64) int {
	var clients, units, odd int64 // with 32 bits the sums would not fit
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		clients += int64(s.count)
		units += int64(len(s.chunks))*chunkUnits - int64(s.left) - int64(s.waste)
		odd += int64(len(s.odd))
		s.mu.Unlock()
	}
	if clients == 0 {
		return math.MaxInt
	}
	bytes -= int64(len(t.shards)) * (int64(unsafe.Sizeof(shard{})) + chunkSize + 4*minIndex)
	each := units*unit*4/3/clients + indexSize + int64(oddSize)*odd/clients
	return int(min(max(bytes/each, 1), math.MaxInt))
}
