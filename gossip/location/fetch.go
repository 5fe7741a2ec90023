//go:build amd64 || arm64

package location

import "unsafe"

// fetch has the caches ask for n lines, and does not wait for them. Nothing is read, so
// they may be written meanwhile. Nil is none.
//
//go:noescape
func fetch(lines *[2 * together]unsafe.Pointer, n int)
