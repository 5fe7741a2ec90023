//go:build race

package poll

import "syscall"

// The race detector has to see what is read and written.

func readNow(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }

func writeNow(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }

func epollNow(fd int, events []syscall.EpollEvent) (int, error) {
	return syscall.EpollWait(fd, events, 0)
}
