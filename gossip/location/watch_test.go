package location

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// fixAt is a fix of node at a time.
func fixAt(t testing.TB, node, position string, seconds int) Fix {
	t.Helper()
	p, err := ParsePosition([]byte(position))
	if err != nil {
		t.Fatal(err)
	}
	when, err := ParseTime([]byte(strconv.Itoa(seconds)))
	if err != nil {
		t.Fatal(err)
	}
	return NewFix(node, 0, 24*365*100*time.Hour, p, when)
}

// A watch is told of each fix that a reader sees next, and of no other.
func TestWatch(t *testing.T) {
	table := NewTable(4, 1)
	var told []string
	watch := func(id []byte, f Fix) { told = append(told, string(id)+" "+f.Position.String()) }
	merge := func(id, position string, seconds int, seq uint64) {
		table.Merge([]byte(id), Entry{fixAt(t, "Clark", position, seconds), Dot{Origin: 1, Seq: seq}})
	}
	merge("before", "+1+1", 1, 1)
	table.SetWatch(watch)
	merge("kiwi", "+1+1", 1, 1)   // new
	merge("kiwi", "+2+2", 2, 2)   // newer
	merge("kiwi", "+1+1", 1, 3)   // older
	merge("kiwi", "+2+2", 2, 2)   // the same
	merge("kiwi", "+2+2", 2, 9)   // the same under another dot
	merge("before", "+3+3", 3, 3) // known before there was a watch
	table.SetWatch(nil)
	merge("kiwi", "+4+4", 4, 4)
	if want := []string{"kiwi +1+1", "kiwi +2+2", "before +3+3"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// What of one client a watch is told never goes back, whoever merges it.
func TestWatchOrder(t *testing.T) {
	table := NewTable(4, 1)
	last := map[string]int64{"kiwi": -1}    // the first may be of 0
	table.SetWatch(func(id []byte, f Fix) { // one client, one shard, one lock
		if was := last["kiwi"]; f.Order <= was {
			t.Errorf("%d after %d", f.Order, was)
		}
		last["kiwi"] = f.Order
	})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 500 {
				table.Merge([]byte("kiwi"), Entry{fixAt(t, "Clark", "+1+1", 4*n+i), Dot{Origin: 1}})
			}
		})
	}
	all.Wait()
	if last["kiwi"] != 1999*1e9 {
		t.Errorf("the last it was told is of %d", last["kiwi"])
	}
}

// A merge allocates nothing, watched or not.
func TestWatchAllocates(t *testing.T) {
	table := NewTable(4, 1)
	id, e, n := []byte("kiwi.cs.ucla.edu"), Entry{fixAt(t, "Clark", "+1+1", 1), Dot{Origin: 1}}, int64(0)
	merge := func() {
		n++
		e.Order, e.Time.nanos = n, n
		table.Merge(id, e)
	}
	if a := testing.AllocsPerRun(1000, merge); a != 0 {
		t.Errorf("a merge allocates %v times", a)
	}
	var told int
	table.SetWatch(func([]byte, Fix) { told++ })
	if a := testing.AllocsPerRun(1000, merge); a != 0 || told == 0 {
		t.Errorf("a watched merge allocates %v times; told %d", a, told)
	}
}
