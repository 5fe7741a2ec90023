package location

import (
	"math"
	"math/bits"
)

// cellLevels is how often the world is quartered by position: into cells of 1.2 m by
// 2.4 m at the equator.
const cellLevels = 24

// cellKey says in which cell of each level a point lies: one bit of each number a level,
// the highest first. West and east of a meridian, south and north of a parallel have
// other keys; which of them the line itself has does not matter.
type cellKey struct{ lat, lon uint32 } // below 1<<cellLevels

func (p *Position) cellKey() cellKey {
	return cellKey{p.lat.cellIndex(180), p.lon.cellIndex(360)}
}

// cellIndex cuts a circle or half of one, around 0, into 1<<cellLevels parts.
func (c *coordinate) cellIndex(whole float64) uint32 {
	const n = 1 << cellLevels
	x := float64(c.mantissa) * (n / whole) * inverse[c.fraction]
	if c.negative {
		x = -x
	}
	return uint32(max(0, min(int64(x+n/2), n-1)))
}

// inverse is 1 by pow10, about: a product takes less time than a quotient.
var inverse = [maxFraction + 1]float64{
	1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
}

// common is how many levels have both points in one cell.
func (k cellKey) common(with cellKey) int {
	return bits.LeadingZeros32((k.lat^with.lat)|(k.lon^with.lon)) - (32 - cellLevels)
}

// child is which quarter of the cell at level has the point.
func (k cellKey) child(level int) uint32 {
	shift := cellLevels - 1 - level
	return k.lat>>shift&1<<1 | k.lon>>shift&1
}

// cell is one quarter of a quarter of … the world, between two parallels and two
// meridians: the index of its corner is in units of its own level.
type cell struct {
	lat, lon uint32
	level    uint8
}

// quarter is one of the four of c.
func (c cell) quarter(child uint32) cell {
	return cell{c.lat<<1 | child>>1, c.lon<<1 | child&1, c.level + 1}
}

// beyondCell is by how much the half of a way to a point of a cell may fall below what
// half says, due to rounding; about a centimetre.
const beyondCell = 1e-9

// half is half of the straight line from from to the nearest point of the cell, at most
// beyondCell too much.
func (c cell) half(from *centre) float64 {
	height, width := 180/float64(uint64(1)<<c.level), 360/float64(uint64(1)<<c.level)
	south, west := float64(c.lat)*height-90, float64(c.lon)*width-180
	north, east := south+height, west+width
	if c.level == 0 || west <= from.lon && from.lon <= east {
		return math.Sin(max(0, south-from.lat, from.lat-north) * degree / 2)
	}
	// At each latitude the nearest point is on the nearer of the two meridians. Along that,
	// the cosine of the way is a·sin φ + b·cos φ.
	d := min(turn(from.lon, west), turn(from.lon, east)) * degree
	sinD, cosD := math.Sincos(d)
	a, b := from.sin, from.cos*cosD
	sinS, cosS := math.Sincos(south * degree)
	sinN, cosN := math.Sincos(north * degree)
	if b > 0 && a*cosS > b*sinS && a*cosN < b*sinN { // the greatest is between the corners
		p := from.cos * sinD
		return p / math.Sqrt(2*(1+math.Sqrt(a*a+b*b)))
	}
	s, n, t := math.Sin((south-from.lat)*degree/2), math.Sin((north-from.lat)*degree/2), math.Sin(d/2)
	t *= t * from.cos
	return math.Sqrt(max(0, min(s*s+cosS*t, n*n+cosN*t)))
}
