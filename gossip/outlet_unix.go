//go:build unix

package gossip

import (
	"errors"
	"syscall"
)

const writesNow = true

// writeNow writes as much as the socket, which is non-blocking, has room for.
func writeNow(socket uintptr, b []byte) (n int, err error) {
	for {
		n, err = syscall.Write(int(socket), b)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		}
		return max(n, 0), err
	}
}
