package location

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// shard is a part of the table: records in chunks, one after the other, and an index
// of them. To the garbage collector both are memory without pointers.
//
// A record stays where it was put, and the bytes of its ID are not written again, until
// compact: that is why under the lock a string may be made of them without a copy.
//
// A record is added, replaced and removed in one place each: [Table.Merge] has the first
// two, remove is the third. A removed one stays, dead, in its chunk and in the index;
// when a quarter of the shard is dead, compact copies the others, in their order, to
// other chunks. Only then does a record move.
//
// It fills two cache lines, which are its own.
type shard struct {
	// A look-up needs no more than these, one cache line.
	mu      sync.Mutex // guards all fields but shown
	arena   *arena     // set once
	index   []uint32   // open addressing; length is a power of two. 0, or tag and ref+1
	shift   uint8      // bits of an index entry that are for ref+1
	gridded bool       // there is a grid
	shown   shown      // both, for Prefetch

	count  uint32   // records, without the dead
	dead   uint32   // dead records
	waste  uint32   // their units
	end    uint32   // ref of the next record, if it fits in the last chunk
	left   uint32   // units from end to the end of the last chunk
	number uint32   // set once
	chunks []uint32 // ref of each, in order of arrival
	odd    *odds    // what records can't hold; nil: nothing
	grid   *grid    // which knows where the clients are, if gridded
}

const (
	minIndex = 8
	minShift = 20 // a small table has tags enough, and grow less to do
)

func (s *shard) record(ref uint32) record { return s.arena.record(ref) }

// order is the order time of the record at ref.
func (s *shard) order(ref uint32, r record) int64 {
	if r.source() == oddSource {
		return s.odd.entries[ref].Order
	}
	return r.order()
}

// find looks for the record of id; r is nil if there is none.
func (s *shard) find(hash uint64, id []byte) (ref uint32, r record) {
	if len(s.index) == 0 {
		return 0, nil
	}
	tag := s.tag(hash)
	for i := uint32(hash); ; i++ {
		entry := s.index[i&uint32(len(s.index)-1)]
		if entry == 0 {
			return 0, nil
		}
		if entry>>s.shift<<s.shift != tag {
			continue
		}
		ref = entry - tag - 1
		if r = s.record(ref); string(r.id()) == string(id) && r.source() != deadSource {
			return ref, r
		}
	}
}

// tag is as many bits of the hash as an index entry has to spare; others than those
// that choose the shard and the place in the index.
func (s *shard) tag(hash uint64) uint32 { return uint32(hash>>20) >> s.shift << s.shift }

// add makes a record with nothing in it but id, which has none.
func (s *shard) add(keys *hashKeys, hash uint64, id []byte) (ref uint32, r record) {
	n := units(len(id))
	ref = s.room(n)
	if 4*(int(s.count+s.dead)+1) > 3*len(s.index) || uint64(ref)+1 >= 1<<s.shift {
		s.grow(keys)
	}
	s.count++
	s.end += n
	s.left -= n
	slot, entry := s.free(hash, ref)
	atomic.StoreUint32(slot, entry) // the index is shown
	r = s.record(ref)
	r.setID(id)
	return ref, r
}

// room is where the next record of n units goes.
func (s *shard) room(n uint32) (ref uint32) {
	if s.left < n {
		s.end, s.left = s.arena.chunk(s.number), chunkUnits
		s.chunks = append(s.chunks, s.end)
	}
	return s.end
}

// free is where in the index an entry for ref goes, and the entry.
func (s *shard) free(hash uint64, ref uint32) (slot *uint32, entry uint32) {
	i := uint32(hash)
	for s.index[i&uint32(len(s.index)-1)] != 0 {
		i++
	}
	return &s.index[i&uint32(len(s.index)-1)], s.tag(hash) | (ref + 1)
}

// grow makes the index anew: larger if it is three quarters full, and for refs up to
// twice those of now, at least.
func (s *shard) grow(keys *hashKeys) {
	size := max(minIndex, len(s.index))
	if 4*(int(s.count+s.dead)+1) > 3*size {
		size *= 2
	}
	s.indexAnew(keys, size)
}

// indexAnew leaves out the dead: they can't be found anyway.
func (s *shard) indexAnew(keys *hashKeys, size int) {
	last := s.end
	for _, ref := range s.chunks {
		last = max(last, ref)
	}
	s.index, s.shift = make([]uint32, size), uint8(max(minShift, bits.Len32(last)+1))
	for ref, r := range s.records {
		slot, entry := s.free(keys.sum(r.id()), ref)
		*slot = entry
	}
	s.shown.store(s.index, s.shift)
}

// records goes through the shard in order of arrival.
func (s *shard) records(yield func(ref uint32, r record) bool) {
	s.arena.records(s.chunks, yield)
}
