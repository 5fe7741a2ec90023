package location

import (
	"fmt"
	"math"
	"testing"
)

// As many clients as fit take no more memory than they may, with any of their IDs, after many
// have come and gone too; and not far less.
func TestFits(t *testing.T) {
	for _, id := range []string{"%d", "client-%013d", "%0100d", "%0250d"} {
		const shards, limit = 16, 2 << 20
		table := NewTable(shards, 1)
		place, err := ParsePosition([]byte("+34.068930-118.445127"))
		if err != nil {
			t.Fatal(err)
		}
		if n := table.Fits(limit); n != math.MaxInt {
			t.Errorf("into an empty table fit %d", n)
		}
		order := int64(0)
		add := func() {
			order++
			when, err := ParseTime(fmt.Appendf(nil, "0.%09d", order))
			if err != nil {
				t.Fatal(err)
			}
			table.Merge(fmt.Appendf(nil, id, order), Entry{Fix: NewFix("Clark", 1e18, 1, place, when)})
		}
		for range 1000 {
			add()
		}
		least := table.Len()
		for range 3 * limit / 100 { // as a core does
			add()
			if order%256 != 0 {
				continue
			}
			if most := table.Fits(limit); table.Len() > most {
				f := Floor{Order: order - int64(most)}
				table.Refuse(f)
				for i := range shards {
					table.Sweep(i, f)
				}
				least = table.Len()
			}
		}
		a := table.shards[0].arena
		bytes := table.Bytes() - chunkSize*(len(a.slab)+blockChunks) // but for what there is for more
		if bytes > limit+limit/16 {                                  // some come before those who go
			t.Errorf("%s: %d clients take %d bytes, %d are allowed", id, table.Len(), bytes, limit)
		}
		if bytes < limit/2 || least == 1000 {
			t.Errorf("%s: %d clients take %d bytes of %d", id, table.Len(), bytes, limit)
		}
		if n := table.Fits(1); n != 1 {
			t.Errorf("into nothing fit %d", n)
		}
	}
}

// How many fit is the same to a program of 32 bits, beyond what an int of its holds.
func TestFitsMuch(t *testing.T) {
	table := NewTable(1, 1)
	place, err := ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		table.Merge(fmt.Appendf(nil, "client-%013d", i), Entry{Fix: NewFix("Clark", 1e18, 1, place, Time{})})
	}
	few, many := table.Fits(1<<30), table.Fits(1<<33)
	if many < 7*few || many > 9*few {
		t.Errorf("into 1 GiB fit %d, into 8 GiB %d", few, many)
	}
	if n := table.Fits(math.MaxInt64); n < many {
		t.Errorf("into all that there is fit %d, into 8 GiB %d", n, many)
	}
}
