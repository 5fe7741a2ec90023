package location

import "errors"

// ErrPosition is returned for text that is not a position.
var ErrPosition = errors.New("not ISO 6709 decimal degrees: signed latitude within 90, signed longitude within 180")

// maxFraction is how many digits of a fraction fit the numbers: 180*10^15 < 2^63.
const maxFraction = 15

// Position is a point on the earth as a client wrote it, in ISO 6709 decimal
// degrees: "+34.068930-118.445127". It gives the client's text back byte for byte.
//
// Two Positions made by [ParsePosition] are == exactly when their texts are
// equal. The zero Position is no position; it writes nothing.
type Position struct {
	lat, lon coordinate
	slash    bool   // ended with ISO's terminator
	text     string // kept only where the numbers cannot rebuild it
}

// coordinate is one signed number of a position.
type coordinate struct {
	mantissa uint64 // magnitude times 10^fraction
	negative bool   // the sign as written: -0 stays -0
	integer  uint8  // digits before the point, 1..3; 0 in the zero Position
	fraction uint8  // digits after the point; 0: no point
}

// ParsePosition reads a latitude and a longitude, both signed, nothing between,
// with an optional "/" at the end. It keeps no reference to b.
func ParsePosition(b []byte) (Position, error) {
	var p Position
	rest, exactLat, ok := p.lat.parse(b, 90)
	if !ok {
		return Position{}, ErrPosition
	}
	rest, exactLon, ok := p.lon.parse(rest, 180)
	if !ok {
		return Position{}, ErrPosition
	}
	if len(rest) == 1 && rest[0] == '/' {
		p.slash, rest = true, nil
	}
	if len(rest) > 0 {
		return Position{}, ErrPosition
	}
	if !exactLat || !exactLon {
		p.text = string(b)
	}
	return p, nil
}

// parse reads one coordinate within ±limit from the front of b. exact is false
// if the fraction had more digits than the mantissa holds.
func (c *coordinate) parse(b []byte, limit uint64) (rest []byte, exact, ok bool) {
	if len(b) == 0 || b[0] != '+' && b[0] != '-' {
		return nil, false, false
	}
	c.negative = b[0] == '-'
	i := 1
	for ; i < len(b) && isDigit(b[i]); i++ {
		if i > 3 {
			return nil, false, false
		}
		c.mantissa = c.mantissa*10 + uint64(b[i]-'0')
	}
	if i == 1 || c.mantissa > limit {
		return nil, false, false
	}
	c.integer = uint8(i - 1)
	if i == len(b) || b[i] != '.' {
		return b[i:], true, true
	}
	atLimit, start := c.mantissa == limit, i+1
	exact = true
	for i = start; i < len(b) && isDigit(b[i]); i++ {
		if atLimit && b[i] != '0' {
			return nil, false, false // 90.000…1 is out of range, however far out the 1 stands
		}
		if i-start < maxFraction {
			c.mantissa = c.mantissa*10 + uint64(b[i]-'0')
			c.fraction++
		} else {
			exact = false
		}
	}
	return b[i:], exact, i > start
}

func (c coordinate) append(dst []byte) []byte {
	sign := byte('+')
	if c.negative {
		sign = '-'
	}
	dst = append(dst, sign)
	if c.fraction == 0 {
		return appendPadded(dst, c.mantissa, int(c.integer))
	}
	scale := pow10[c.fraction]
	dst = appendPadded(dst, c.mantissa/scale, int(c.integer))
	return appendPadded(append(dst, '.'), c.mantissa%scale, int(c.fraction))
}

func (c coordinate) degrees() float64 {
	d := float64(c.mantissa) / float64(pow10[c.fraction])
	if c.negative {
		return -d
	}
	return d
}

var pow10 = [maxFraction + 1]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// Degrees is the point as floating-point degrees, for searching around it:
// latitude within ±90, longitude within ±180. Never order fixes by it.
func (p Position) Degrees() (lat, lon float64) { return p.lat.degrees(), p.lon.degrees() }

// Append appends the client's text to dst.
func (p Position) Append(dst []byte) []byte {
	if p.text != "" || p.lat.integer == 0 {
		return append(dst, p.text...)
	}
	dst = p.lon.append(p.lat.append(dst))
	if p.slash {
		dst = append(dst, '/')
	}
	return dst
}

// String is the client's text.
func (p Position) String() string { return string(p.Append(nil)) }
