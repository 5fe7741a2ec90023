package location

import (
	"sync/atomic"
	"unsafe"
)

// together is how many clients Prefetch looks for at a time: a processor waits for
// about as many lines of memory at once.
const together = 16

// Prefetch asks for the memory that the fixes of some clients lie in, so that calls of
// Merge and Get that soon follow need not wait for it, one by one: in a table larger than
// the caches that is most of what they cost. It changes nothing that anybody sees, and
// neither waits nor keeps ids.
//
// It takes no lock: a processor that takes one first waits for all that it has asked for.
// So it may miss what others are just adding or moving.
func (t *Table) Prefetch(ids [][]byte) {
	for len(ids) > 0 {
		n := min(len(ids), together)
		t.prefetch(ids[:n])
		ids = ids[n:]
	}
}

// prefetch goes from one address to the next with all of ids, at most together: it
// never waits for what it has just asked for.
func (t *Table) prefetch(ids [][]byte) {
	var hashes [together]uint64
	var lines [2 * together]unsafe.Pointer // of the caches
	for i, id := range ids {
		hashes[i] = t.keys.sum(id)
		lines[i] = unsafe.Pointer(t.shard(hashes[i])) // its lock will be written
	}
	fetchOwn(&lines, len(ids))
	for i := range ids {
		lines[i] = nil
		if index, _ := t.shard(hashes[i]).shown.load(); index != nil {
			lines[i] = unsafe.Pointer(&index[uint32(hashes[i])&uint32(len(index)-1)])
		}
	}
	fetch(&lines, len(ids))
	for i, id := range ids {
		s := t.shard(hashes[i])
		lines[2*i], lines[2*i+1] = nil, nil
		if ref, ok := s.glance(hashes[i]); ok {
			r := s.record(ref) // not read: it may be another's by now
			lines[2*i], lines[2*i+1] = unsafe.Pointer(&r[0]), unsafe.Pointer(&r[min(recordHead+len(id), len(r))-1])
		}
	}
	fetchOwn(&lines, 2*len(ids))
}

// glance finds, without the lock, the record that find would look at first.
func (s *shard) glance(hash uint64) (ref uint32, ok bool) {
	index, shift := s.shown.load()
	tag := uint32(hash>>20) >> shift << shift
	for i := range index {
		entry := atomic.LoadUint32(&index[(uint32(hash)+uint32(i))&uint32(len(index)-1)])
		if entry == 0 {
			break
		}
		if entry>>shift<<shift == tag {
			return entry - tag - 1, true
		}
	}
	return 0, false
}

// shown is the index of a shard for those who do not hold its lock. From when it is shown
// its entries are written by atomic stores alone, and no index is shown again after another.
type shown struct {
	first atomic.Pointer[uint32] // entry; nil: none, or it is being changed
	shape atomic.Uint64          // length<<8 | shift
}

// store shows an index. Its caller holds the lock.
func (x *shown) store(index []uint32, shift uint8) {
	x.first.Store(nil)
	x.shape.Store(uint64(len(index))<<8 | uint64(shift))
	x.first.Store(&index[0])
}

// load gives the index that is shown, nil if there is none. Who sees the same first entry
// before and after has seen the shape that belongs to it.
func (x *shown) load() (index []uint32, shift uint8) {
	first, shape := x.first.Load(), x.shape.Load()
	if first == nil || x.first.Load() != first {
		return nil, 0
	}
	return unsafe.Slice(first, shape>>8), uint8(shape)
}
