package simnet

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// socket is a net.PacketConn.
type socket struct {
	host *Host
	addr netip.AddrPort
	cond sync.Cond // on net.mu: something below changed, or a deadline passed

	// Guarded by net.mu.
	queue    []packet
	closed   bool
	deadline deadline
}

type packet struct {
	data []byte
	from netip.AddrPort
}

func newSocket(h *Host, addr netip.AddrPort) *socket {
	return &socket{host: h, addr: addr, cond: sync.Cond{L: &h.net.mu}}
}

func (s *socket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.addr) }

// ReadFrom cuts a packet that is longer than b.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, nil, s.error("read", net.ErrClosed)
		case s.deadline.passed():
			return 0, nil, s.error("read", os.ErrDeadlineExceeded)
		case len(s.queue) > 0:
			p := s.queue[0]
			s.queue = s.queue[1:]
			return copy(b, p.data), net.UDPAddrFromAddrPort(p.from), nil
		}
		s.cond.Wait()
	}
}

// WriteTo sends a packet and does not wait.
func (s *socket) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return 0, s.error("write", err)
	}
	n := s.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case s.closed:
		return 0, s.error("write", net.ErrClosed)
	case len(b) > maxPacket:
		return 0, s.error("write", os.NewSyscallError("sendto", syscall.EMSGSIZE))
	}
	n.stats.Packets++
	n.stats.PacketBytes += uint64(len(b))
	if n.cutLocked(s.addr.Addr(), to.Addr()) {
		n.stats.PacketsCut++
		return len(b), nil
	}
	link, rng := n.linkLocked(s.addr.Addr(), to.Addr())
	delay, again := link.delay(rng), link.delay(rng)
	lost, twice, held := chance(link.Loss, rng), chance(link.Duplicate, rng), chance(link.Reorder, rng)
	if lost {
		n.stats.PacketsLost++
		return len(b), nil
	}
	if held {
		delay += link.Latency + link.Jitter + time.Millisecond
	}
	p := packet{bytes.Clone(b), s.addr}
	n.sendLocked(p, to, delay)
	if twice {
		n.sendLocked(p, to, again)
	}
	return len(b), nil
}

// sendLocked puts p into the queue of the socket that is bound to to when delay has passed.
func (n *Net) sendLocked(p packet, to netip.AddrPort, delay time.Duration) {
	time.AfterFunc(delay, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		var s *socket
		if h := n.hosts[to.Addr()]; h != nil {
			s = h.sockets[to.Port()]
		}
		switch {
		case n.cutLocked(p.from.Addr(), to.Addr()):
			n.stats.PacketsCut++
		case s == nil:
			n.stats.PacketsUnheard++
		case len(s.queue) >= packetQueue:
			n.stats.PacketsOverflowed++
		default:
			n.stats.PacketsDelivered++
			s.queue = append(s.queue, p)
			s.cond.Broadcast()
		}
	})
}

func (s *socket) Close() error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	if s.closed {
		return s.error("close", net.ErrClosed)
	}
	s.closeLocked()
	return nil
}

func (s *socket) closeLocked() {
	s.closed, s.queue = true, nil
	s.deadline.set(time.Time{}, nil)
	delete(s.host.sockets, s.addr.Port())
	s.cond.Broadcast()
}

func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes don't wait.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

func (s *socket) SetReadDeadline(t time.Time) error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	if s.closed {
		return s.error("set", net.ErrClosed)
	}
	s.deadline.set(t, s.wake)
	s.cond.Broadcast()
	return nil
}

func (s *socket) wake() {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	s.cond.Broadcast()
}

func (s *socket) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Addr: s.LocalAddr(), Err: err}
}

// deadline is a point in time at which somebody is woken.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set replaces the deadline. A zero time is none.
func (d *deadline) set(at time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	if !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), wake)
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
