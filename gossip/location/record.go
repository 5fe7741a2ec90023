package location

import "encoding/binary"

// A record is what the table keeps of an entry: numbers, each in its place,
// little-endian, then the client's ID. It has no pointers, and an update does not
// change its length. With a 20-byte ID it is a cache line.
//
//	0   client's time in nanoseconds, which is the order time too; top bit: longitude is negative
//	8   clock of the origin at receipt
//	16  magnitude of the latitude, and in 7 bits how it was written, as on the wire
//	24  magnitude of the longitude, and in 6 bits the same but for the sign
//	32  length of the ID in one byte
//	33  10·digits before the point of the time + digits after
//	34  number of the dot in six bytes
//	40  in the lowest bit, whether the position ended with a slash; source in 26 bits, see
//	    below; in 5 bits the level of its leaf in the grid, if there is one
//	44  ID, then up to seven bytes of nothing: records begin at a multiple of unit
//
// An entry that this can't give back has oddSource and is kept whole elsewhere: one
// that has kept text, whose order time is clamped, whose dot's number is too long, or
// whose source has no number.
//
// The slice begins at the record and may go on after it. Nil is no record.
type record []byte

const (
	recordHead = 44
	unit       = 8 // bytes

	maxSeq   = 1<<48 - 1
	topBit   = 1 << 63
	latShift = 7 // 90·10^maxFraction < 2^57
	lonShift = 6 // 180·10^maxFraction < 2^58

	sourceBits = 26
	sourceMask = (1<<sourceBits - 1) << 1
	levelShift = sourceBits + 1

	noSource    = 0 // there is no record here
	oddSource   = 1
	deadSource  = 2 // its client is gone; ID and length are what they were
	firstSource = 3 // to which the number in the table of sources is added
)

// odd tells whether a record can't hold e.
func odd(e *Entry) bool {
	return e.Order != e.Time.nanos || e.Time.text != "" || e.Position.text != "" || e.Dot.Seq > maxSeq
}

// set writes all but the ID and its length. e is not odd; s is its source.
func (r record) set(e *Entry, s *source) {
	h, le := (*[recordHead]byte)(r), binary.LittleEndian
	lat, lon := &e.Position.lat, &e.Position.lon
	le.PutUint64(h[0:], uint64(e.Time.nanos)|bit(lon.negative)<<63)
	le.PutUint64(h[8:], uint64(e.Received))
	le.PutUint64(h[16:], lat.mantissa<<latShift|uint64(lat.format()))
	le.PutUint64(h[24:], lon.mantissa<<lonShift|uint64(lon.format())&(1<<lonShift-1))
	le.PutUint64(h[32:], e.Dot.Seq<<16|uint64(10*e.Time.integer+e.Time.fraction)<<8|uint64(h[32]))
	level := le.Uint32(h[40:]) >> levelShift << levelShift
	le.PutUint32(h[40:], level|(firstSource+s.number)<<1|uint32(bit(e.Position.slash)))
}

// get gives back what was set; s is the record's source.
func (r record) get(e *Entry, s *source) {
	h, le := (*[recordHead]byte)(r), binary.LittleEndian
	nanos, format := int64(le.Uint64(h[0:])&^topBit), h[33]
	e.Order, e.Received, e.Node = nanos, int64(le.Uint64(h[8:])), s.node
	e.Time.nanos, e.Time.integer, e.Time.fraction, e.Time.text = nanos, format/10, format%10, ""
	e.Position = r.position()
	e.Dot.Takeovers, e.Dot.Origin, e.Dot.Seq = s.takeovers, s.origin, le.Uint64(h[32:])>>16
}

// order is the order time of a record that is not odd.
func (r record) order() int64 { return int64(binary.LittleEndian.Uint64(r) &^ topBit) }

// position is that of what was set.
func (r record) position() (p Position) {
	h, le := (*[recordHead]byte)(r), binary.LittleEndian
	when, lat, lon := le.Uint64(h[0:]), le.Uint64(h[16:]), le.Uint64(h[24:])
	p.lat = newCoordinate(lat>>latShift, uint8(lat&(1<<latShift-1)))
	p.lon = newCoordinate(lon>>lonShift, uint8(lon&(1<<lonShift-1)|when>>63<<lonShift))
	p.slash = h[40]&1 != 0
	return p
}

func (r record) tail() uint32       { return binary.LittleEndian.Uint32(r[40:]) }
func (r record) setTail(n uint32)   { binary.LittleEndian.PutUint32(r[40:], n) }
func (r record) source() uint32     { return r.tail() & sourceMask >> 1 }
func (r record) setSource(n uint32) { r.setTail(r.tail()&^sourceMask | n<<1) }
func (r record) level() int         { return int(r.tail() >> levelShift) }
func (r record) setLevel(n int) {
	r.setTail(r.tail()<<(32-levelShift)>>(32-levelShift) | uint32(n)<<levelShift)
}
func (r record) id() []byte { return r[recordHead : recordHead+int(r[32])] }

func (r record) setID(id []byte) {
	r[32] = byte(len(id))
	copy(r[recordHead:], id)
}

// units is the length of a record with an ID of n bytes.
func units(n int) uint32 { return uint32(recordHead+n+unit-1) / unit }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
