// Package sockerr tells what has gone wrong with a socket, on every system.
package sockerr

import (
	"errors"
	"runtime"
	"syscall"
)

// Is is [errors.Is] for errors of sockets by their names in package syscall, as ECONNREFUSED. On
// Windows those are numbers that the package has invented, and sockets give others.
func Is(err, want error) bool {
	return errors.Is(err, want) || runtime.GOOS == "windows" && errors.Is(err, winsock(want))
}

// winsock is the number of an error of that name which Windows gives; else the error itself.
func winsock(err error) error {
	switch err {
	case syscall.EACCES:
		return syscall.Errno(10013)
	case syscall.EMFILE:
		return syscall.Errno(10024)
	case syscall.EADDRINUSE:
		return syscall.Errno(10048)
	case syscall.EADDRNOTAVAIL:
		return syscall.Errno(10049)
	case syscall.ECONNRESET:
		return syscall.Errno(10054)
	case syscall.ETIMEDOUT:
		return syscall.Errno(10060)
	case syscall.ECONNREFUSED:
		return syscall.Errno(10061)
	}
	return err
}
