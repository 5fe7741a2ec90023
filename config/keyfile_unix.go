//go:build unix

package config

import (
	"os"
	"syscall"
)

// sameOwner gives a new file the owner of the one that it is to replace: root may have
// written the file of a node that runs as somebody else.
func sameOwner(f *os.File, old os.FileInfo) error {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return f.Chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
