package load

import "syscall"

// latePort has the port of a connection chosen when it is known where it goes: else an
// address of this machine has each of its ports for one connection only, and those of
// connections that have just ended for none.
func latePort(_, _ string, c syscall.RawConn) error {
	const ipBindAddressNoPort = 24
	return c.Control(func(fd uintptr) {
		// A kernel without it does with fewer ports.
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	})
}
