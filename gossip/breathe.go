package gossip

import "time"

// breather has a goroutine compute for long without holding up what comes from the network.
//
// The runtime looks whether something has come when a processor has nothing to run, and else
// once in ten milliseconds. As many goroutines that go through the table as there are
// processors have clients and peers wait that long for each line. A goroutine that sleeps has
// its processor look; one that calls [runtime.Gosched] does not.
type breather struct {
	last time.Time // zero: it has not begun
}

const (
	stretch = time.Millisecond      // so long it computes at once
	breath  = 50 * time.Microsecond // a processor sees sooner that it has nothing to run
)

// breathe sleeps for a moment if the last time was a stretch ago. It is called between two
// pieces of work, without locks.
func (b *breather) breathe() {
	switch {
	case b.last.IsZero():
	case time.Since(b.last) < stretch:
		return
	default:
		time.Sleep(breath)
	}
	b.last = time.Now()
}
