package gossip

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// At both ends of a stream a lost packet is sent again soon, and no ack waits for that long.
func TestRetransmitSoon(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0"} {
		l, err := OS{}.Listen(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		dialed, err := OS{}.Dial(t.Context(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer dialed.Close()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		for end, conn := range map[string]net.Conn{"dialed": dialed, "accepted": accepted} {
			again, ack := micros(t, conn, tcpRTOMinMicros), micros(t, conn, tcpDelackMaxMicros)
			if again < retransmitAfter || again > 2*retransmitAfter || ack >= again {
				t.Errorf("%s, %s: packets are sent again after %v, acks wait for up to %v", addr, end, again, ack)
			}
		}
	}
}

// micros is an option of conn that is a time. The kernel has it in ticks of its own.
func micros(t *testing.T, conn net.Conn, option int) time.Duration {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var us int
	var failed error
	if err := raw.Control(func(socket uintptr) {
		us, failed = syscall.GetsockoptInt(int(socket), syscall.IPPROTO_TCP, option)
	}); err != nil {
		t.Fatal(err)
	}
	if errors.Is(failed, syscall.ENOPROTOOPT) {
		t.Skipf("this kernel does not know option %d of TCP: Linux 6.15 does", option)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	return time.Duration(us) * time.Microsecond
}
