//go:build linux || darwin

package doctor

import "syscall"

// freeBytes is what the file system of dir has for this user; less than 0: not known.
func freeBytes(dir string) int64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}

// writable tells whether files can be made in dir.
func writable(dir string) bool {
	const write = 2 // W_OK
	return syscall.Access(dir, write) == nil
}
