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
// ever: those who take reports do not meet. The sealer holds the locks of all
// stripes, so a report is in the table and in the batch before, or in neither.
type open struct {
	name    string // of the node
	stripes []stripe
	shift   uint // hash >> shift is the stripe
	room    int  // bytes of a stripe
}

type stripe struct {
	mu    sync.Mutex
	seq   uint64      // of the open batch: the same in all stripes
	fixes []byte      // encoded
	at    []uint32    // where each begins
	some  atomic.Bool // there are any

	accepted, stale, clamped, mailed uint64 // see Stats

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

// empty tells whether nothing was accepted before the call. What is being accepted
// meanwhile may or may not count.
func (o *open) empty() bool {
	for i := range o.stripes {
		if o.stripes[i].some.Load() {
			return false
		}
	}
	return true
}

// number is the open batch's. Any dot of ours that has left this node is of that one or
// of one before.
func (o *open) number() uint64 {
	s := &o.stripes[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// take makes the batch a message and the next one, of number seq, the open one. It
// returns nil if there is nothing in it.
func (o *open) take(seq uint64) (message []byte) {
	bytes := 0
	for i := range o.stripes {
		s := &o.stripes[i]
		s.mu.Lock()
		bytes += len(s.fixes)
	}
	if bytes > 0 {
		message = beginBatch(make([]byte, 0, o.overhead()+bytes), o.name, seq-2, seq-1)
	}
	for i := range o.stripes {
		s := &o.stripes[i]
		if bytes > 0 {
			message = append(message, s.fixes...)
			s.seq = seq
			s.reset()
		}
		s.mu.Unlock()
	}
	if bytes > 0 {
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
	s.some.Store(false)
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
	s.some.Store(true)
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
