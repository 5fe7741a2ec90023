package gossip

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// How memberlist lays out what it sends (its label.go, security.go, net.go).
const (
	labelMark    = 244 // first byte of a label header; the length and the label follow
	encryptMark  = 10  // first byte of an encrypted message on a stream; 4 bytes of length follow
	cipherV1     = 1   // first byte of ciphertext. Version 0 pads, and a bad padding panics memberlist
	nonceSize    = 12
	tagSize      = 16
	minEncrypted = 1 + nonceSize + tagSize + 1 // with one byte of plaintext: memberlist panics on none

	maxPacket  = 65507   // bytes: the most that UDP over IPv4 carries
	maxMessage = 4 << 20 // bytes of a stream message: the states of 1,000 members are a tenth of it
)

// packetGuard stands before memberlist and lets no packet of a stranger pass. It
// is owned by the goroutine that reads packets.
//
// With a keyring it opens each packet under the ring's keys, and memberlist then
// does so again. Cheaper checks alone would let 1,400 random bytes behind the
// right version through, and memberlist writes a log line for each of those. Opening costs
// 0.6 µs for a full packet (memberlist's own, with its key schedules, 2 µs): nothing at the
// few hundred packets a second of a large herd; and a flood of junk is refused for less than
// memberlist alone would have paid.
type packetGuard struct {
	label  []byte
	ring   *keyring
	opened map[string]cipher.AEAD // by key: a key schedule costs as much as a packet
	buf    []byte                 // plaintext goes here and no further; it fits any packet
}

func newPacketGuard(label string, ring *keyring) *packetGuard {
	return &packetGuard{label: []byte(label), ring: ring, opened: map[string]cipher.AEAD{}, buf: make([]byte, maxPacket)}
}

// pass tells whether memberlist may see the packet. It does not change it.
func (g *packetGuard) pass(packet []byte) bool {
	if len(packet) > maxPacket {
		return false
	}
	body, ok := cutLabel(packet, g.label)
	if !ok || len(body) == 0 {
		return false
	}
	keys := g.ring.keys()
	if len(keys) == 0 {
		return true
	}
	if len(body) < minEncrypted || body[0] != cipherV1 {
		return false
	}
	nonce, sealed := body[1:1+nonceSize], body[1+nonceSize:]
	for _, key := range keys {
		aead, err := g.aead(key)
		if err != nil {
			continue
		}
		if _, err := aead.Open(g.buf[:0], nonce, sealed, g.label); err == nil {
			return true
		}
	}
	return false
}

func (g *packetGuard) aead(key []byte) (cipher.AEAD, error) {
	if a, ok := g.opened[string(key)]; ok {
		return a, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(g.opened) >= maxRing {
		clear(g.opened) // keys of rings long gone
	}
	g.opened[string(key)] = a
	return a, nil
}

// cutLabel returns what follows the label header. An empty label has no header.
func cutLabel(b, label []byte) (body []byte, ok bool) {
	if len(b) == 0 || b[0] != labelMark {
		return b, len(label) == 0
	}
	if len(b) < 2 || int(b[1]) != len(label) || len(label) == 0 {
		return nil, false
	}
	return bytes.CutPrefix(b[2:], label)
}

// errMessage is at the root of what [messageGuard] refuses.
var errMessage = errors.New("gossip message refused")

// messageGuard reads one memberlist message of a proved peer in a keyed herd. It
// refuses the ones that would make memberlist panic or take memory without
// bound: the peer has a key, but it may have a bug too. What passes is not changed.
type messageGuard struct {
	io.Reader
	refused *atomic.Uint64
	head    []byte // read ahead and not yet given out
	begun   bool
	err     error // after the head
}

// Read is io.Reader.
func (g *messageGuard) Read(b []byte) (int, error) {
	if !g.begun {
		g.begun = true
		g.err = g.begin()
	}
	switch {
	case len(g.head) > 0:
		n := copy(b, g.head)
		g.head = g.head[n:]
		return n, nil
	case g.err != nil:
		return 0, g.err
	}
	return g.Reader.Read(b)
}

// begin reads and checks the head of the message: an optional label header, the
// mark of encryption, the length, the version of the cipher.
func (g *messageGuard) begin() error {
	if err := g.more(1); err != nil {
		return err
	}
	if g.head[0] == labelMark {
		if err := g.more(1); err != nil {
			return err
		}
		if err := g.more(int(g.head[1]) + 1); err != nil {
			return err
		}
	}
	mark := len(g.head) - 1
	if g.head[mark] != encryptMark {
		return g.refuse("not encrypted")
	}
	if err := g.more(5); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint32(g.head[mark+1:]); n < minEncrypted || n > maxMessage {
		return g.refuse(fmt.Sprintf("%d bytes, want %d to %d", n, minEncrypted, maxMessage))
	}
	if v := g.head[mark+5]; v != cipherV1 {
		return g.refuse(fmt.Sprintf("cipher version %d, want %d", v, cipherV1))
	}
	return nil
}

// more reads n bytes onto the head.
func (g *messageGuard) more(n int) error {
	have := len(g.head)
	g.head = append(g.head, make([]byte, n)...)
	got, err := io.ReadFull(g.Reader, g.head[have:])
	g.head = g.head[:have+got]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF // as memberlist would have seen it
	}
	return err
}

func (g *messageGuard) refuse(why string) error {
	g.head = nil
	g.refused.Add(1)
	return fmt.Errorf("%w: %s", errMessage, why)
}
