package gossip

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Network is what a cluster needs of the world. [OS] is the real one; package
// simnet has one for tests. Methods are safe for concurrent use. Addresses are
// "host:port".
type Network interface {
	// Listen binds a stream listener. Port 0 picks a free port.
	Listen(ctx context.Context, addr string) (net.Listener, error)
	// ListenPacket binds a packet socket. Its WriteTo takes a *net.UDPAddr and
	// does not wait for the receiver.
	ListenPacket(ctx context.Context, addr string) (net.PacketConn, error)
	// Dial opens a stream. It gives up when ctx is done.
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// introduced is a stream of a [Network] that wants to know which node is at its
// other end, as soon as that is proved: a network with faults for some peers does.
type introduced interface{ SetPeer(name string) }

func introduce(raw net.Conn, peer string) {
	if c, ok := raw.(introduced); ok {
		c.SetPeer(peer)
	}
}

// OS is the operating system's network: TCP and UDP.
type OS struct{}

// packetBuffer is how many bytes of packets the kernel is asked to hold for us:
// a burst of a large herd, while this process waits for a core.
const packetBuffer = 2 << 20

// keepAlive ends a stream whose machine has vanished within 20 s, even if its
// owner sets no deadline.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}
}

// family is "4" for an IPv4 address. Go would take 0.0.0.0 for all addresses of
// IPv6 too, and peers would be told one that they may have no route to.
func family(addr string) string {
	if at, err := netip.ParseAddrPort(addr); err == nil && at.Addr().Is4() {
		return "4"
	}
	return ""
}

// Listen binds a TCP listener. Not one of Multipath TCP, which Go would take: nobody dials that, and
// it knows less of control.
func (OS) Listen(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive(), Control: control}
	lc.SetMultipathTCP(false)
	return lc.Listen(ctx, "tcp"+family(addr), addr)
}

// ListenPacket binds a UDP socket with a large receive buffer, as far as the
// system allows one.
func (OS) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp"+family(addr), addr)
	if err != nil {
		return nil, err
	}
	if c, ok := pc.(*net.UDPConn); ok {
		for size := packetBuffer; size > 0 && c.SetReadBuffer(size) != nil; size /= 2 {
			continue // some systems refuse what they can't give, others cut it
		}
	}
	return pc, nil
}

// Dial opens a TCP stream. Small writes leave at once (Go's default).
func (OS) Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive(), Control: control}
	return d.DialContext(ctx, "tcp", addr)
}
