//go:build !windows && (!unix || aix || solaris)

package journal

import (
	"errors"
	"os"
)

// openLocked fails: a folder that two processes write to is not worth having.
func openLocked(string) (*os.File, error) { return nil, errors.ErrUnsupported }
