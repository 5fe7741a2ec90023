package simnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Host is one process on one simulated machine, from its start to its kill.
type Host struct {
	net *Net
	ip  netip.Addr

	// Guarded by net.mu.
	killed    bool
	killc     chan struct{} // closed by Kill
	port      uint16        // last one given out
	listeners map[uint16]*listener
	sockets   map[uint16]*socket
	conns     map[*conn]struct{}
}

func newHost(n *Net, ip netip.Addr) *Host {
	return &Host{
		net:       n,
		ip:        ip,
		killc:     make(chan struct{}),
		port:      firstPort - 1,
		listeners: make(map[uint16]*listener),
		sockets:   make(map[uint16]*socket),
		conns:     make(map[*conn]struct{}),
	}
}

// Kill is kill -9. See the package comment. It is idempotent.
func (h *Host) Kill() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.killed {
		return
	}
	h.killed = true
	close(h.killc)
	for _, l := range h.listeners {
		l.closeLocked()
	}
	for _, s := range h.sockets {
		s.closeLocked()
	}
	for c := range h.conns {
		c.closeLocked(syscall.ECONNRESET)
	}
}

// Listen binds a listener at addr, "10.0.0.1:4132". The host may be empty or
// unspecified, port 0 picks a free one.
func (h *Host) Listen(ctx context.Context, addr string) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	port, err := bindLocked(h, addr, h.listeners)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: textAddr{"tcp", addr}, Err: err}
	}
	l := &listener{host: h, addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(h.ip, port)), queue: make(chan *conn, backlog), done: make(chan struct{})}
	h.listeners[port] = l
	return l, nil
}

// ListenPacket binds a packet socket; addr is as for Listen. Ports of sockets
// and of listeners do not meet.
func (h *Host) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	port, err := bindLocked(h, addr, h.sockets)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: textAddr{"udp", addr}, Err: err}
	}
	s := newSocket(h, netip.AddrPortFrom(h.ip, port))
	h.sockets[port] = s
	return s, nil
}

// bindLocked finds the port to bind.
func bindLocked[T any](h *Host, addr string, taken map[uint16]T) (uint16, error) {
	if h.killed {
		return 0, net.ErrClosed
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified() && ip != h.ip) {
		return 0, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(h.ip.String(), service))
	if err != nil {
		return 0, err
	}
	port := at.Port()
	if port == 0 {
		for range 1 << 16 {
			p := h.nextPortLocked()
			_, stream := h.listeners[p]
			_, packet := h.sockets[p]
			if !stream && !packet {
				return p, nil
			}
		}
	}
	if _, ok := taken[port]; ok || port == 0 {
		return 0, os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	return port, nil
}

// nextPortLocked gives out the ports from firstPort up, round and round.
func (h *Host) nextPortLocked() uint16 {
	h.port = max(h.port+1, firstPort)
	return h.port
}

// Dial opens a stream to addr. It takes a round trip; it is refused if nobody listens there, and
// waits until ctx is done, 2 minutes at most, while either direction is cut, this host is paused
// or there is no such host.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: textAddr{"tcp", addr}, Err: err}
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	n := h.net
	n.mu.Lock()
	n.stats.Dials++
	n.mu.Unlock()
	for {
		n.mu.Lock()
		changed := n.changed
		trip := n.segmentDelayLocked(h.ip, to.Addr()) + n.segmentDelayLocked(to.Addr(), h.ip)
		n.mu.Unlock()
		if err := h.sleep(ctx, trip, nil); err != nil {
			return fail(err)
		}
		n.mu.Lock()
		if n.hosts[to.Addr()] != nil && !n.paused[h.ip] && !n.cutLocked(h.ip, to.Addr()) && !n.cutLocked(to.Addr(), h.ip) {
			c, err := h.connectLocked(to)
			n.mu.Unlock()
			if err != nil {
				return fail(err)
			}
			return c, nil
		}
		n.mu.Unlock()
		if err := h.sleep(ctx, dialLimit, changed); err != nil {
			return fail(err)
		}
	}
}

// sleep waits for d or for wake, and fails if the host is killed or ctx done first.
func (h *Host) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-h.killc:
	case <-ctx.Done():
	}
	select {
	case <-h.killc:
		return net.ErrClosed
	default:
	}
	if err := ctx.Err(); err == context.DeadlineExceeded {
		return os.ErrDeadlineExceeded // "i/o timeout", and a net.Error, as the system's dials give
	} else if err != nil {
		return fmt.Errorf("operation was canceled: %w", err)
	}
	return nil
}

// connectLocked makes both ends of a stream to a host that can be reached.
func (h *Host) connectLocked(to netip.AddrPort) (*conn, error) {
	n := h.net
	if h.killed {
		return nil, net.ErrClosed
	}
	l := n.hosts[to.Addr()].listeners[to.Port()]
	if l == nil || len(l.queue) == cap(l.queue) {
		n.stats.DialsRefused++
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	from := netip.AddrPortFrom(h.ip, h.nextPortLocked())
	near, far := newConns(h, l.host, from, to)
	l.queue <- far // there is room: only connectLocked sends
	return near, nil
}

// textAddr is an address that was asked for.
type textAddr struct{ network, text string }

func (a textAddr) Network() string { return a.network }
func (a textAddr) String() string  { return a.text }

// listener is a net.Listener.
type listener struct {
	host  *Host
	addr  *net.TCPAddr
	queue chan *conn    // sent under net.mu, never closed
	done  chan struct{} // closed by closeLocked
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close resets the streams that nobody has accepted.
func (l *listener) Close() error {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	l.closeLocked()
	return nil
}

func (l *listener) closeLocked() {
	port := uint16(l.addr.Port)
	if l.host.listeners[port] != l {
		return
	}
	delete(l.host.listeners, port)
	close(l.done)
	for {
		select {
		case c := <-l.queue:
			c.closeLocked(syscall.ECONNRESET)
		default:
			return
		}
	}
}
