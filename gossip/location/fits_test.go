package location

import (
	"fmt"
	"math"
	"testing"
)

// As many clients as fit take no more memory than they may, with any of their IDs and texts,
// after many have come and gone too; and not far less.
func TestFits(t *testing.T) {
	const limit = 2 << 20
	for _, id := range []string{"%d", "client-%013d", "%0100d", "%0250d"} {
		c := newCrowd(limit, id)
		if n := c.table.Fits(limit); n != math.MaxInt {
			t.Errorf("into an empty table fit %d", n)
		}
		c.pass(t, 3*limit/100, usualPosition, 0)
		if bytes := c.bytes(); bytes > limit+limit/16 || bytes < limit/2 { // some come before those who go
			t.Errorf("%s: %d clients take %d bytes of %d", id, c.table.Len(), bytes, limit)
		}
		if n := c.table.Fits(1); n != 1 {
			t.Errorf("into nothing fit %d", n)
		}
	}
	for name, position := range map[string]string{"clamped": usualPosition, "long": longPosition, "longest": longestPosition} {
		c := newCrowd(limit, "client-%013d")
		c.pass(t, limit/100, position, 1)
		if bytes := c.bytes(); bytes > limit+limit/16 || bytes < limit/3 {
			t.Errorf("%s: %d clients take %d bytes of %d", name, c.table.Len(), bytes, limit)
		}
	}
}

// What one kind of clients has taken and does not give back is not there for another kind.
func TestFitsAfterOthers(t *testing.T) {
	const limit = 8 << 20
	c := newCrowd(limit, "client-%013d")
	for _, round := range []struct {
		name     string
		position string
		early    int64
	}{
		{"usual", usualPosition, 0},
		{"clamped", usualPosition, 1},
		{"long", longPosition, 0},
		{"usual again", usualPosition, 0},
	} {
		c.pass(t, limit/100, round.position, round.early)
		if bytes := c.bytes(); bytes > limit*5/4 {
			t.Errorf("%s: %d clients take %d bytes of %d", round.name, c.table.Len(), bytes, limit)
		}
	}
}

// When less memory may be taken than the table has, those clients are kept that would fit into
// a new one: it gives nothing back, whoever goes.
func TestFitsLess(t *testing.T) {
	const limit = 8 << 20
	c := newCrowd(limit, "client-%013d")
	c.pass(t, limit/150, usualPosition, 0)
	clients := c.table.Len()
	each := limit / c.table.Fits(limit)
	if n := c.table.Fits(int64(c.bytes()) / 4); n < clients/8 {
		t.Errorf("of %d clients of %d bytes %d fit into a quarter", clients, each, n)
	}
}

// However much memory there is, the clients of a table fit into it, with IDs of any length.
func TestFitsIntoTheTable(t *testing.T) {
	for _, length := range []int{1, 20, MaxID} {
		table := NewTable(1, 1)
		for i := range 1000 {
			table.Merge(fmt.Appendf(nil, "%0*d", length, i)[:length], benchEntry(t))
		}
		clients := int64(table.Fits(math.MaxInt64))
		if takes := clients * int64(units(length)) * unit; takes > maxRecords/100*76 || takes < maxRecords/3*2 {
			t.Errorf("%d clients with IDs of %d bytes fit: their records take %d bytes", clients, length, takes)
		}
	}
}

// crowd is a table to which clients come, and from which those go that are too many, as a core
// has it.
type crowd struct {
	table *Table
	limit int    // bytes that it may take
	id    string // its form
	order int64
}

func newCrowd(limit int, id string) *crowd {
	return &crowd{NewTable(16, 1), limit, id, 0}
}

// pass has n clients come, each with a later time, by early nanoseconds more than counts.
func (c *crowd) pass(t *testing.T, n int, position string, early int64) {
	t.Helper()
	for range n {
		c.order++
		when := mustTime(t, fmt.Sprintf("0.%09d", c.order+early))
		e := Entry{Fix: NewFix("Clark", c.order, 0, mustPosition(t, position), when)}
		c.table.Merge(fmt.Appendf(nil, c.id, c.order), e)
		if c.order < 1000 || c.order%32 != 0 {
			continue
		}
		if most := c.table.Fits(int64(c.limit)); c.table.Len() > most {
			f := Floor{Order: c.order - int64(most)}
			c.table.Refuse(f)
			for i := range c.table.Shards() {
				c.table.Sweep(i, f)
			}
		}
	}
}

// bytes is what the table takes, but for what it has for more.
func (c *crowd) bytes() int {
	return c.table.Bytes() - chunkSize*(len(c.table.shards[0].arena.slab)+blockChunks)
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
