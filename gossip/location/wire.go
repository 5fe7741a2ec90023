package location

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// errWire is the error of bytes that AppendWire of a valid value can't have written.
var errWire = errors.New("not a fix as nodes write it")

// MaxText is the greatest length in bytes of a position's or a time's text that
// the herd can carry.
const MaxText = 1 << 20

// Fixes travel as numbers, and as text only where the numbers can't give the
// client's bytes back. Integers are varints of the shortest form, so that a value
// has one wire form.
//
//	fix       time, received less time (zigzag), time less order, position
//	time      format, then the time in units of its last digit; or textFormat and a text
//	position  format in two bytes, then two magnitudes; or textBit and a text
//	text      length, bytes
const (
	textFormat = 255     // of a time; others are 10·(integer digits - 1) + fraction digits
	textBit    = 1 << 15 // of a position
	slashBit   = 1 << 14 // of a position; then 7 bits for latitude and for longitude
)

// AppendWire appends the wire form of f, all but the node's name, to dst. f was made by
// [NewFix] from a position and a time whose texts are no longer than MaxText.
func (f *Fix) AppendWire(dst []byte) []byte {
	dst = f.Time.appendWire(dst)
	dst = binary.AppendVarint(dst, f.Difference())
	dst = binary.AppendUvarint(dst, uint64(f.Time.nanos-f.Order))
	return f.Position.appendWire(dst)
}

// WireLen is the number of bytes that AppendWire appends.
func (f *Fix) WireLen() int {
	d := f.Difference()
	return f.Time.wireLen() + uvarintLen(uint64(d<<1)^uint64(d>>63)) +
		uvarintLen(uint64(f.Time.nanos-f.Order)) + f.Position.wireLen()
}

// ParseFix reads the wire form of a fix that node took from the front of b. What
// it returns is as if made by [ParsePosition], [ParseTime] and [NewFix], whoever
// wrote b. It keeps no reference to b.
func ParseFix(b []byte, node string) (f Fix, rest []byte, err error) {
	w := wire{b: b}
	f = Fix{Node: node, Time: w.time()}
	difference, lag := w.varint(), w.uvarint()
	f.Position = w.position()
	nanos := f.Time.nanos
	if w.bad || difference < -nanos || difference > math.MaxInt64-nanos || lag > uint64(nanos) {
		return Fix{}, nil, errWire
	}
	f.Received, f.Order = nanos+difference, nanos-int64(lag)
	return f, w.b, nil
}

func (t Time) appendWire(dst []byte) []byte {
	if t.integer == 0 {
		return appendText(append(dst, textFormat), t.text)
	}
	dst = append(dst, 10*(t.integer-1)+t.fraction)
	return binary.AppendUvarint(dst, uint64(t.nanos)/pow10[9-t.fraction])
}

func (t Time) wireLen() int {
	if t.integer == 0 {
		return 1 + uvarintLen(uint64(len(t.text))) + len(t.text)
	}
	return 1 + uvarintLen(uint64(t.nanos)/pow10[9-t.fraction])
}

func (p Position) appendWire(dst []byte) []byte {
	if p.text != "" {
		return appendText(binary.BigEndian.AppendUint16(dst, textBit), p.text)
	}
	format := p.lat.format()<<7 | p.lon.format()
	if p.slash {
		format |= slashBit
	}
	dst = binary.BigEndian.AppendUint16(dst, format)
	dst = binary.AppendUvarint(dst, p.lat.mantissa)
	return binary.AppendUvarint(dst, p.lon.mantissa)
}

func (p Position) wireLen() int {
	if p.text != "" {
		return 2 + uvarintLen(uint64(len(p.text))) + len(p.text)
	}
	return 2 + uvarintLen(p.lat.mantissa) + uvarintLen(p.lon.mantissa)
}

// format is how the magnitude is written: sign, digits before the point, digits
// after, in 1, 2 and 4 bits.
func (c coordinate) format() uint16 {
	f := uint16(c.integer&3)<<4 | uint16(c.fraction)
	if c.negative {
		f |= 1 << 6
	}
	return f
}

// newCoordinate has the magnitude and the format that are given.
func newCoordinate(magnitude uint64, format uint8) coordinate {
	return coordinate{
		mantissa: magnitude,
		negative: format>>6 != 0,
		integer:  format >> 4 & 3,
		fraction: format & 15,
	}
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func uvarintLen(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// wire reads from the front of b. After a fault it gives zero values.
type wire struct {
	b   []byte
	bad bool
}

func (w *wire) take(n int) []byte {
	if w.bad || n > len(w.b) {
		w.bad = true
		return nil
	}
	head := w.b[:n]
	w.b = w.b[n:]
	return head
}

func (w *wire) uvarint() uint64 {
	x, n := binary.Uvarint(w.b)
	if w.bad || n <= 0 || n != uvarintLen(x) {
		w.bad = true
		return 0
	}
	w.b = w.b[n:]
	return x
}

func (w *wire) varint() int64 {
	x := w.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// text is what follows a text mark, at most MaxText long.
func (w *wire) text() []byte {
	n := w.uvarint()
	if n > MaxText {
		w.bad = true
		return nil
	}
	return w.take(int(n))
}

func (w *wire) time() Time {
	format := w.take(1)
	if w.bad {
		return Time{}
	}
	if format[0] == textFormat {
		t, err := ParseTime(w.text())
		if err != nil || t.text == "" {
			w.bad = true
			return Time{}
		}
		return t
	}
	t := Time{integer: format[0]/10 + 1, fraction: format[0] % 10}
	x, unit := w.uvarint(), pow10[9-t.fraction]
	if t.integer > maxTimeDigits || x > math.MaxInt64/unit || !fits(x*unit/nanosPerSecond, t.integer) {
		w.bad = true
		return Time{}
	}
	t.nanos = int64(x * unit)
	return t
}

func (w *wire) position() Position {
	head := w.take(2)
	if w.bad {
		return Position{}
	}
	format := binary.BigEndian.Uint16(head)
	if format == textBit {
		p, err := ParsePosition(w.text())
		if err != nil || p.text == "" {
			w.bad = true
			return Position{}
		}
		return p
	}
	p := Position{slash: format&slashBit != 0}
	p.lat = w.coordinate(format>>7&127, 90)
	p.lon = w.coordinate(format&127, 180)
	w.bad = w.bad || format&textBit != 0
	return p
}

func (w *wire) coordinate(format uint16, limit uint64) coordinate {
	c := newCoordinate(w.uvarint(), uint8(format))
	scale := pow10[c.fraction]
	if c.integer == 0 || c.mantissa > limit*scale || !fits(c.mantissa/scale, c.integer) {
		w.bad = true
	}
	return c
}

// fits tells whether n has no more than digits digits.
func fits(n uint64, digits uint8) bool {
	return int(digits) >= len(pow10) || n < pow10[digits]
}
