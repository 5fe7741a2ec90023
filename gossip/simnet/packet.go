package simnet

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"slices"
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
	data     []byte
	from, to netip.AddrPort
	at       time.Time // when it arrives
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
		case len(s.queue) > 0 && !s.host.net.paused[s.addr.Addr()]:
			p := s.queue[0]
			s.queue = s.queue[1:]
			return copy(b, p.data), net.UDPAddrFromAddrPort(p.from), nil
		}
		s.cond.Wait()
	}
}

// WriteTo sends a packet and does not wait.
func (s *socket) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, err := addrPortOf(addr)
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
	link, path := n.linkLocked(s.addr.Addr(), to.Addr())
	// All is drawn, whatever becomes of it: the next packet has draws of its own.
	rng := path.packets
	delay, again := link.delay(rng), link.delay(rng)
	lost, twice, held := chance(link.Loss, rng), chance(link.Duplicate, rng), chance(link.Reorder, rng)
	switch {
	case n.cutLocked(s.addr.Addr(), to.Addr()) || n.paused[s.addr.Addr()]:
		n.stats.PacketsCut++
		return len(b), nil
	case lost:
		n.stats.PacketsLost++
		return len(b), nil
	}
	if held {
		delay += link.Latency + link.Jitter + time.Millisecond
	}
	p := packet{bytes.Clone(b), s.addr, to, time.Now().Add(delay)}
	n.sendLocked(path, p)
	if twice {
		p.at = time.Now().Add(again)
		n.sendLocked(path, p)
	}
	return len(b), nil
}

func addrPortOf(addr net.Addr) (netip.AddrPort, error) {
	if a, ok := addr.(*net.UDPAddr); ok { // as most are, and to write and read texts takes long
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), uint16(a.Port)), nil
	}
	return netip.ParseAddrPort(addr.String())
}

// sendLocked puts p on its way.
func (n *Net) sendLocked(path *path, p packet) {
	i := len(path.way)
	for i > 0 && path.way[i-1].at.After(p.at) {
		i--
	}
	path.way = slices.Insert(path.way, i, p)
	if i == 0 {
		path.timer = n.after(path.timer, p.at, func() { n.arriveLocked(path) })
	}
}

// arriveLocked delivers the packets of a path whose time has come.
func (n *Net) arriveLocked(path *path) {
	now, due := time.Now(), 0
	for ; due < len(path.way) && !now.Before(path.way[due].at); due++ {
		n.deliverLocked(path.way[due])
	}
	path.way = slices.Delete(path.way, 0, due)
	if len(path.way) > 0 {
		path.timer.Reset(time.Until(path.way[0].at))
	}
}

// deliverLocked puts p into the queue of the socket that it was sent to.
func (n *Net) deliverLocked(p packet) {
	var s *socket
	if h := n.hosts[p.to.Addr()]; h != nil {
		s = h.sockets[p.to.Port()]
	}
	switch {
	case n.cutLocked(p.from.Addr(), p.to.Addr()):
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

// set replaces the deadline. A zero time is none; one in the past wakes at once.
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
