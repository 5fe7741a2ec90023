package dataset

import "math"

// Source is where places come from.
type Source struct {
	Name        string // short: the part of a place_id before the colon
	URL         string
	License     string
	Attribution string // HTML, shown with every answer that has a place of this source
	Date        string // of the data, YYYY-MM-DD
}

// Kind is what a place is.
type Kind struct {
	Source int      // index in [Table.Sources]
	Types  []string // Google's place types

	// ByTown says that the areas of its places are regions, which say too little
	// of where a place is: its vicinity is the nearest town and that one's area.
	// Without it that is done only for a place whose area is empty.
	ByTown bool
}

// Place is one row of a [Table].
type Place struct {
	Lat, Lng   int32  // 1e-5 degrees, within ±90 and ±180 degrees
	Name       string // not empty, without newlines
	Kind       int    // index in [Table.Kinds]
	Area       int    // index in [Table.Areas]
	Importance uint8  // see [Importance]
	Number     uint64 // the place's number in its source
	ID         string // its name there, where that is no number: then Number does not count
}

// Table is a set of places as a file holds it.
type Table struct {
	Sources []Source
	Kinds   []Kind
	Areas   []string // where a place is, for people: an address or a region, or "" for not known
	Places  []Place
}

// Importance weighs a place of so many inhabitants by which places are ranked:
// doubling them, or one more of bonus, counts 8.
func Importance(inhabitants uint64, bonus float64) uint8 {
	i := 8 * (math.Log2(float64(inhabitants)+1) + bonus)
	return uint8(min(max(math.Round(i), 0), 255))
}

const (
	unit   = 1e5 // of a coordinate, per degree
	maxLat = 90 * unit
	maxLng = 180 * unit
)

// morton interleaves a position's bits: longitude even, latitude odd.
func morton(lat, lng int32) uint64 {
	return spread(uint32(lng+maxLng)) | spread(uint32(lat+maxLat))<<1
}

// unmorton undoes morton; ok is false if the key is of no position.
func unmorton(key uint64) (lat, lng int32, ok bool) {
	x, y := gather(key), gather(key>>1)
	return int32(y) - maxLat, int32(x) - maxLng, x <= 2*maxLng && y <= 2*maxLat
}

// spread puts a zero bit after each bit of x.
func spread(x uint32) uint64 {
	v := uint64(x)
	v = (v | v<<16) & 0x0000FFFF0000FFFF
	v = (v | v<<8) & 0x00FF00FF00FF00FF
	v = (v | v<<4) & 0x0F0F0F0F0F0F0F0F
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}

// gather undoes spread, and doesn't mind the bits between.
func gather(v uint64) uint32 {
	v &= 0x5555555555555555
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0F0F0F0F0F0F0F0F
	v = (v | v>>4) & 0x00FF00FF00FF00FF
	v = (v | v>>8) & 0x0000FFFF0000FFFF
	return uint32(v | v>>16)
}
