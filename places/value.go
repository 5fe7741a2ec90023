package places

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendString quotes s.
func appendString(b []byte, s string) []byte {
	b = appendEscaped(append(b, '"'), s)
	return append(b, '"')
}

const hex = "0123456789abcdef"

// appendEscaped appends s as it stands between quotes. It escapes exactly what
// encoding/json does, and Google: what ends a string or a line, what a browser could
// take for markup, what is not UTF-8.
func appendEscaped(b []byte, s string) []byte {
	for {
		n := plain(s)
		b = append(b, s[:n]...)
		if s = s[n:]; s == "" {
			return b
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\ufffd`...)
		case r == '"', r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\u2028', r == '\u2029': // they end lines of JavaScript
			b = append(b, `\u202`...)
			b = append(b, hex[r&0xf])
		case r < utf8.RuneSelf:
			b = append(b, `\u00`...)
			b = append(b, hex[r>>4], hex[r&0xf])
		default:
			b = append(b, s[:size]...)
		}
		s = s[size:]
	}
}

// plain is how many bytes at the beginning of s are ASCII that needs no escape.
func plain(s string) int {
	for i := range len(s) {
		if special[s[i]] {
			return i
		}
	}
	return len(s)
}

// special has the bytes that appendEscaped looks at closely. It never changes.
var special = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c >= utf8.RuneSelf || strings.IndexByte(`"\<>&`, byte(c)) >= 0
	}
	return t
}()

// appendNumber appends the shortest decimal that means v. Most are coordinates of at
// most five decimals: if v is the number nearest to such a one, no shorter one means it,
// since no two of up to 15 digits mean the same number.
func appendNumber(b []byte, v float64) []byte {
	const unit = 1e5
	size := math.Abs(v)
	if !(size > 0 && size < 1000) {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	n := uint32(size*unit + 0.5)
	if float64(n)/unit != size {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	if v < 0 {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, uint64(n/unit), 10)
	if n %= unit; n == 0 {
		return b
	}
	b = append(b, '.')
	for n > 0 {
		n *= 10
		b = append(b, byte('0'+n/unit))
		n %= unit
	}
	return b
}
