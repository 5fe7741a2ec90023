//go:build amd64 || arm64

package location

import "unsafe"

// fetch has the caches ask for n lines, and does not wait for them. Nothing is read, so
// they may be written meanwhile. Nil is none.
//
//go:noescape
func fetch(lines *[2 * together]unsafe.Pointer, n int)

// fetchOwn is fetch of lines that are to be written soon: other processors give them up
// at once, and not one by one when they are written.
//
//go:noescape
func fetchOwn(lines *[2 * together]unsafe.Pointer, n int)
