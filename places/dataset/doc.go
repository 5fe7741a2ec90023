// Package dataset answers what is near a point from a table of places in memory:
// the one embedded in the program, of towns, their quarters and airports all
// over the world, or any other that [NewSet] has made of a [Table] or [Decode] of
// a packed file.
//
// # What is said of a place
//
// Its place_id is the name of its source, a colon, and its number or text there.
// Its vicinity is its area as the table has it: an address, or what it is a part
// of. A place without one, or of a kind whose areas say too little
// ([Kind].ByTown), has the nearest town of the same set within 100 km instead,
// and that one's area; if there is none its own area, which may be empty. A town
// is what has the type "locality". What has the type "political" is a part of its
// area, and is never told by another town.
//
// # The packed form
//
// All integers are unsigned varints (encoding/binary) unless said otherwise; a
// text is its length in bytes, then UTF-8. Many texts are all their lengths, then
// all of them end to end.
//
//	"herd.places" 0x02                      magic and version
//	unpacked length of the rest             bounds what a reader allocates
//	gzip of:
//	    sources  count; name, URL, licence, attribution, date: texts
//	    kinds    count; source, 1 if ByTown else 0, number of types, types: texts
//	    areas    count; many texts: "California, United States"
//	    places   count; then column by column, a value for each place:
//	        position    its Morton key less the one before: places are sorted by it
//	        kind        index in kinds
//	        area        index in areas less that of the place before, zigzag;
//	                    areas stand in the order of their first use
//	        importance  one byte
//	        ID          many texts, empty for a place that has a number
//	        number      of those only: its number in its source less that of the
//	                    one before it of the same source, zigzag
//	        name        all names as one text, each ended by a newline
//	CRC-32 (IEEE) of all bytes before, 4 bytes, little-endian
//
// A position is kept to 1e-5 degrees (a metre): the Morton key interleaves the
// bits of longitude+180 (even bits) and latitude+90 (odd bits) in that unit, so
// that neighbours on the earth are mostly neighbours in the file, and deltas
// small. Importance is in eighths of a power of two of inhabitants, as
// [Importance] says.
//
// Version 1 is read too. It has no flag in a kind (a kind without the type
// "political" is ByTown), areas as text after text, indices of areas as they are,
// and no column of IDs.
//
// A reader trusts nothing: a file that is cut, changed or made by a stranger is
// an error, and it never takes more memory than a fixed multiple of the file.
//
// # The index
//
// Places are found through a kd-tree over their unit vectors. On the sphere in
// space there are no seams and no poles. A vector is three integers of 32 bits,
// good to 3 mm; two places whose order that leaves open are measured by their
// degrees, so the answer is the same as without an index. Each range of the tree
// knows its greatest importance: what can't be good enough even where the range
// is nearest is not looked at.
//
// A million places take about 51 MB and are there in less than a second, from a
// table or a file; the embedded ones take 10 MB.
package dataset
