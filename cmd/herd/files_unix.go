//go:build unix

package main

import (
	"errors"
	"math"
	"os"
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

// syncFolder has a rename in a folder outlive a power cut.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
