//go:build !unix

package gossip

import "errors"

// writesNow is false where the system has no call that writes without waiting: each
// lane's own goroutine writes.
const writesNow = false

func writeNow(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
