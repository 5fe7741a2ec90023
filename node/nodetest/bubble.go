package nodetest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Bubble runs a test in a bubble of testing/synctest, where a herd's time is the
// test's own.
func Bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// memberlist does not wait for the goroutines of its last probes: they end by
		// themselves, and the bubble asks that they have.
		t.Cleanup(func() { time.Sleep(time.Minute) })
		test(t)
	})
}
