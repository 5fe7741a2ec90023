package location

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sweepAll goes through all of a table; f, if it is not nil, is a floor.
func sweepAll(table *Table, f *Floor) (told int) {
	table.BeginSweep()
	for i := range table.Shards() {
		told += table.TellHidden(i)
		if f != nil {
			table.Sweep(i, *f)
		}
	}
	return told
}

// Who is gone is told of once, and why; a later report is one like any other, and one that
// nobody is shown is no news.
func TestGone(t *testing.T) {
	table := NewTable(4, 1)
	var told []string
	merge := func(id string, seconds int) {
		table.Merge([]byte(id), Entry{fixAt(t, "Clark", "+1+1", seconds), Dot{Origin: 1}})
	}
	expect := func(want ...string) {
		t.Helper()
		if slices.Sort(told); !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		told = nil
	}
	merge("before", 1)
	table.Hide(1e9)
	sweepAll(table, nil)
	table.SetWatch(func(id []byte, f Fix) { told = append(told, string(id)+" "+f.Time.String()) })
	table.SetGoneWatch(func(id []byte, why Reason) { told = append(told, string(id)+" "+why.String()) })
	merge("emu", 5)
	merge("kiwi", 5)
	merge("moa", 9)
	expect("emu 5", "kiwi 5", "moa 9")
	table.Hide(5e9)
	if !table.Untold() || sweepAll(table, nil) != 2 || table.Untold() {
		t.Error("two are to be told of")
	}
	expect("emu expired", "kiwi expired")
	sweepAll(table, nil)
	merge("late", 4)
	merge("kiwi", 7)
	expect("kiwi 7")
	f := Floor{7e9, "kiwi"}
	table.Refuse(f)
	sweepAll(table, &f)
	expect("kiwi evicted") // of the others it was told
	if table.Len() != 1 {
		t.Errorf("%d clients are left", table.Len())
	}
	table.SetGoneWatch(nil)
	table.Hide(9e9)
	sweepAll(table, nil)
	expect()
}

// follower keeps a copy of what a table shows: it goes through it once, and takes in what it
// was told since it began.
type follower struct {
	next  int // the shard that it comes to
	heard []func()
	known map[string]string
}

func follow(table *Table) *follower {
	f := &follower{known: map[string]string{}}
	table.SetWatch(func(id []byte, fix Fix) {
		client, time := string(id), fix.Time.String()
		f.heard = append(f.heard, func() { f.known[client] = time })
	})
	table.SetGoneWatch(func(id []byte, _ Reason) {
		client := string(id)
		f.heard = append(f.heard, func() { delete(f.known, client) })
	})
	return f
}

func (f *follower) scan(table *Table) {
	if f.next < table.Shards() {
		table.Scan(f.next, func(id string, e *Entry) { f.known[string([]byte(id))] = e.Time.String() })
		f.next++
	}
}

// Whenever somebody begins to follow a table, and whatever comes, expires, is given up and
// comes back meanwhile: after a sweep he knows what the table shows.
func TestFollowerKnowsWhoIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(rapid.SampledFrom([]int{1, 4}).Draw(t, "shards"), 5)
		p := mustParse("+34.068930-118.445127")
		var floor, evict *Floor
		steps := 0
		sweep := func() {
			at := steps / 2
			if steps == 0 {
				table.BeginSweep()
				evict = floor
			}
			if steps%2 == 0 {
				table.TellHidden(at)
			} else if evict != nil {
				table.Sweep(at, *evict)
			}
			steps = (steps + 1) % (2 * table.Shards())
		}
		seconds := rapid.IntRange(0, 30)
		var f *follower
		t.Repeat(map[string]func(*rapid.T){
			"merge": func(t *rapid.T) {
				for range rapid.IntRange(1, 10).Draw(t, "merges") {
					when, _ := ParseTime(fmt.Append(nil, seconds.Draw(t, "time")))
					id := fmt.Append(nil, "client-", rapid.IntRange(0, 12).Draw(t, "client"))
					table.Merge(id, Entry{NewFix("Clark", 1, 1<<62, p, when), Dot{Origin: 1}})
				}
			},
			"hide": func(t *rapid.T) { table.Hide(int64(seconds.Draw(t, "hidden")) * 1e9) },
			"refuse": func(t *rapid.T) {
				g := Floor{int64(seconds.Draw(t, "order")) * 1e9, "client-5"}
				if floor == nil || g.Compare(*floor) > 0 {
					floor = &g
				}
				table.Refuse(g)
			},
			"sweep":  func(t *rapid.T) { sweep() },
			"follow": func(t *rapid.T) { f = follow(table) },
			"scan": func(t *rapid.T) {
				if f != nil {
					f.scan(table)
				}
			},
		})
		if f == nil {
			return
		}
		for f.next < table.Shards() {
			f.scan(table)
		}
		for steps != 0 {
			sweep()
		}
		sweepAll(table, floor)
		for _, take := range f.heard {
			take()
		}
		shown := map[string]string{}
		for i := range table.Shards() {
			table.Scan(i, func(id string, e *Entry) { shown[string([]byte(id))] = e.Time.String() })
		}
		if !maps.Equal(f.known, shown) {
			t.Fatalf("knows %v, the table shows %v", f.known, shown)
		}
	})
}
