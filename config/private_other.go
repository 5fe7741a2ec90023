//go:build !unix

package config

import "io/fs"

// private does not look: Windows has no such modes, and its access lists are the owner's to
// set.
func private(fs.FileInfo) error { return nil }
