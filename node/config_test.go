package node

import "testing"

// Nodes with one key have one seed, and nobody else has.
func TestTableSeed(t *testing.T) {
	one, other := [][]byte{[]byte("0123456789abcdef")}, [][]byte{[]byte("fedcba9876543210")}
	if tableSeed(one) != tableSeed([][]byte{one[0], other[0]}) {
		t.Error("two seeds from one primary key")
	}
	if tableSeed(one) == tableSeed(other) {
		t.Error("one seed from two keys")
	}
	if a, b := tableSeed(nil), tableSeed(nil); a == b {
		t.Error("the seed of a keyless herd can be known")
	}
}
