package location

import (
	"math/bits"
	"sync"
	"unsafe"
)

// chunk is a piece of a shard's memory. A shard grows by one at a time, and none
// moves: with 20-byte IDs it has room for 29 records, small enough that the last one
// of each shard, half empty, costs little.
type chunk [chunkSize]byte

const (
	chunkSize  = 2 << 10
	chunkUnits = chunkSize / unit
	minIndex   = 16
	maxChunks  = 1 << 32 / chunkUnits // of a shard: a ref has 32 bits
)

// shard is a part of the table: records in chunks, one after the other, and an index
// of them. To the garbage collector they are memory without pointers.
//
// A record stays where it was put, at its ref: the units before it. The bytes of an
// ID are never written again, so a string may be made of them without a copy. (Who
// wants to delete: mark the record, and when half of a shard is marked, copy the
// others in their order to new chunks and index them anew, a piece of work as long
// as grow. The old chunks, unchanged, live for as long as somebody has a string.)
type shard struct {
	mu     sync.Mutex // guards what follows
	index  []uint32   // open addressing; length is a power of two. 0, or a tag and ref+1
	shift  uint8      // tag begins at this bit of an index entry
	count  uint32     // records
	end    uint32     // ref of the next record, if it fits into the last chunk
	chunks []*chunk
	odd    map[uint32]Entry // by ref, what records can't hold
	_      [48]byte         // own cache lines
}

func (s *shard) record(ref uint32) *record {
	return (*record)(s.chunks[ref/chunkUnits][ref%chunkUnits*unit:])
}

// id is the ID of the record at ref, for ever.
func (s *shard) id(ref uint32, r *record) []byte {
	start := ref%chunkUnits*unit + recordHead
	return s.chunks[ref/chunkUnits][start : start+uint32(r.idLen())]
}

func (s *shard) idString(ref uint32, r *record) string {
	id := s.id(ref, r)
	return unsafe.String(unsafe.SliceData(id), len(id))
}

// find looks for the record of id; its hash is given.
func (s *shard) find(hash uint64, id []byte) (ref uint32, r *record) {
	if s.count == 0 {
		return 0, nil
	}
	mask, tag := uint32(len(s.index)-1), s.tag(hash)
	for i := uint32(hash); ; i++ {
		v := s.index[i&mask]
		if v == 0 {
			return 0, nil
		}
		if v>>s.shift<<s.shift != tag {
			continue
		}
		ref = v - tag - 1
		if r = s.record(ref); string(s.id(ref, r)) == string(id) {
			return ref, r
		}
	}
}

// tag is bits of the hash that choose neither the shard nor the place in its index.
func (s *shard) tag(hash uint64) uint32 { return uint32(hash>>20) >> s.shift << s.shift }

// add makes a record of id, which is not there, with nothing in it but the ID.
func (s *shard) add(keys *hashKeys, hash uint64, id []byte) (ref uint32, r *record) {
	n := units(len(id))
	ref = s.end
	if free := uint32(len(s.chunks))*chunkUnits - ref; free < n {
		if len(s.chunks) == maxChunks {
			panic("location: 16 GiB in one shard")
		}
		ref += free
		s.chunks = append(s.chunks, new(chunk))
	}
	s.end = ref + n
	if 4*(int(s.count)+1) > 3*len(s.index) || uint64(s.end) >= 1<<s.shift {
		s.grow(keys)
	}
	s.count++
	s.put(hash, ref)
	r = s.record(ref)
	r.setIDLen(len(id))
	copy(s.id(ref, r), id)
	return ref, r
}

func (s *shard) put(hash uint64, ref uint32) {
	mask := uint32(len(s.index) - 1)
	i := uint32(hash) & mask
	for s.index[i] != 0 {
		i = (i + 1) & mask
	}
	s.index[i] = s.tag(hash) | (ref + 1)
}

// grow makes the index anew, larger if it is three quarters full, with room for refs
// up to four times those of now.
func (s *shard) grow(keys *hashKeys) {
	size := max(minIndex, len(s.index))
	if 4*(int(s.count)+1) > 3*size {
		size *= 2
	}
	s.index, s.shift = make([]uint32, size), uint8(bits.Len32(s.end)+2)
	for ref, r := range s.records {
		s.put(keys.sum(s.id(ref, r)), ref)
	}
}

// records goes through the shard in order of arrival.
func (s *shard) records(yield func(ref uint32, r *record) bool) {
	for ref := uint32(0); ref < s.end; {
		if chunkUnits-ref%chunkUnits >= recordHead/unit {
			if r := s.record(ref); r.source() != noSource {
				if !yield(ref, r) {
					return
				}
				ref += units(r.idLen())
				continue
			}
		}
		ref += chunkUnits - ref%chunkUnits // the rest of the chunk was too small
	}
}
