package location

import (
	"math"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Table holds the greatest fix of each client. It is safe for concurrent use.
// What a reader has seen never goes back: an entry only ever gives way to a
// greater one, or is gone for good. See [Table.Refuse] and [Table.Hide].
type Table struct {
	shards    []shard // length is a power of two
	shift     uint    // hash >> shift is the shard
	keys      hashKeys
	sources   *sources
	watch     atomic.Pointer[Watch]
	goneWatch atomic.Pointer[GoneWatch]
	near      nearness
	limits    limits
	sweep     sweep
	_         [64]byte // what is above changes rarely
	count     atomic.Int64
}

// Watch is told of every fix that takes its place in a table and is shown. It is called
// while that is locked: it must be quick, must not call the table, and keeps no reference
// to id. Of one client it is told in order.
type Watch func(id []byte, f Fix)

// Entry is a fix and the dot it travels under.
type Entry struct {
	Fix
	Dot Dot
}

// NewTable makes an empty table. shards is rounded up to a power of two; the
// more, the less writers meet, and the less of the table is indexed anew at a time
// when it grows: a shard, in some ten microseconds for a thousand clients. seed keeps
// strangers from choosing the shard of an ID: draw it at random, or fix it to have
// scans repeat.
func NewTable(shards int, seed uint64) *Table {
	n := 1 << bits.Len(uint(max(shards, 1)-1))
	t := &Table{
		shards:  make([]shard, n),
		shift:   uint(64 - bits.TrailingZeros(uint(n))),
		keys:    newHashKeys(seed),
		sources: newSources(),
	}
	t.limits.init()
	t.sweep.until = math.MinInt64
	arena := newArena()
	for i := range t.shards {
		t.shards[i].arena, t.shards[i].number = arena, uint32(i)
	}
	return t
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
	Refused                 // the client was not known, and is at the floor or below it. See [Table.Refuse]
)

// Won tells whether the offered fix is the one that a reader sees next and was
// not seen before.
func (r Result) Won() bool { return r <= Replaced }

// Merge offers e as the fix of client id and returns what was there before, if
// anything was, and what happened. It keeps no reference to id, which is no longer
// than [MaxID].
func (t *Table) Merge(id []byte, e Entry) (was Entry, r Result) {
	if len(id) > MaxID {
		panic("location: a client ID longer than MaxID")
	}
	hash := t.keys.sum(id)
	s := t.shard(hash)
	s.mu.Lock()
	r, full := t.merge(s, hash, id, &e, &was)
	s.mu.Unlock()
	if full != nil {
		full.relieve()
	}
	return was, r
}

// merge is Merge under the lock of s. full is a grid that the caller is to relieve, if any.
func (t *Table) merge(s *shard, hash uint64, id []byte, e, was *Entry) (r Result, full *grid) {
	ref, have := s.find(hash, id)
	if have == nil {
		if t.limits.refuse(id, &e.Fix) {
			return Refused, nil
		}
		ref, have = s.add(&t.keys, hash, id)
		t.store(s, ref, have, e)
		if s.gridded && s.grid.arrive(have, ref, &e.Position) {
			full = s.grid
		}
		t.count.Add(1)
		t.tell(id, &e.Fix)
		return Added, full
	}
	t.load(s, ref, have, was)
	switch c := e.Compare(&was.Fix); {
	case c > 0: // perhaps at the floor, as what is there is then, until Sweep comes to it
		t.store(s, ref, have, e)
		if s.gridded && s.grid.leave(have, ref, &was.Position, &e.Position) {
			full = s.grid
		}
		t.tell(id, &e.Fix)
		return Replaced, full
	case c < 0:
		return Stale, nil
	case e.Dot.compare(was.Dot) > 0:
		t.store(s, ref, have, e) // equal to what is there but for the dot
		return Retagged, nil
	}
	return Duplicate, nil
}

// SetWatch has w told of what changes from now on; nil: nobody. What a scan does not
// see that begins afterwards, w is told of. The watch before may be told of what is
// being merged meanwhile.
func (t *Table) SetWatch(w Watch) {
	if w == nil {
		t.watch.Store(nil)
		return
	}
	t.watch.Store(&w)
}

// tell has the watch told, if there is one. The caller has the lock of the shard.
func (t *Table) tell(id []byte, f *Fix) {
	if w := t.watch.Load(); w != nil && !t.limits.hides(f) {
		(*w)(id, *f) // a copy: what went through a pointer here, every merge would allocate
	}
}

// Get returns the fix of client id and its dot, if it is shown. See [Table.Hide].
func (t *Table) Get(id []byte) (e Entry, ok bool) {
	if e, ok = t.Held(id); ok && t.limits.hides(&e.Fix) {
		return Entry{}, false
	}
	return e, ok
}

// Held is Get, but returns what is hidden too.
func (t *Table) Held(id []byte) (e Entry, ok bool) {
	hash := t.keys.sum(id)
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	ref, have := s.find(hash, id)
	if have == nil {
		return Entry{}, false
	}
	t.load(s, ref, have, &e)
	return e, true
}

// Len is the number of clients, the hidden included.
func (t *Table) Len() int { return int(t.count.Load()) }

// Shards is the number of parts in which Scan goes through the table.
func (t *Table) Shards() int { return len(t.shards) }

// Scan calls f for each client of one shard, 0 ≤ i < Shards, whose fix is shown, in
// order of first arrival. f runs under the shard's lock: it must not call the table, nor
// keep or change what it is given. A client is in the same shard for ever, so a scan of
// all shards, one by one, sees every client that is there from its begin to its end.
func (t *Table) Scan(i int, f func(id string, e *Entry)) {
	t.ScanHeld(i, func(id string, e *Entry) {
		if !t.limits.hides(&e.Fix) {
			f(id, e)
		}
	})
}

// ScanHeld is Scan, but goes through what is hidden too.
func (t *Table) ScanHeld(i int, f func(id string, e *Entry)) {
	s := &t.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return
	}
	var e Entry
	for ref, r := range s.records {
		t.load(s, ref, r, &e)
		id := r.id()
		f(unsafe.String(unsafe.SliceData(id), len(id)), &e) // no copy: see shard
	}
}

