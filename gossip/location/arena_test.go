package location

import "testing"

// Chunks are zero, apart from each other and where their refs say, in blocks and slabs.
func TestArena(t *testing.T) {
	const n = (2*slabBlocks + slabBlocks/2 + 1) * blockChunks // the last is a part of the third
	a := newArena()
	for i := range n {
		ref := a.chunk(uint32(i))
		if ref != uint32(i)*chunkUnits {
			t.Fatalf("chunk %d is at %d", i, ref)
		}
		c := a.at(ref)
		if *c != (chunk{}) {
			t.Fatalf("chunk %d is not empty", i)
		}
		for j := range c {
			c[j] = byte(i%251 + 1)
		}
	}
	for i := range n {
		if c := a.at(uint32(i)*chunkUnits + chunkUnits - 1); c[0] != byte(i%251+1) || c[chunkSize-1] != c[0] {
			t.Fatalf("chunk %d holds %d and %d", i, c[0], c[chunkSize-1])
		}
	}
}
