package gossip

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/sockerr"
)

// acceptStreams runs until Shutdown. An error of Accept (no file descriptors left, as a
// rule) passes: it waits for that, longer each time.
func (t *transport) acceptStreams() {
	var pause backoff
	for {
		conn, err := t.listener.Accept()
		if err == nil {
			pause = 0
			if g := t.lobby.enter(conn); g != nil {
				t.wg.Go(func() { t.greet(g) })
			}
			continue
		}
		if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		t.count.acceptErrors.Add(1)
		t.warn("cannot accept gossip streams", "error", err)
		pause.wait(t.ctx)
	}
}

// greet makes an inbound stream prove a key and hands it on.
func (t *transport) greet(g *guest) {
	g.conn.SetDeadline(time.Now().Add(t.config.patience()))
	raw := newOutlet(g.conn)
	conn := tls.Server(raw, t.prover.tls)
	peer, purpose, err := t.prover.accept(conn)
	stayed := t.lobby.leave(g)
	if err != nil || !stayed {
		g.conn.Close()
		if t.ctx.Err() == nil {
			t.refused(g, err, stayed)
		}
		return
	}
	g.conn.SetDeadline(time.Time{})
	introduce(g.conn, peer)
	s := &stream{Conn: conn, raw: raw, peer: peer, purpose: purpose, inbound: true, transport: t}
	if !t.remember(s) {
		return
	}
	t.count.accepted.Add(1)
	var taken bool
	if purpose == purposeMembership {
		taken = offer(t.memberc, t.forMemberlist(s))
	} else {
		taken = offer(t.streamc, s)
	}
	if !taken {
		t.count.streamsDropped.Add(1)
		t.warn("gossip stream dropped: too many wait", "peer", clean(peer), "purpose", purpose)
		s.Close()
	}
}

// refused counts and logs a stream that proved nothing.
func (t *transport) refused(g *guest, err error, stayed bool) {
	addr := g.conn.RemoteAddr()
	var key *KeyError
	switch {
	case !stayed: // counted by the lobby
		t.warn("gossip stream dropped: too many have not proved a key", "addr", addr)
	case errors.As(err, &key):
		t.count.wrongKey.Add(1)
		t.warn("gossip stream refused: wrong key", "addr", addr, "peer", clean(key.Peer), "reason", key.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.count.slow.Add(1)
		t.warn("gossip stream refused: no proof in time", "addr", addr, "timeout", t.config.patience())
	case errors.Is(err, io.EOF), sockerr.Is(err, syscall.ECONNRESET), sockerr.Is(err, syscall.EPIPE):
		t.count.abandoned.Add(1) // a health check, or a peer that gave up: no reason to worry anybody
		t.say(hclog.Debug, "gossip stream closed before its proof", "addr", addr)
	default:
		t.count.junk.Add(1)
		t.warn("gossip stream refused: not a peer", "addr", addr, "error", err)
	}
}

// readPackets runs until Shutdown.
func (t *transport) readPackets() {
	guard := newPacketGuard(t.config.Label, t.config.Keyring)
	buf := make([]byte, 64<<10)
	var pause backoff
	for {
		n, from, err := t.packets.ReadFrom(buf)
		now := time.Now()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			t.count.packetErrors.Add(1)
			t.warn("cannot read gossip packets", "error", err)
			pause.wait(t.ctx)
			continue
		}
		pause = 0
		if !guard.pass(buf[:n]) {
			t.count.packetsJunk.Add(1)
			t.warn("gossip packet dropped: not of this herd", "addr", from, "bytes", n)
			continue
		}
		if offer(t.packetc, &memberlist.Packet{Buf: bytes.Clone(buf[:n]), From: from, Timestamp: now}) {
			t.count.packets.Add(1)
		} else {
			t.count.packetsDropped.Add(1)
		}
	}
}
