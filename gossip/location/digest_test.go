package location

import (
	"fmt"
	"testing"
)

func digestFix(t testing.TB, seconds int, node string) Fix {
	t.Helper()
	p, err := ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		t.Fatal(err)
	}
	when, err := ParseTime(fmt.Appendf(nil, "%d.25", seconds))
	if err != nil {
		t.Fatal(err)
	}
	return NewFix(node, 1000, 0, p, when)
}

// Tables of equal fixes have equal digests, whatever their dots, seeds and order of
// arrival; one fix more or another one changes its bucket and no other.
func TestDigests(t *testing.T) {
	a, b := NewTable(4, 1), NewTable(64, 2)
	const clients = 5000
	for i := range clients {
		a.Merge(fmt.Append(nil, i), Entry{digestFix(t, i, "Clark"), Dot{Origin: 1, Seq: 1}})
		j := clients - 1 - i
		b.Merge(fmt.Append(nil, j), Entry{digestFix(t, j, "Clark"), Dot{Origin: 2, Seq: uint64(i)}})
	}
	differ := func() (buckets []int) {
		x, y := a.Digests(1001, 0), b.Digests(1001, 0)
		for i := range x {
			if x[i] != y[i] {
				buckets = append(buckets, i)
			}
		}
		return buckets
	}
	if d := differ(); d != nil {
		t.Errorf("equal tables differ in %v", d)
	}
	for _, id := range []string{"17", "new"} {
		a.Merge([]byte(id), Entry{Fix: digestFix(t, clients, "Clark")})
		if d := differ(); len(d) != 1 || d[0] != Bucket([]byte(id)) {
			t.Errorf("%s: differ in %v, want %d", id, d, Bucket([]byte(id)))
		}
		b.Merge([]byte(id), Entry{Fix: digestFix(t, clients, "Jaquez")})
		if d := differ(); len(d) != 1 {
			t.Errorf("%s of another node: differ in %v", id, d)
		}
		a.Merge([]byte(id), Entry{Fix: digestFix(t, clients, "Jaquez")})
	}
	for _, d := range a.Digests(1000, 0) {
		if d != 0 {
			t.Fatal("a fix that is too young counts")
		}
	}
	order := digestFix(t, 17, "Clark").Order // of all
	for _, d := range a.Digests(1001, order) {
		if d != 0 {
			t.Fatal("a fix that is too old counts")
		}
	}
	if d := a.Digests(1001, order-1); d[Bucket([]byte("17"))] == 0 {
		t.Error("a fix that is not too old does not count")
	}
}

func TestBucketsAreEven(t *testing.T) {
	var n [Buckets]int
	for i := range 16 * Buckets {
		n[Bucket(fmt.Appendf(nil, "client%d", i))]++
	}
	for b, n := range n {
		if n > 64 {
			t.Errorf("%d clients in bucket %d, 16 in the mean", n, b)
		}
	}
}

func BenchmarkDigests(b *testing.B) {
	t := NewTable(4096, 1)
	const clients = 200_000
	f := digestFix(b, 1, "Clark")
	for i := range clients {
		t.Merge(fmt.Appendf(nil, "client-%012d", i), Entry{Fix: f})
	}
	for b.Loop() {
		t.Digests(1001, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}
