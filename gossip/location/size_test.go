package location

import (
	"fmt"
	"runtime"
	"testing"
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
	odd := usual
	odd.Order-- // as if clamped
	for name, e := range map[string]Entry{"usual": usual, "odd": odd} {
		before := heap()
		table := NewTable(256, 1)
		empty := table.Bytes()
		for i := range clients {
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
