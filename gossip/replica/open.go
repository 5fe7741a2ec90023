package replica

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"

	"herd/gossip/location"
)

// open is the open batch: the fixes accepted since the last one was sealed, encoded as
// they will be sent. For each client the greatest of them is in it.
//
// It is in stripes, each with a lock of its own, and a client is in the same one for
// ever: those who take reports do not meet. The sealer ends one stripe after the other:
// what is reported meanwhile is of this batch or of the next, as its stripe is. It is in
// the table and in that batch before the sealer has the stripe, or in neither.
type open struct {
	name    string // of the node
	stripes []stripe
	shift   uint // hash >> shift is the stripe
	room    int  // bytes of a stripe
}

type stripe struct {
	mu    sync.Mutex
	seq   uint64        // of the open batch: the same in all stripes, but for the sealer's
	fixes []byte        // encoded
	at    []uint32      // where each begins
	size  atomic.Uint32 // of fixes

	accepted, stale, repeated, clamped, mailed, refused uint64 // see Stats

	_ [64]byte // own cache line
}

func newOpen(name string, stripes, bytes int) *open {
	n := 1 << bits.Len(uint(stripes-1))
	o := &open{name: name, stripes: make([]stripe, n), shift: uint(64 - bits.TrailingZeros(uint(n)))}
	o.room = (bytes - o.overhead()) / n
	for i := range o.stripes {
		o.stripes[i].seq = 1
	}
	return o
}

// overhead is the most that the batch takes beside its fixes.
func (o *open) overhead() int { return batchOverhead + len(o.name) }

// of is the stripe of a client. Whoever can choose IDs that fall in one gains no more than
// smaller batches.
func (o *open) of(id []byte) *stripe {
	const k = 0x9e3779b97f4a7c15
	h := uint64(len(id)) * k
	for len(id) >= 8 {
		h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(id))*k, 29)
		id = id[8:]
	}
	for _, c := range id {
		h = (h ^ uint64(c)) * k
	}
	return &o.stripes[(h^h>>32)*k>>o.shift]
}

// size is that of the fixes accepted before the call. What is being accepted meanwhile
// may or may not count.
func (o *open) size() (bytes int) {
	for i := range o.stripes {
		bytes += int(o.stripes[i].size.Load())
	}
	return bytes
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
	for i := range o.stripes {
		s := &o.stripes[i]
		s.mu.Lock()
		if wanted {
			message = append(message, s.fixes...)
		}
		s.seq = seq
		s.reset()
		s.mu.Unlock()
	}
	if wanted {
		message = finish(append(message, 0), 0)
	}
	return message
}

func (s *stripe) reset() {
	const keep = 64 << 10 // bytes: one fix may have been longer
	s.fixes, s.at = s.fixes[:0], s.at[:0]
	if cap(s.fixes) > keep {
		s.fixes = nil
	}
	s.size.Store(0)
}

// add puts e in. It takes the place of was, which the table held before, if that is in
// here too.
func (s *stripe) add(name string, id []byte, e, was *location.Entry) {
	if was.Dot == e.Dot && s.replace(name, id, e) {
		return
	}
	s.mailed++
	s.at = append(s.at, uint32(len(s.fixes)))
	s.fixes = appendBatchFix(s.fixes, name, id, e)
	s.size.Store(uint32(len(s.fixes)))
}

// replace overwrites the fix of a client, the last if there are two, by one as long.
func (s *stripe) replace(name string, id []byte, e *location.Entry) bool {
	end := len(s.fixes)
	for i := len(s.at) - 1; i >= 0; i-- {
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
