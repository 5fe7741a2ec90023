//go:build unix

package main

import (
	"math"
	"syscall"
)

// maxFiles is how many files this process may have open. Go has raised that to what
// the system lets it.
func maxFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxUint64
	}
	return uint64(limit.Cur)
}
