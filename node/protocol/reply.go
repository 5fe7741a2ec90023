package protocol

import (
	"strconv"

	"herd/gossip/location"
)

// AppendAt appends the AT line of client id's fix f, its line feed included.
func AppendAt(dst, id []byte, f *location.Fix) []byte {
	dst = append(dst, "AT "...)
	dst = append(dst, f.Node...)
	dst = append(dst, ' ')
	dst = AppendDifference(dst, f.Difference())
	dst = append(dst, ' ')
	dst = append(dst, id...)
	dst = append(dst, ' ')
	dst = f.Position.Append(dst)
	dst = append(dst, ' ')
	dst = f.Time.Append(dst)
	return append(dst, '\n')
}

// PlacesEnd ends the reply to a WHATSAT.
const PlacesEnd = "\n\n"

// AppendWhatsAt appends the reply to a WHATSAT: the AT line, what is near, a Nearby
// Search body without a newline at its end and without an empty line, and
// [PlacesEnd].
func AppendWhatsAt(dst, id []byte, f *location.Fix, body []byte) []byte {
	dst = AppendAt(dst, id, f)
	dst = append(dst, body...)
	return append(dst, PlacesEnd...)
}

// AppendInvalid appends the reply to an invalid line, or to what was read of one
// that is too long: the line's bytes after a question mark.
func AppendInvalid(dst, line []byte) []byte {
	dst = append(dst, "? "...)
	dst = append(dst, line...)
	return append(dst, '\n')
}

// AppendDifference appends nanoseconds as an AT line has them: signed seconds with nine decimals.
func AppendDifference(dst []byte, nanos int64) []byte {
	const second = 1_000_000_000
	sign, n := byte('+'), uint64(nanos)
	if nanos < 0 {
		sign, n = '-', -n // two's complement: right for math.MinInt64 too
	}
	dst = append(dst, sign)
	dst = strconv.AppendUint(dst, n/second, 10)
	dst = append(dst, '.')
	n %= second
	for scale := uint64(second / 10); scale > 0; scale /= 10 {
		dst = append(dst, byte('0'+n/scale%10))
	}
	return dst
}
