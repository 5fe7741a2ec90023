//go:build !linux

package load

import "time"

// preciseSleep is a sleep for a goroutine that must wake in time, and what it does in
// the end.
func preciseSleep() (sleep func(time.Duration), end func()) { return time.Sleep, func() {} }
