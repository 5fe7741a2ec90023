//go:build linux || darwin

package doctor

import "syscall"

// freeBytes is what the file system of dir has for this user; 0: not known.
func freeBytes(dir string) uint64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0
	}
	return uint64(s.Bavail) * uint64(s.Bsize)
}
