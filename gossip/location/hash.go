package location

import (
	"encoding/binary"
	"math/bits"
)

// hashKeys seed a hash of client IDs. Who does not know them can't choose IDs that
// meet. The zero keys give every ID the hash 0.
type hashKeys [3]uint64

// newHashKeys draws keys from seed, by splitmix64.
func newHashKeys(seed uint64) (k hashKeys) {
	for i := range k {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		k[i] = z ^ z>>31
	}
	return k
}

// sum takes 16 bytes at a time, and folds each product of two words into one word.
// The words of an ID are hidden by keys before they are multiplied: a factor that
// is zero would make the other one count for nothing.
func (k *hashKeys) sum(id []byte) uint64 {
	h := k[0] * uint64(2*len(id)+1) // no other length and bytes make up for it
	for ; len(id) > 16; id = id[16:] {
		h = fold(binary.LittleEndian.Uint64(id)^k[1], binary.LittleEndian.Uint64(id[8:])^h)
	}
	// What is left is read in two words that overlap.
	var a, b uint64
	switch n := len(id); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(id), binary.LittleEndian.Uint64(id[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(id)), uint64(binary.LittleEndian.Uint32(id[n-4:]))
	case n > 0:
		a, b = uint64(id[0])<<8|uint64(id[n/2]), uint64(id[n-1])
	}
	return fold(fold(a^k[1], b^h), k[2])
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
