package location

import "unsafe"

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
