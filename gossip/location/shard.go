package location

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// shard is a part of the table: records in chunks, one after the other, and an index
// of them. To the garbage collector both are memory without pointers.
//
// A record stays where it was put, and the bytes of its ID are never written again:
// that is why a string may be made of them without a copy. (Who wants to delete: let
// the record have a source of its own kind, and when half of a shard is deleted, copy
// the others in their order to other chunks and index them anew; grow is as much
// work. A chunk may be used again if no caller of Scan keeps an ID.)
type shard struct {
	// A look-up needs no more than these, one cache line.
	mu      sync.Mutex // guards all fields but shown
	arena   *arena     // set once
	index   []uint32   // open addressing; length is a power of two. 0, or tag and ref+1
	shift   uint8      // bits of an index entry that are for ref+1
	gridded bool       // there is a grid
	shown   shown      // both, for Prefetch

	count  uint32           // records
	end    uint32           // ref of the next record, if it fits in the last chunk
	room   uint32           // units from end to the end of the last chunk
	number uint32           // set once
	chunks []uint32         // ref of each, in order of arrival
	odd    map[uint32]Entry // by ref: what records can't hold
	grid   *grid            // which knows where the clients are, if gridded
	_      [8]byte          // own cache lines, two
}

const (
	minIndex = 8
	minShift = 20 // a small table has tags enough, and grow less to do
)

func (s *shard) record(ref uint32) record {
	return s.arena.at(ref)[ref%chunkUnits*unit:]
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
		if r = s.record(ref); string(r.id()) == string(id) {
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
	if s.room < n {
		s.end, s.room = s.arena.chunk(s.number), chunkUnits
		s.chunks = append(s.chunks, s.end)
	}
	ref = s.end
	if 4*(int(s.count)+1) > 3*len(s.index) || uint64(ref)+1 >= 1<<s.shift {
		s.grow(keys)
	}
	s.count++
	s.end += n
	s.room -= n
	slot, entry := s.free(hash, ref)
	atomic.StoreUint32(slot, entry) // the index is shown
	r = s.record(ref)
	r.setID(id)
	return ref, r
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
	if 4*(int(s.count)+1) > 3*size {
		size *= 2
	}
	s.index, s.shift = make([]uint32, size), uint8(max(minShift, bits.Len32(s.end)+1))
	for ref, r := range s.records {
		slot, entry := s.free(keys.sum(r.id()), ref)
		*slot = entry
	}
	s.shown.store(s.index, s.shift)
}

// records goes through the shard in order of arrival.
func (s *shard) records(yield func(ref uint32, r record) bool) {
	for _, ref := range s.chunks {
		// What is left of a chunk is free yet, or was too small for the next record.
		r := record(s.arena.at(ref)[:])
		for len(r) >= recordHead && r.source() != noSource {
			if !yield(ref, r) {
				return
			}
			n := units(len(r.id()))
			ref, r = ref+n, r[n*unit:]
		}
	}
}
