package gossip

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"herd/gossip/simnet"
)

func TestBind(t *testing.T) {
	tcp, err := net.Listen("tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, taken := range []string{tcp.Addr().String(), udp.LocalAddr().String()} {
		_, err := newTransport(transportConfig{Name: "Clark", BindAddr: taken})
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "gossip address "+taken+": ") {
			t.Errorf("%s is taken: %v", taken, err)
		}
	}
	tr := newTestTransport(t, transportConfig{})
	if a, b := tr.Addr().String(), tr.packets.LocalAddr().String(); a != b || a != tr.Advertised().String() {
		t.Errorf("bound to %s and %s, advertised as %v", a, b, tr.Advertised())
	}
	ip, port, err := tr.FinalAdvertiseAddr("192.0.2.9", 1)
	if ap := tr.Advertised(); err != nil || ip.String() != ap.Addr().String() || port != int(ap.Port()) {
		t.Errorf("memberlist is told %v %d, %v", ip, port, err)
	}
	for _, tt := range []struct {
		config transportConfig
		want   string
	}{
		{transportConfig{Name: "Clark", BindAddr: "127.0.0.1"}, "gossip address 127.0.0.1: "},
		{transportConfig{Name: "Clark", BindAddr: "127.0.0.1:x"}, "gossip address 127.0.0.1:x: "},
		{transportConfig{Name: "Clark", BindAddr: "203.0.113.1:0"}, "gossip address 203.0.113.1:0: "},
		{transportConfig{Name: "Clark", BindAddr: loopback, AdvertiseAddr: "0.0.0.0"}, `advertise address "0.0.0.0": `},
		{transportConfig{Name: "Clark", BindAddr: loopback, Label: strings.Repeat("x", 256)}, "gossip label is 256 bytes long, at most 255 are allowed"},
		{transportConfig{BindAddr: loopback}, "node name of 0 bytes"},
	} {
		if _, err := newTransport(tt.config); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

// balky is a network with trouble on order.
type balky struct {
	Network
	packetPortsTaken, acceptsFailed, readsFailed atomic.Int32  // how many are still to come
	lastRead                                     time.Duration // what a read of packets takes to end
	open                                         atomic.Int32  // listeners and packet sockets
}

func (b *balky) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := b.Network.Listen(ctx, addr)
	if err == nil {
		b.open.Add(1)
	}
	return &balkyListener{l, b}, err
}

func (b *balky) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	if b.packetPortsTaken.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "listen", Net: "udp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	p, err := b.Network.ListenPacket(ctx, addr)
	if err == nil {
		b.open.Add(1)
	}
	return &balkyPacketConn{p, b}, err
}

type balkyListener struct {
	net.Listener
	net *balky
}

func (l *balkyListener) Accept() (net.Conn, error) {
	if l.net.acceptsFailed.Add(-1) >= 0 {
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

func (l *balkyListener) Close() error {
	l.net.open.Add(-1)
	return l.Listener.Close()
}

type balkyPacketConn struct {
	net.PacketConn
	net *balky
}

func (p *balkyPacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if p.net.readsFailed.Add(-1) >= 0 {
		return 0, nil, syscall.ENOMEM
	}
	n, from, err := p.PacketConn.ReadFrom(b)
	if err != nil {
		time.Sleep(p.net.lastRead)
	}
	return n, from, err
}

func (p *balkyPacketConn) Close() error {
	p.net.open.Add(-1)
	return p.PacketConn.Close()
}

// Of port 0 one is found that is free for both. What fails leaves nothing open.
func TestBindPortZero(t *testing.T) {
	for _, tt := range []struct {
		what   string
		taken  int32
		config transportConfig
		ok     bool
	}{
		{"the last try", bindTries - 1, transportConfig{BindAddr: loopback}, true},
		{"no port is free", bindTries, transportConfig{BindAddr: loopback}, false},
		{"of a given port there is no other", 1, transportConfig{BindAddr: "10.0.0.1:4132"}, false},
		{"no address to advertise", 0, transportConfig{BindAddr: loopback, AdvertiseAddr: "0.0.0.0"}, false},
	} {
		n := &balky{Network: OS{}}
		if tt.config.BindAddr != loopback {
			n.Network = simnet.New(1).Host("10.0.0.1")
		}
		n.packetPortsTaken.Store(tt.taken)
		tt.config.Network, tt.config.Name = n, "Clark"
		tr, err := newTransport(tt.config)
		if (err == nil) != tt.ok || tt.taken > 0 && !tt.ok && !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v", tt.what, err)
		}
		if err == nil {
			if a, b := tr.Addr().String(), tr.packets.LocalAddr().String(); a != b {
				t.Errorf("%s: bound to %s and %s", tt.what, a, b)
			}
			tr.Shutdown()
		}
		if open := n.open.Load(); open != 0 {
			t.Errorf("%s: %d sockets are open", tt.what, open)
		}
	}
}
