package location

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Positions that are kept as text, the second as long as a line may be.
var (
	longPosition    = "+34.068930" + strings.Repeat("0", 400) + "-118.445127"
	longestPosition = "+34.068930" + strings.Repeat("0", 4000) + "-118.445127"
)

// Bytes is what the heap says, or close to it.
func TestBytes(t *testing.T) {
	const clients = 200_000
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	usual := benchEntry(t)
	for name, position := range map[string]string{"usual": usualPosition, "odd": usualPosition, "long": longPosition} {
		e := usual
		if name == "odd" {
			e.Order-- // as if clamped
		}
		before := heap()
		table := NewTable(256, 1)
		empty := table.Bytes()
		for i := range clients {
			e.Position = mustPosition(t, position) // its text, if it is kept, is its own
			table.Merge(fmt.Appendf(nil, "client-%013d", i), e)
		}
		got, want := table.Bytes(), heap()-before
		runtime.KeepAlive(table)
		if ratio := float64(got) / float64(want); ratio < 0.8 || ratio > 1.2 {
			t.Errorf("%s: %d bytes, the heap has %d", name, got, want)
		}
		if empty > got/10 {
			t.Errorf("%s: an empty table has %d of %d bytes", name, empty, got)
		}
	}
}
