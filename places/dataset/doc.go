// Package dataset answers what is near a point from a table of places in memory:
// the one embedded in the program, of towns, their quarters and airports all
// over the world, or any other that [Encode] has packed.
//
// # The packed form
//
// All integers are unsigned varints (encoding/binary) unless said otherwise; a
// text is its length in bytes, then UTF-8.
//
//	"herd.places" 0x01                      magic and version
//	unpacked length of the rest             bounds what a reader allocates
//	gzip of:
//	    sources  count; name, URL, licence, attribution, date: texts
//	    kinds    count; source, number of types, types: texts
//	    areas    count; texts: "California, United States"
//	    places   count; then column by column, a value for each place:
//	        position    its Morton key less the one before: places are sorted by it
//	        kind        index in kinds
//	        area        index in areas
//	        importance  one byte
//	        number      its number in its source less that of the place before
//	                    it of the same source, zigzag
//	        name        all names as one text, each ended by a newline
//	CRC-32 (IEEE) of all bytes before, 4 bytes, little-endian
//
// A position is kept to 1e-5 degrees (a metre): the Morton key interleaves the
// bits of longitude+180 (even bits) and latitude+90 (odd bits) in that unit, so
// that neighbours on the earth are mostly neighbours in the file, and deltas
// small. Importance is in eighths of a power of two of inhabitants, as [Importance] says.
//
// A reader trusts nothing: a file that is cut, changed or made by a stranger is
// an error, and it never takes more memory than a fixed multiple of the file.
//
// # The index
//
// Places are found through a kd-tree over their unit vectors. On the sphere in
// space there are no seams and no poles, so it is exact everywhere.
package dataset
