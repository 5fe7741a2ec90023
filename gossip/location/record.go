package location

import "encoding/binary"

// A record is what the table keeps of an entry: numbers in a fixed place each,
// little-endian, then the client's ID. It has no pointers, and what changes with an
// update has always the same length.
//
//	0   8  client's time, nanoseconds; it is the order time too
//	8   8  clock of the origin at receipt
//	16  8  magnitude of the latitude
//	24  8  magnitude of the longitude
//	32  8  number of the dot
//	40  4  source, see below
//	44  1  length of the ID
//	45  1  format of the time: 10·digits before the point + digits after
//	46  1  format of the latitude, as on the wire; and slashMark
//	47  1  format of the longitude
//	48     ID, then up to three bytes of nothing: records begin at a multiple of unit
//
// An entry that this can't give back has oddSource, and is kept whole elsewhere:
// one with a text that is kept as text, and one whose order time is clamped.
type record [recordHead]byte

const (
	recordHead = 48
	unit       = 4

	slashMark = 1 << 7

	noSource    = 0 // there is no record here
	oddSource   = 1
	firstSource = 2 // of the others, the number in the table of sources is added
)

// odd tells whether a record can't hold e.
func odd(e *Entry) bool {
	return e.Order != e.Time.nanos || e.Time.text != "" || e.Position.text != ""
}

// set writes all but the ID.
func (r *record) set(e *Entry, s *source) {
	le := binary.LittleEndian
	le.PutUint64(r[0:], uint64(e.Time.nanos))
	le.PutUint64(r[8:], uint64(e.Received))
	le.PutUint64(r[16:], e.Position.lat.mantissa)
	le.PutUint64(r[24:], e.Position.lon.mantissa)
	le.PutUint64(r[32:], e.Dot.Seq)
	le.PutUint32(r[40:], firstSource+s.number)
	r[45] = 10*e.Time.integer + e.Time.fraction
	r[46] = byte(e.Position.lat.format())
	if e.Position.slash {
		r[46] |= slashMark
	}
	r[47] = byte(e.Position.lon.format())
}

// get is what was set; s is the record's source.
func (r *record) get(e *Entry, s *source) {
	le := binary.LittleEndian
	e.Time = Time{nanos: int64(le.Uint64(r[0:])), integer: r[45] / 10, fraction: r[45] % 10}
	e.Order = e.Time.nanos
	e.Received = int64(le.Uint64(r[8:]))
	e.Position = Position{
		lat:   newCoordinate(le.Uint64(r[16:]), r[46]&^slashMark),
		lon:   newCoordinate(le.Uint64(r[24:]), r[47]),
		slash: r[46]&slashMark != 0,
	}
	e.Node = s.node
	e.Dot = Dot{s.takeovers, s.origin, le.Uint64(r[32:])}
}

func (r *record) source() uint32     { return binary.LittleEndian.Uint32(r[40:]) }
func (r *record) setSource(n uint32) { binary.LittleEndian.PutUint32(r[40:], n) }
func (r *record) idLen() int         { return int(r[44]) }
func (r *record) setIDLen(n int)     { r[44] = byte(n) }

// units is the length of a record with an ID of n bytes.
func units(n int) uint32 { return uint32(recordHead+n+unit-1) / unit }
