package replica

import (
	"bytes"
	"math/bits"
	"sync"
	"sync/atomic"

	"herd/gossip/location"
)

// open is the open batch: the fixes accepted since the last one was sealed, encoded as
// they will be sent. For each client the greatest of them is in it.
//
// It is in stripes, each with a lock of its own, and who takes reports has one for ever:
// its memory stays with his processor, and others do not wait for him. A client may be in
// several, in any order: whoever merges the batch keeps the greatest.
//
// The sealer ends one stripe after the other: what is reported meanwhile is of this batch
// or of the next, as its stripe is. It is in the table and in that batch before the sealer
// has the stripe, or in neither.
type open struct {
	name    string // of the node
	stripes []stripe
	bytes   int         // of fixes in all stripes
	block   int         // bytes that a stripe gets at a time
	between func(i int) // of a test: the sealer has ended stripe i and no other since

	_    [64]byte     // what is above never changes
	left atomic.Int64 // bytes that no stripe has got
	_    [64]byte
}

type stripe struct {
	mu    sync.Mutex
	seq   uint64        // of the open batch: the same in all stripes, but for the sealer's
	fixes []byte        // encoded
	at    []uint32      // where each begins
	got   int           // bytes of the open batch that are its own
	size  atomic.Uint32 // of fixes

	accepted, stale, repeated, clamped, mailed, refused uint64 // see Stats

	_ [128]byte // own cache lines; a processor may fetch two at a time
}

func newOpen(name string, stripes, bytes int) *open {
	n := 1 << bits.Len(uint(stripes-1))
	o := &open{name: name, stripes: make([]stripe, n)}
	o.bytes = bytes - o.overhead()
	o.block = max(1, o.bytes/(4*n))
	o.left.Store(int64(o.bytes))
	for i := range o.stripes {
		o.stripes[i].seq = 1
	}
	return o
}

// overhead is the most that the batch takes beside its fixes.
func (o *open) overhead() int { return batchOverhead + len(o.name) }

// of is the stripe of whoever takes reports by number i.
func (o *open) of(i int) *stripe { return &o.stripes[i&(len(o.stripes)-1)] }

// room gets room for n bytes more in s, whose lock the caller has, if there is any.
func (o *open) room(s *stripe, n int) bool {
	lacks := len(s.fixes) + n - s.got
	for lacks > 0 {
		left := int(o.left.Load())
		if left < lacks {
			return false
		}
		get := min(left, max(lacks, o.block))
		if o.left.CompareAndSwap(int64(left), int64(left-get)) {
			s.got += get
			break
		}
	}
	return true
}

// size is that of the fixes accepted before the call. What is being accepted meanwhile
// may or may not count.
func (o *open) size() (bytes int) {
	for i := range o.stripes {
		bytes += int(o.stripes[i].size.Load())
	}
	return bytes
}

// settled is size when what is being accepted has been: a report that lost to one of those
// already waits for its batch.
func (o *open) settled() (bytes int) {
	for i := range o.stripes {
		s := &o.stripes[i]
		s.mu.Lock()
		bytes += len(s.fixes)
		s.mu.Unlock()
	}
	return bytes
}

// empty tells whether size is 0.
func (o *open) empty() bool {
	for i := range o.stripes {
		if o.stripes[i].size.Load() > 0 {
			return false
		}
	}
	return true
}

// number is the open batch's. Any dot of ours that has left this node is of that one or
// of one before: the sealer begins with the first stripe.
func (o *open) number() uint64 {
	s := &o.stripes[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// take makes the batch a message, or nothing if that is not wanted, and the next one, of
// number seq, the open one.
func (o *open) take(seq uint64, wanted bool) (message []byte) {
	if wanted {
		bytes := o.size()
		message = make([]byte, 0, o.overhead()+bytes+bytes/8) // some may come yet
		message = beginBatch(message, o.name, seq-2, seq-1)
	}
	back := 0 // given when all is taken, else more than there is room for might come
	for i := range o.stripes {
		s := &o.stripes[i]
		s.mu.Lock()
		if wanted {
			message = append(message, s.fixes...)
		}
		s.seq = seq
		back += s.got
		s.reset()
		s.mu.Unlock()
		if o.between != nil {
			o.between(i)
		}
	}
	o.left.Add(int64(back))
	if wanted {
		message = finish(append(message, 0), 0)
	}
	return message
}

func (s *stripe) reset() {
	const keep = 64 << 10 // bytes: one fix may have been longer
	s.fixes, s.at, s.got = s.fixes[:0], s.at[:0], 0
	if cap(s.fixes) > keep {
		s.fixes = nil
	}
	s.size.Store(0)
}

// add puts e in s, whose lock the caller has. It takes the place of was, which the table
// held before, if that is near.
func (o *open) add(s *stripe, id []byte, e, was *location.Entry) {
	if was.Dot == e.Dot && s.replace(o.name, id, e) {
		return
	}
	s.mailed++
	s.at = append(s.at, uint32(len(s.fixes)))
	s.fixes = appendBatchFix(s.fixes, o.name, id, e)
	s.size.Store(uint32(len(s.fixes)))
}

// near is how many fixes replace looks at: a client who reports again at once is among the
// last. If he is not, his fix is sent with the one before.
const near = 32

// replace overwrites the fix of a client, the last if there are more, by one as long. The
// table has held it, or a greater one that e has replaced there.
func (s *stripe) replace(name string, id []byte, e *location.Entry) bool {
	end := len(s.fixes)
	for i := len(s.at) - 1; i >= max(0, len(s.at)-near); i-- {
		fix := s.fixes[s.at[i]:end]
		end = int(s.at[i])
		if int(fix[0]) == len(id) && bytes.Equal(fix[1:1+len(id)], id) {
			if len(fix) != encodedLen(name, id, e) {
				return false
			}
			appendBatchFix(fix[:0], name, id, e)
			return true
		}
	}
	return false
}
