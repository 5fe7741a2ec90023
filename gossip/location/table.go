package location

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Table holds the greatest fix of each client. It is safe for concurrent use.
// What a reader has seen never goes back: an entry only ever gives way to a
// greater one.
type Table struct {
	shards []shard // length is a power of two
	shift  uint    // hash >> shift is the shard
	seed   uint64
	count  atomic.Int64
}

// Entry is a fix and the dot it travels under.
type Entry struct {
	Fix
	Dot Dot
}

type shard struct {
	mu    sync.RWMutex
	index map[string]int32 // client ID to its place in slots
	slots []slot           // in order of arrival: a scan repeats exactly
	_     [64]byte         // own cache line
}

type slot struct {
	id    string
	entry Entry
}

// NewTable makes an empty table. shards is rounded up to a power of two; the
// more, the less writers meet. seed keeps strangers from choosing the shard of an
// ID: draw it at random, or fix it to have scans repeat.
func NewTable(shards int, seed uint64) *Table {
	n := 1 << bits.Len(uint(max(shards, 1)-1))
	return &Table{shards: make([]shard, n), shift: uint(64 - bits.TrailingZeros(uint(n))), seed: seed}
}

// Result tells what a merge did. See the table in the package comment.
type Result uint8

// The results of a merge.
const (
	Added     Result = iota // the client was not known
	Replaced                // the offered fix is greater and took the place
	Stale                   // the table holds a greater fix
	Retagged                // the same fix, now under the greater dot
	Duplicate               // the same fix; nothing changed
)

// Won tells whether the offered fix is the one that a reader sees next and was
// not seen before.
func (r Result) Won() bool { return r <= Replaced }

// Merge offers e as the fix of client id and returns what was there before, if
// anything was, and what happened. It keeps no reference to id.
func (t *Table) Merge(id []byte, e Entry) (was Entry, r Result) {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[string(id)]
	if !ok {
		if s.index == nil {
			s.index = make(map[string]int32)
		}
		key := string(id)
		s.index[key] = int32(len(s.slots))
		s.slots = append(s.slots, slot{key, e})
		t.count.Add(1)
		return Entry{}, Added
	}
	have := &s.slots[i].entry
	was = *have
	switch c := e.Compare(&was.Fix); {
	case c > 0:
		*have = e
		return was, Replaced
	case c < 0:
		return was, Stale
	case e.Dot.Compare(was.Dot) > 0:
		have.Dot = e.Dot
		return was, Retagged
	}
	return was, Duplicate
}

// Get returns the fix of client id and its dot.
func (t *Table) Get(id []byte) (Entry, bool) {
	s := t.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i, ok := s.index[string(id)]; ok {
		return s.slots[i].entry, true
	}
	return Entry{}, false
}

// Len is the number of clients.
func (t *Table) Len() int { return int(t.count.Load()) }

// Shards is the number of parts in which Scan goes through the table.
func (t *Table) Shards() int { return len(t.shards) }

// Scan calls f for each client of one shard, 0 ≤ i < Shards, in order of first
// arrival. f runs under the shard's lock: it must not call the table, nor keep or
// change what it is given. A client is in the same shard for ever, so a scan of
// all shards, one by one, sees every client that was there when it began.
func (t *Table) Scan(i int, f func(id string, e *Entry)) {
	s := &t.shards[i]
	s.mu.RLock()
	defer s.mu.RUnlock()
	for j := range s.slots {
		f(s.slots[j].id, &s.slots[j].entry)
	}
}

func (t *Table) shard(id []byte) *shard {
	if len(t.shards) == 1 {
		return &t.shards[0]
	}
	return &t.shards[t.hash(id)>>t.shift]
}

// hash is FNV-1a from a seeded start with a final mix, for the choice of the
// shard only: what a stranger can gain by collisions is a shared lock.
func (t *Table) hash(id []byte) uint64 {
	h := t.seed ^ 0xcbf29ce484222325
	for _, c := range id {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}
