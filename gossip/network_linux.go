package gossip

import (
	"syscall"
	"time"
)

// Options of TCP that package syscall has no names for, from the kernel's
// include/uapi/linux/tcp.h. Linux has them since 6.15.
const (
	tcpRTOMinMicros    = 45 // TCP_RTO_MIN_US
	tcpDelackMaxMicros = 46 // TCP_DELACK_MAX_US
)

// A packet that is lost with none after it is sent again when a timer has run out: 200 ms at
// first, then twice as long each time. Two losses, and the stream has stood still for more than an
// ack timeout, with all that came after behind it. Peers are near compared with that, and
// answer at once. The kernel puts retransmitAfter on top of the round trip that it measures.
const (
	retransmitAfter = 30 * time.Millisecond
	delayAck        = 20 * time.Millisecond // below that, else what has arrived is sent again; and two ticks of any kernel
)

// control has a stream retransmit early; those that a listener accepts have what it has. An
// older kernel does not know the options, and its streams are as slow as ever.
func control(_, _ string, c syscall.RawConn) error {
	return c.Control(func(socket uintptr) {
		set := func(option int, d time.Duration) bool {
			return syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, option, int(d.Microseconds())) == nil
		}
		if set(tcpDelackMaxMicros, delayAck) { // else peers, which are like this node, have acks that come late
			set(tcpRTOMinMicros, retransmitAfter)
		}
	})
}
