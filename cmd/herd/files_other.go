//go:build !unix

package main

import "math"

// maxFiles is how many files this process may have open.
func maxFiles() uint64 { return math.MaxUint64 }
