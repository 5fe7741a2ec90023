package fault

import (
	"bytes"
	"context"
	"net"
	"time"
)

// maxSending bounds the packets that are delayed at a time.
const maxSending = 4096

// ListenPacket binds a packet socket with faults.
func (n *Net) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	pc, err := n.inner.ListenPacket(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &socket{pc, n}, nil
}

// socket is a net.PacketConn.
type socket struct {
	net.PacketConn
	net *Net
}

// ReadFrom passes over packets that a rule has lost.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		k, from, err := s.PacketConn.ReadFrom(b)
		if err != nil || s.net.acting.Load() == 0 {
			return k, from, err
		}
		addr := from.String()
		peer := s.net.nameOf(addr)
		l, _ := s.net.look(peer, addr)
		switch {
		case l == nil:
		case l.cutIn:
			s.net.count.packetsCut.Add(1)
			continue
		case l.lossIn > 0 && !s.net.arrives(l, peer, addr):
			s.net.count.packetsLost.Add(1)
			continue
		}
		return k, from, nil
	}
}

// WriteTo sends a packet, or seems to.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	n := s.net
	if n.acting.Load() == 0 {
		return s.PacketConn.WriteTo(b, to)
	}
	addr := to.String()
	peer := n.nameOf(addr)
	l, _ := n.look(peer, addr)
	if l == nil || *l == (link{}) {
		return s.PacketConn.WriteTo(b, to)
	}
	if l.cutOut {
		n.count.packetsCut.Add(1)
		return len(b), nil
	}
	now := time.Now()
	d := n.departureOf(l, peer, addr, now, len(b))
	if d.lost {
		n.count.packetsLost.Add(1)
		return len(b), nil
	}
	if d.copies > 1 {
		n.count.packetsDoubled.Add(1)
	}
	for _, at := range d.at[:d.copies] {
		if !at.After(now) {
			if k, err := s.PacketConn.WriteTo(b, to); err != nil {
				return k, err
			}
			continue
		}
		n.later(&delayed{socket: s, data: bytes.Clone(b), to: to}, at.Sub(now))
	}
	return len(b), nil
}

// delayed is a packet under way.
type delayed struct {
	socket *socket
	data   []byte
	to     net.Addr
	timer  *time.Timer
}

// later sends a packet after d, unless too many wait already.
func (n *Net) later(p *delayed, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.sending) >= maxSending {
		n.count.packetsLost.Add(1)
		return
	}
	n.count.packetsLate.Add(1)
	n.sending[p] = struct{}{}
	p.timer = time.AfterFunc(d, func() {
		n.mu.Lock()
		_, ours := n.sending[p]
		delete(n.sending, p)
		n.mu.Unlock()
		if ours {
			p.socket.PacketConn.WriteTo(p.data, p.to) // as lost as any other
		}
	})
}
