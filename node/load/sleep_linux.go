package load

import (
	"runtime"
	"syscall"
	"time"
)

// preciseSleep is a sleep for a goroutine that must wake in time: the runtime's own
// timers are up to a millisecond late while nothing else happens. The goroutine has a
// thread to itself until end is called.
func preciseSleep() (sleep func(time.Duration), end func()) {
	runtime.LockOSThread()
	setTimerSlack(1)
	return nanosleep, func() {
		setTimerSlack(0) // the default
		runtime.UnlockOSThread()
	}
}

// nanosleep may end early, when a signal comes.
func nanosleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&t, nil)
}

// setTimerSlack tells by how many nanoseconds the kernel may delay this thread's
// timers to have several at once.
func setTimerSlack(ns uintptr) {
	const prSetTimerSlack = 29
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, ns, 0)
}
