//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

func private(info fs.FileInfo) error {
	self := os.Geteuid()
	owner := self
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(s.Uid)
	}
	return checkMode(info.Mode(), owner, self)
}
