//go:build unix

package config

import (
	"os"
	"syscall"
)

// sameOwner gives a new file the owner of the one that it is to replace: root may have
// written the file of a node that runs as somebody else.
func sameOwner(name string, old os.FileInfo) error {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return os.Chown(name, int(stat.Uid), int(stat.Gid))
	}
	return nil
}

// syncFolder has a rename outlive a power cut.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
