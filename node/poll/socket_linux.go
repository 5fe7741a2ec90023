package poll

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Socket is a TCP connection without a wait.
type Socket struct {
	fd     int
	remote net.Addr
}

// Can tells whether Take can take conn: it is TCP, or of [Socket.Conn].
func Can(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, fileConn:
		return true
	}
	return false
}

// Take makes a socket of a connection, which it closes. If it fails conn stays as
// it was.
func Take(conn net.Conn) (Socket, error) {
	if !Can(conn) {
		return Socket{}, syscall.ENOTSOCK
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return Socket{}, err
	}
	// The runtime's poller lets a descriptor go by closing it only. A second one
	// lives on.
	var fd uintptr
	var errno syscall.Errno
	err = raw.Control(func(old uintptr) {
		fd, _, errno = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
	})
	if err != nil {
		return Socket{}, err
	}
	if errno != 0 {
		return Socket{}, os.NewSyscallError("fcntl", errno)
	}
	remote := conn.RemoteAddr()
	conn.Close()
	return Socket{int(fd), remote}, nil
}

// Number tells open sockets apart.
func (s Socket) Number() int { return s.fd }

// RemoteAddr is the other end.
func (s Socket) RemoteAddr() net.Addr { return s.remote }

// Read reads what is there. It returns [ErrWouldWait] if that is nothing, and
// [io.EOF] at the end.
func (s Socket) Read(b []byte) (int, error) {
	n, err := readNow(s.fd, b)
	for err == syscall.EINTR {
		n, err = readNow(s.fd, b)
	}
	switch {
	case err == syscall.EAGAIN:
		return 0, ErrWouldWait
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes as much as there is room for. It returns [ErrWouldWait] if that is
// less than all.
func (s Socket) Write(b []byte) (int, error) {
	n, err := writeNow(s.fd, b)
	for err == syscall.EINTR {
		n, err = writeNow(s.fd, b)
	}
	switch {
	case err == syscall.EAGAIN:
		return 0, ErrWouldWait
	case err != nil:
		return 0, os.NewSyscallError("write", err)
	case n < len(b):
		return n, ErrWouldWait
	}
	return n, nil
}

// Close closes the connection.
func (s Socket) Close() error { return syscall.Close(s.fd) }

// Conn makes a connection of the socket, which is not to be used any more. A poller
// must have removed it.
func (s Socket) Conn() net.Conn {
	return fileConn{os.NewFile(uintptr(s.fd), "tcp"), s.remote}
}

// fileConn is a connection whose descriptor is a file's. Files know deadlines too.
type fileConn struct {
	*os.File
	remote net.Addr
}

func (c fileConn) RemoteAddr() net.Addr { return c.remote }

func (c fileConn) LocalAddr() net.Addr { return nil }

// CloseWrite ends our side.
func (c fileConn) CloseWrite() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = syscall.Shutdown(int(fd), syscall.SHUT_WR) }); err != nil {
		return err
	}
	return os.NewSyscallError("shutdown", inner)
}
