// Package breath lets a goroutine compute for long without holding up the network.
//
// The runtime looks whether something has come from the network when a processor has
// nothing to run, and else once in ten milliseconds. As many goroutines that go through a
// table as there are processors have clients and peers wait that long for each line. A
// goroutine that sleeps has its processor look; one that calls [runtime.Gosched] does not.
package breath

import "time"

// Breath is what a goroutine takes between two pieces of work. The zero value is ready; one
// goroutine has it at a time.
type Breath struct {
	last time.Time // zero: it has not begun
}

// Moment is how long a breath takes: a processor sees sooner that it has nothing to run.
const Moment = 50 * time.Microsecond

const stretch = time.Millisecond // so long a goroutine computes at once

// Take sleeps for a [Moment] if the last time was a millisecond ago. Call it without
// locks that others wait for.
func (b *Breath) Take() {
	switch {
	case b.last.IsZero():
	case time.Since(b.last) < stretch:
		return
	default:
		time.Sleep(Moment)
	}
	b.last = time.Now()
}
