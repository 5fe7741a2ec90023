package location

import (
	"errors"
	"math"
)

// ErrTime is returned for text that is not a client's time.
var ErrTime = errors.New("not POSIX seconds: unsigned decimal, at most 9223372036.854775807")

const (
	nanosPerSecond = 1_000_000_000
	maxTimeDigits  = 20 // integer digits kept as a count; more (leading zeros) keep the text
)

// Time is a client's time: POSIX seconds as the client wrote them. It compares
// by the nanosecond and gives back the client's text byte for byte. Digits past
// the ninth of the fraction are kept and do not count.
//
// Two Times made by [ParseTime] are == exactly when their texts are equal. The
// zero Time is no time; it writes nothing.
type Time struct {
	nanos    int64
	integer  uint8  // digits before the point; 0 in the zero Time and where text is kept
	fraction uint8  // digits after the point; 0: no point
	text     string // kept only where the numbers cannot rebuild it
}

// ParseTime reads decimal seconds, "1621464827.959498503". It keeps no reference to b.
func ParseTime(b []byte) (Time, error) {
	var (
		t     Time
		i     int
		whole uint64
	)
	for ; i < len(b) && isDigit(b[i]); i++ {
		whole = whole*10 + uint64(b[i]-'0')
		if whole > math.MaxInt64/nanosPerSecond {
			return Time{}, ErrTime
		}
	}
	integer := i
	if integer == 0 {
		return Time{}, ErrTime
	}
	var nanos uint64
	fraction := 0
	if i < len(b) {
		if b[i] != '.' || i+1 == len(b) {
			return Time{}, ErrTime
		}
		scale := uint64(nanosPerSecond / 10)
		for i++; i < len(b); i++ {
			if !isDigit(b[i]) {
				return Time{}, ErrTime
			}
			nanos += uint64(b[i]-'0') * scale
			scale /= 10
			fraction++
		}
	}
	nanos += whole * nanosPerSecond // at most 2^63-1 + 10^9: no overflow of uint64
	if nanos > math.MaxInt64 {
		return Time{}, ErrTime
	}
	t.nanos = int64(nanos)
	if integer <= maxTimeDigits && fraction <= 9 {
		t.integer, t.fraction = uint8(integer), uint8(fraction)
	} else {
		t.text = string(b)
	}
	return t, nil
}

// Nanos is the time in nanoseconds since the epoch, from 0 to math.MaxInt64.
func (t Time) Nanos() int64 { return t.nanos }

// Append appends the client's text to dst.
func (t Time) Append(dst []byte) []byte {
	if t.integer == 0 {
		return append(dst, t.text...)
	}
	dst = appendPadded(dst, uint64(t.nanos)/nanosPerSecond, int(t.integer))
	if t.fraction == 0 {
		return dst
	}
	frac := uint64(t.nanos) % nanosPerSecond
	for range 9 - t.fraction {
		frac /= 10
	}
	return appendPadded(append(dst, '.'), frac, int(t.fraction))
}

// String is the client's text.
func (t Time) String() string { return string(t.Append(nil)) }

// appendPadded appends n in decimal, with leading zeros up to width digits.
func appendPadded(dst []byte, n uint64, width int) []byte {
	var buf [20]byte
	i := len(buf)
	for n > 0 || len(buf)-i < width {
		i--
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, buf[i:]...)
}

func isDigit(c byte) bool { return c-'0' <= 9 }
