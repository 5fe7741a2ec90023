package location

import (
	"bytes"
	"cmp"
	"slices"
)

// Lowest finds the clients of a table that are to be given up first. It goes through
// the table shard by shard, while that changes: what takes a greater fix meanwhile is
// where it was when it was seen. Between NewLowest and Floor nobody may call Sweep. It
// is of one goroutine.
type Lowest struct {
	arena  *arena
	shards []shard
	most   int
	heap   heap[low] // the highest is the first
}

// low is a client: its order time, and where its ID is.
type low struct {
	order  int64
	ref    uint32
	length uint8 // of the ID; the record's own byte may be written again, as it was
}

// NewLowest makes one that finds as many as most clients, at least one, in 16 bytes
// for each.
func NewLowest(t *Table, most int) *Lowest {
	l := &Lowest{arena: t.shards[0].arena, shards: t.shards, most: most}
	l.heap.before = func(a, b *low) bool { return l.compare(*a, *b) > 0 }
	return l
}

// Add looks at one shard, 0 ≤ i < Shards.
func (l *Lowest) Add(i int) {
	s := &l.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return
	}
	for ref, r := range s.records {
		x := low{s.order(ref, r), ref, uint8(len(r.id()))}
		if l.Len() == l.most {
			if x.order > l.heap.items[0].order || l.compare(x, l.heap.items[0]) > 0 {
				continue
			}
			l.heap.pop()
		}
		l.heap.push(x)
	}
}

// Len is how many there are by now.
func (l *Lowest) Len() int { return len(l.heap.items) }

// Floor is the place of number k from below, 1 ≤ k ≤ Len. Call it once.
func (l *Lowest) Floor(k int) Floor {
	slices.SortFunc(l.heap.items, l.compare)
	x := l.heap.items[k-1]
	return Floor{x.order, string(l.id(x))}
}

// id is read without the shard's lock: it is not written again before Sweep.
func (l *Lowest) id(x low) []byte {
	return l.arena.record(x.ref)[recordHead : recordHead+int(x.length)]
}

func (l *Lowest) compare(x, y low) int {
	if c := cmp.Compare(x.order, y.order); c != 0 {
		return c
	}
	return bytes.Compare(l.id(x), l.id(y))
}
