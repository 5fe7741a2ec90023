package sim

import (
	"math"
	"sort"

	"herd/gossip/location"
	"herd/node/nodetest"
)

// memory is what a table takes, in bytes, as its nodes reckon.
type memory struct {
	empty int // by itself
	each  int // for a client
	odd   int // for one whose order time was clamped, as of those with a clock that is far ahead
}

// measured is found out, since a scenario is to say for how many clients there is memory, whatever a
// table is made of.
var measured = func() (m memory) {
	measure := func(seconds string) (empty, each int) {
		table := location.NewTable(nodetest.Shards, 0)
		position, err := location.ParsePosition([]byte("+34.068930-118.445127"))
		if err != nil {
			panic(err)
		}
		at, err := location.ParseTime([]byte(seconds))
		if err != nil {
			panic(err)
		}
		table.Merge([]byte("client-0"), location.Entry{Fix: location.NewFix("Bailey", 1e18, maxAhead(), position, at)})
		takes := func(n int) int {
			return sort.Search(math.MaxInt32, func(bytes int) bool { return table.Fits(int64(bytes)) >= n })
		}
		each = takes(3) - takes(2)
		return takes(2) - 2*each, each
	}
	m.empty, m.each = measure("1000000000.5")
	_, m.odd = measure("2000000000.5")
	return m
}()

// memoryFor is what a table with so many clients may take, in bytes.
func memoryFor(clients int) int { return measured.empty + clients*measured.each }

// memoryLimit is the setting that leaves the table so much; 0 clients: there is none.
func memoryLimit(clients int) int {
	if clients == 0 {
		return 0
	}
	return (memoryFor(clients) + 2) / 3 * 4 // the table has three quarters of it
}

// fewest is how many clients at least stay where there is memory for so many others: for how
// many there is room is told by those that are there, and the first of them may be odd.
func fewest(clients int) int {
	if clients == math.MaxInt {
		return clients
	}
	return max(clients*measured.each/measured.odd, 1)
}
