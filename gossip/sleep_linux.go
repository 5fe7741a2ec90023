package gossip

import (
	"time"

	"golang.org/x/sys/unix"
)

// Slept is for how long this machine has been suspended since it started; 0 if the system can't
// tell. A virtual machine that its host stops has no such clock. It is for [Config].
func Slept() time.Duration {
	var all, awake unix.Timespec
	// If this thread is held up between the two, that is too little by as much, and not too much.
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil {
		return 0
	}
	return max(0, time.Duration(all.Nano()-awake.Nano()))
}
