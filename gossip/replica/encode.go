package replica

import (
	"encoding/binary"
	"math/bits"
	"time"

	"herd/gossip/location"
)

// A message is one kind byte and a body; on the wire its length, four bytes, big
// endian, stands before it. Integers are varints of the shortest form.
//
//	batch   name of the origin's node, prev, seq, fixes, 0
//	ack     seq, the member's clock
//	grant   the clock that is echoed, how long the lease lasts from there
//	behind
//	find    look-up, id
//	found   look-up, 0; or look-up, 1 and a fix as in a chunk
//	ask     is this our hello?, is it full?, vector
//	chunk   fixes, 0
//	commit  vector
//	floor   order time, id
//	stored  origin in eight bytes, then as in a batch of it
//	saved   greatest time that the wall clock has shown, vector
//
//	id      length in one byte, 1..255, and as many bytes, none of them white space
//	name    likewise
//	vector  number of entries; of each in ascending order: origin in eight bytes, seq
//
// A fix in a batch is its id; 0, or 1 with takeovers and name if it has others than
// the batch; the fix as package location writes it. In a chunk it is a source, seq,
// takeovers, id, fix. A source is 1 with an origin and a name, and from then on, in the
// same message, 2 for the first such pair, 3 for the second.
type kind uint8

const (
	kindBatch kind = iota + 1
	kindAck
	kindGrant
	kindBehind
	kindFind
	kindFound
	kindAsk
	kindChunk
	kindCommit
	kindFloor

	// Of these and of chunks and floors is what a disk keeps; no peer is sent them.
	kindStored
	kindSaved
)

// String is the kind's name in lower case.
func (k kind) String() string {
	names := [...]string{"batch", "ack", "grant", "behind", "find", "found", "ask", "chunk", "commit", "floor", "stored", "saved"}
	if k < kindBatch || k > kindSaved {
		return "unknown kind"
	}
	return names[k-kindBatch]
}

func (k kind) lane() Lane {
	if k >= kindAsk {
		return Delta
	}
	return Live
}

// Bounds of what a peer may say. Nothing that works comes near them.
const (
	maxSeq       = 1 << 62
	maxTakeovers = 1 << 30
	maxOrigins   = 1 << 16 // entries of a vector: about a megabyte
	maxName      = 255     // bytes of a node's name
)

// prefixLen is the length of a message's length.
const prefixLen = 4

func begin(buf []byte, k kind) []byte { return append(buf, 0, 0, 0, 0, byte(k)) }

// finish writes the length of the message that begin began at start.
func finish(buf []byte, start int) []byte {
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-prefixLen))
	return buf
}

func beginBatch(buf []byte, name string, prev, seq uint64) []byte {
	buf = appendShort(begin(buf, kindBatch), name)
	return binary.AppendUvarint(binary.AppendUvarint(buf, prev), seq)
}

// appendBatchFix appends a fix to the batch of the node of that name.
func appendBatchFix[ID string | []byte](buf []byte, name string, id ID, e *location.Entry) []byte {
	buf = appendShort(buf, id)
	if e.Dot.Takeovers == 0 && e.Node == name {
		buf = append(buf, 0)
	} else {
		buf = binary.AppendUvarint(append(buf, 1), uint64(e.Dot.Takeovers))
		buf = appendShort(buf, e.Node)
	}
	return e.AppendWire(buf)
}

func appendBatch(buf []byte, name string, prev, seq uint64, fixes []record) []byte {
	start := len(buf)
	buf = beginBatch(buf, name, prev, seq)
	for i := range fixes {
		buf = appendBatchFix(buf, name, fixes[i].id, &fixes[i].entry)
	}
	return finish(append(buf, 0), start)
}

// batchOverhead bounds what a batch takes beside its fixes and the name of its node.
const batchOverhead = prefixLen + 1 + 1 + 2*binary.MaxVarintLen64 + 1

// encodedLen is what a fix takes in a batch of the node of that name.
func encodedLen[ID string | []byte](name string, id ID, e *location.Entry) int {
	n := 1 + len(id) + 1 + e.WireLen()
	if e.Dot.Takeovers > 0 || e.Node != name {
		n += uvarintLen(uint64(e.Dot.Takeovers)) + 1 + len(e.Node)
	}
	return n
}

