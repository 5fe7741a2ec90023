package location

import (
	"fmt"
	"sync"
	"testing"
)

// While nobody writes, Prefetch looks where find does: at the first record whose tag is
// that of the client, whatever the index has grown to.
func TestPrefetchLooksWhereFindDoes(t *testing.T) {
	table, e := NewTable(4, 1), benchEntry(t)
	var id [20]byte
	same := 0
	for n := range uint32(3000) {
		if _, ok := glanceAt(table, benchID(&id, n)); ok && n < 10 {
			t.Errorf("client %d is seen before it was added", n)
		}
		table.Merge(benchID(&id, n), e)
		for _, old := range []uint32{n, n / 2, 0} {
			hash := table.keys.sum(benchID(&id, old))
			want, _ := table.shard(hash).find(hash, id[:])
			switch got, ok := glanceAt(table, id[:]); {
			case !ok:
				t.Fatalf("client %d of %d is not seen", old, n)
			case got == want:
				same++
			}
		}
	}
	if same < 3*3000*99/100 { // tags may meet
		t.Errorf("%d of %d clients were seen where they are", same, 3*3000)
	}
}

func glanceAt(t *Table, id []byte) (ref uint32, ok bool) {
	hash := t.keys.sum(id)
	return t.shard(hash).glance(hash)
}

// Prefetch needs no lock: it sees a sound index however that changes meanwhile. Run with
// -race.
func TestPrefetchWhileTheTableGrows(t *testing.T) {
	table, e := NewTable(2, 1), benchEntry(t)
	const clients = 4000
	ids := make([][]byte, clients)
	for n := range ids {
		ids[n] = fmt.Appendf(nil, "client-%d%*d", n, n%MaxID/2, n) // of any length
	}
	ids = append(ids, nil, make([]byte, 2*MaxID)) // which no table holds
	added := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(added)
		for _, id := range ids[:clients] {
			table.Merge(id, e)
		}
	})
	wg.Go(func() {
		for {
			table.Prefetch(ids)
			select {
			case <-added:
				return
			default:
			}
		}
	})
	wg.Wait()
	table.Prefetch(ids)
	if table.Len() != clients {
		t.Errorf("the table holds %d clients, %d were added", table.Len(), clients)
	}
}

// An index is seen with the length and the shift that belong to it, or not at all.
func TestShownIsWhole(t *testing.T) {
	var x shown
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range 30_000 {
			n := 8 << (i * 5 % 7)
			index := make([]uint32, n)
			index[n-1] = uint32(n)
			x.store(index, uint8(n>>3))
		}
	})
	wg.Go(func() {
		for seen := 0; ; {
			if index, shift := x.load(); index != nil {
				if n := len(index); index[n-1] != uint32(n) || shift != uint8(n>>3) {
					t.Errorf("an index of %d with the shift %d ends with %d", n, shift, index[n-1])
					return
				}
				seen++
			}
			select {
			case <-done:
				if seen == 0 {
					t.Error("no index was seen")
				}
				return
			default:
			}
		}
	})
	wg.Wait()
}

func TestPrefetchDoesNotAllocate(t *testing.T) {
	table := NewTable(4, 1)
	ids := [][]byte{[]byte("kiwi"), []byte("lime"), []byte("plum")}
	if n := testing.AllocsPerRun(100, func() { table.Prefetch(ids) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
