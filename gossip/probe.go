package gossip

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
)

// Prober asks nodes who they are, without being one: for those who want to know whether a
// node that they are about to start would be let in. Zero values mean the defaults.
type Prober struct {
	Network Network          // nil: [OS]
	Name    string           // of the node that would start; others are asked who is called so
	Label   string           // of its herd
	Keys    [][]byte         // its gossip keys, the one to send with first; none: keyless
	Clock   func() time.Time // nil: time.Now
	Timeout time.Duration    // for one node; default 2 s
}

// Probe is what a node answered, and in which of the ways that gossip takes.
type Probe struct {
	Addr string // that was asked, host:port

	Stream error // why it did not answer by TCP; a [KeyError] if it has another key. Nil: it did
	Packet error // why it did not answer by UDP; of another key it can't. Nil: it did

	// What follows is known if Stream is nil; Peer with a [KeyError] too.

	Peer    string          // the name it goes by
	Origin  location.Origin // its incarnation
	Holders []Holder        // live members that are called as the prober is, itself if it is
	Timed   bool            // it told its clock: releases before 0.2.0 do not
	Ahead   time.Duration   // of its wall clock before this one, off by Error at the most; negative: behind
	Error   time.Duration

	// OtherLabel tells, with a [KeyError], that the key is right and the node has no label.
	OtherLabel bool
}

// Resolve turns a seed into the addresses that it stands for now.
func Resolve(ctx context.Context, seed string) ([]string, error) {
	return resolver{dns: net.DefaultResolver}.addresses(ctx, seed)
}

// Ask asks the node at addr, host:port, by TCP and by UDP at once. It takes no longer than
// the timeout, and starts nothing that outlives it.
func (p Prober) Ask(ctx context.Context, addr string) Probe {
	if p.Network == nil {
		p.Network = OS{}
	}
	if p.Clock == nil {
		p.Clock = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.Timeout, 2*time.Second))
	defer cancel()
	ring, err := p.ring()
	if err != nil {
		return Probe{Addr: addr, Stream: err, Packet: err}
	}
	packet := make(chan error, 1)
	go func() { packet <- p.ping(ctx, addr, ring) }() // ended by the read below
	probe := p.askWho(ctx, addr, ring)
	var key *KeyError
	if errors.As(probe.Stream, &key) && p.Label != "" {
		bare := p
		bare.Label = ""
		probe.OtherLabel = bare.askWho(ctx, addr, ring).Stream == nil
	}
	if probe.Stream != nil && key == nil { // nobody there, as a rule: few wait for a packet then
		time.AfterFunc(packetEvery, cancel)
	}
	probe.Packet = <-packet
	return probe
}

func (p Prober) ring() (*keyring, error) {
	if len(p.Keys) == 0 {
		return nil, nil
	}
	ring, err := newKeyring(p.Keys)
	if err != nil {
		return nil, fmt.Errorf("gossip key: %w", err)
	}
	return ring, nil
}

// askWho is the part of a [Probe] that TCP carries.
func (p Prober) askWho(ctx context.Context, addr string, ring *keyring) Probe {
	probe := Probe{Addr: addr}
	prover, err := newProver(p.Name, p.Label, ring, 0)
	if err != nil {
		probe.Stream = err
		return probe
	}
	raw, err := p.Network.Dial(ctx, addr)
	if err != nil {
		probe.Stream = late(ctx, err)
		return probe
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn := tls.Client(raw, prover.tls)
	peer, err := prover.dial(conn, purposeWho)
	var key *KeyError
	if errors.As(err, &key) {
		peer = key.Peer
	}
	probe.Peer = clean(peer)
	if err == nil {
		err = probe.hear(conn, p)
	}
	probe.Stream = late(ctx, err)
	return probe
}

// late is err, but that the time was up if that is what it comes from.
func late(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// hear asks who is called as the prober, and what time it is.
func (p *Probe) hear(conn io.ReadWriter, by Prober) error {
	asked := time.Now()
	if _, err := conn.Write(append([]byte{byte(len(by.Name))}, by.Name...)); err != nil {
		return fmt.Errorf("ask who is %q: %w", by.Name, err)
	}
	who, holders, err := readAnswer(conn)
	if err != nil {
		return err
	}
	p.Origin, p.Holders = who.origin, holders
	for i := range p.Holders {
		p.Holders[i].Gossip = clean(p.Holders[i].Gossip)
	}
	var wall [8]byte
	if _, err := io.ReadFull(conn, wall[:]); err != nil {
		return nil // it is of an older release
	}
	p.Error = time.Since(asked) / 2
	p.Timed = true
	p.Ahead = time.Unix(0, int64(binary.BigEndian.Uint64(wall[:]))).Sub(by.Clock().Add(-p.Error))
	return nil
}

// packetEvery is how long a packet may take before it is held for lost, and another sent.
const packetEvery = 300 * time.Millisecond

// errNoPacket is why a node did not answer by UDP.
var errNoPacket = errors.New("no answer")

// ping sends memberlist's ping, until there is an answer or ctx is done. Any packet of the
// herd from there is an answer: to one who is no member nothing else is sent.
func (p Prober) ping(ctx context.Context, addr string, ring *keyring) error {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("send packet: %w", err)
	}
	conn, err := p.Network.ListenPacket(ctx, ":0")
	if err != nil {
		return err
	}
	defer conn.Close()
	ping, err := p.sealedPing()
	if err != nil {
		return err
	}
	guard, buf := newPacketGuard(p.Label, ring), make([]byte, 64<<10)
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })()
	for ctx.Err() == nil {
		if _, err := conn.WriteTo(ping, net.UDPAddrFromAddrPort(to)); err != nil {
			return err
		}
		conn.SetReadDeadline(time.Now().Add(packetEvery))
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				break
			}
			at, err := netip.ParseAddrPort(from.String())
			if err == nil && at.Addr().Unmap() == to.Addr().Unmap() && at.Port() == to.Port() && guard.pass(buf[:n]) {
				return nil
			}
		}
	}
	return errNoPacket
}

// sealedPing is a ping as memberlist sends it, to whoever gets it: {SeqNo: a number} in
// MessagePack behind a zero.
func (p Prober) sealedPing() ([]byte, error) {
	plain := append([]byte{0, 0x81, 0xa5}, "SeqNo"...)
	var number [4]byte
	rand.Read(number[:]) // never fails
	plain = append(append(plain, 0xce), number[:]...)
	if len(p.Keys) > 0 {
		block, err := aes.NewCipher(p.Keys[0])
		if err != nil {
			return nil, fmt.Errorf("gossip key: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("gossip key: %w", err)
		}
		head := make([]byte, 1+nonceSize)
		head[0] = cipherV1
		rand.Read(head[1:]) // never fails
		plain = aead.Seal(head, head[1:], plain, []byte(p.Label))
	}
	return memberlist.AddLabelHeaderToPacket(plain, p.Label)
}

// Advertised is the address, of ports that are bound to bind, that members would be told
// for a node configured to advertise; empty is nothing. Names are resolved.
func Advertised(ctx context.Context, advertise, bind string) (netip.AddrPort, error) {
	bound, err := net.ResolveTCPAddr("tcp"+family(bind), bind)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("gossip address %s: %w", bind, err)
	}
	if bound.IP == nil {
		bound.IP = net.IPv6unspecified
	}
	return advertised(ctx, advertise, bound)
}