func uvarintLen(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

func appendAck(buf []byte, seq uint64, clock time.Duration) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindAck), seq)
	return finish(binary.AppendUvarint(buf, uint64(clock)), start)
}

func appendGrant(buf []byte, clock, length time.Duration) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindGrant), uint64(clock))
	return finish(binary.AppendUvarint(buf, uint64(length)), start)
}

func appendBehind(buf []byte) []byte { return finish(begin(buf, kindBehind), len(buf)) }

func appendFind(buf []byte, lookup uint64, id []byte) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindFind), lookup)
	return finish(appendShort(buf, id), start)
}

func appendFound(buf []byte, lookup uint64, id []byte, e *location.Entry, has bool) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindFound), lookup)
	buf = appendFlag(buf, has)
	if has {
		var s sources
		buf = appendFix(buf, &s, id, e)
	}
	return finish(buf, start)
}

func appendAsk(buf []byte, v Vector, hello, full bool) []byte {
	start := len(buf)
	buf = appendFlag(appendFlag(begin(buf, kindAsk), hello), full)
	return finish(appendVector(buf, v), start)
}

func appendCommit(buf []byte, v Vector) []byte {
	start := len(buf)
	return finish(appendVector(begin(buf, kindCommit), v), start)
}

func appendFloor(buf []byte, f location.Floor) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindFloor), uint64(f.Order))
	return finish(appendShort(buf, f.ID), start)
}

func appendOrigin(buf []byte, o location.Origin) []byte {
	return binary.BigEndian.AppendUint64(buf, uint64(o))
}

// appendSaved writes down a vector for the disk, and the time of expiry.
func appendSaved(buf []byte, latest int64, v Vector) []byte {
	start := len(buf)
	buf = binary.AppendUvarint(begin(buf, kindSaved), uint64(max(0, latest)))
	return finish(appendVector(buf, v), start)
}

// source is who a fix comes from: the origin of its dot and the node that took it.
// They belong together unless the fix was taken over.
type source struct {
	origin location.Origin
	node   string
}

// sources numbers the sources of one message.
type sources struct {
	number map[source]int
	last   source
	lastAt int // of last; 0: none
}

func (s *sources) reset() {
	clear(s.number)
	s.lastAt = 0
}

// find returns the number of x, and whether x had one.
func (s *sources) find(x source) (n int, ok bool) {
	if s.lastAt > 0 && x == s.last {
		return s.lastAt, true
	}
	if n, ok = s.number[x]; !ok {
		if s.number == nil {
			s.number = map[source]int{}
		}
		n = len(s.number) + 2
		s.number[x] = n
	}
	s.last, s.lastAt = x, n
	return n, ok
}

func appendFix[ID string | []byte](buf []byte, s *sources, id ID, e *location.Entry) []byte {
	if n, ok := s.find(source{e.Dot.Origin, e.Node}); ok {
		buf = binary.AppendUvarint(buf, uint64(n))
	} else {
		buf = binary.BigEndian.AppendUint64(append(buf, 1), uint64(e.Dot.Origin))
		buf = appendShort(buf, e.Node)
	}
	buf = binary.AppendUvarint(buf, e.Dot.Seq)
	buf = binary.AppendUvarint(buf, uint64(e.Dot.Takeovers))
	return e.AppendWire(appendShort(buf, id))
}

func appendVector(buf []byte, v Vector) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(v)))
	for _, o := range v.origins() {
		buf = binary.BigEndian.AppendUint64(buf, uint64(o))
		buf = binary.AppendUvarint(buf, v[o])
	}
	return buf
}

// appendShort appends a length in one byte and text of at most 255 bytes.
func appendShort[T string | []byte](buf []byte, text T) []byte {
	return append(append(buf, byte(len(text))), text...)
}

func appendFlag(buf []byte, f bool) []byte {
	if f {
		return append(buf, 1)
	}
	return append(buf, 0)
}