// owner is the shard that has the record at ref.
func (t *Table) owner(ref uint32) *shard {
	return &t.shards[t.shards[0].arena.owner(ref)]
}

// record is the one at ref.
func (t *Table) record(ref uint32) record {
	return t.shards[0].record(ref)
}

func (t *Table) shard(hash uint64) *shard { return &t.shards[hash>>t.shift] }

// store makes e what r, the record at ref, stands for.
func (t *Table) store(s *shard, ref uint32, r record, e *Entry) {
	if !odd(e) {
		if source := t.source(r, e); source != nil {
			if r.source() == oddSource {
				s.odd.remove(ref)
			}
			r.set(e, source)
			return
		}
	}
	s.keep(ref, e)
	r.setSource(oddSource)
}

// source is e's, which is to take the place of what r holds: the same in most cases. Nil
// if there are too many sources.
func (t *Table) source(r record, e *Entry) *source {
	if n := r.source(); n >= firstSource {
		if s := t.sources.get(n - firstSource); s.of(e) {
			return s
		}
	}
	return t.sources.find(e)
}

// load gives what was stored.
func (t *Table) load(s *shard, ref uint32, r record, e *Entry) {
	if source := r.source(); source != oddSource {
		r.get(e, t.sources.get(source-firstSource))
		return
	}
	*e = s.odd.entries[ref]
}

// position is that of the client whose record is at ref.
func (t *Table) position(s *shard, ref uint32) Position {
	r := s.record(ref)
	if r.source() == oddSource {
		return s.odd.entries[ref].Position
	}
	return r.position()
}
