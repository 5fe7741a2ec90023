package location

import (
	"math"
	"unsafe"
)

// slotSize is what an entry that a record can't hold takes of a map, with its key, and
// oddSize what it takes at worst: a map has just grown, and seven sixteenths of it are in use.
const (
	slotSize = int(unsafe.Sizeof(Entry{})) + 8 + 1
	oddSize  = (slotSize*16 + 6) / 7
)

// Bytes is how much memory the table takes: what it holds, and what it has for more. It
// goes through the shards, one by one.
func (t *Table) Bytes() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += int(unsafe.Sizeof(*s)) + 4*cap(s.index) + 4*cap(s.chunks) + s.odd.bytes()
		s.mu.Unlock()
	}
	a := t.shards[0].arena
	a.mu.Lock()
	defer a.mu.Unlock()
	return n + chunkSize*(blockChunks*len(*a.blocks.Load())+len(a.slab))
}

// indexSize is what the index takes of a client, at worst: see [shard.compact].
const indexSize = 4 * 4

// maxRecords is how many bytes records may take, the dead among them: three quarters of what
// refs can address. Clients come while those who are too many are looked for.
const maxRecords = maxBlocks / 4 * 3 * int64(unsafe.Sizeof(block{}))

// reserve is how many bytes of chunks a table may have besides that count for nothing: a few are
// between two shards all the time.
const reserve = 1 << 20

// Roomy is how many clients fit into a table in any case, with IDs of any length.
const Roomy = int(maxRecords / ((recordHead + MaxID + unit - 1) / unit * unit * 4 / 3))

// Fits is how many clients like those that the table holds fit into so many bytes, and into
// a table at all, whatever comes and goes: a quarter of the records may be dead, and of each
// shard a chunk be empty. What the table has got in reserve, some megabytes at the most, is
// not counted. At least one; if the table is empty, as many as there are numbers for. It goes
// through the shards, one by one.
func (t *Table) Fits(bytes int64) int {
	var clients, units, odd int64 // with 32 bits the sums would not fit
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		clients += int64(s.count)
		units += int64(len(s.chunks))*chunkUnits - int64(s.left) - int64(s.waste)
		if s.odd != nil {
			odd += int64(oddSize)*int64(s.odd.most) + int64(s.odd.texts)
		}
		s.mu.Unlock()
	}
	if clients == 0 {
		return math.MaxInt
	}
	spare := int64(len(t.shards)) * chunkSize // in the last chunks
	bytes -= spare + int64(len(t.shards))*(int64(unsafe.Sizeof(shard{}))+4*minIndex)
	record, other := units*unit*4/3/clients, indexSize+odd/clients
	n := min(bytes/(record+other), maxRecords/record)
	// Chunks stay the table's. What they take is not there for clients that take other memory;
	// but for a quarter of it, for after a limit was lowered they may take more than that.
	if chunks := t.shards[0].arena.bytes() - spare - reserve; n*record < chunks {
		n = min(n, (bytes-min(chunks, bytes/4*3))/other)
	}
	return int(min(max(n, 1), math.MaxInt))
}
