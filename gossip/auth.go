package gossip

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// purpose says what a stream between two nodes is for. It is part of the proof.
type purpose byte

// The purposes of streams.
const (
	purposeMembership purpose = 1 // memberlist's own: push/pull, probes that got no answer by packet
	purposeLive       purpose = 2 // batches and acks
	purposeDelta      purpose = 3 // vectors and what they lack
	purposeWho        purpose = 4 // who holds a name
	purposeKeyring    purpose = 5 // what keys the ring has, and changes of it
)

func (p purpose) String() string {
	switch p {
	case purposeMembership:
		return "membership"
	case purposeLive:
		return "live"
	case purposeDelta:
		return "delta"
	case purposeWho:
		return "who"
	case purposeKeyring:
		return "keyring"
	}
	return fmt.Sprintf("purpose %d", byte(p))
}

// KeyError tells that a peer did not prove a key of this node's ring. Both ends
// of the stream get one.
type KeyError struct {
	Addr   string // the peer's address
	Peer   string // the name it gave, which nothing proves
	Reason string // what does not match
}

// Error names the peer and the reason.
func (e *KeyError) Error() string {
	return fmt.Sprintf("wrong gossip key: %s, calling itself %q: %s", e.Addr, e.Peer, e.Reason)
}

// What can be wrong with a proof.
const (
	reasonNoneInCommon = "no gossip key in common, or another label: if one of the two missed a rotation, give it the key file of the other and restart it"
	reasonPeerKeyless  = "the peer has no gossip key, this node has one"
	reasonWeAreKeyless = "this node has no gossip key and the peer has one, or another label"
	reasonPeerLacks    = "the peer lacks the key that this node sends with: one of the two missed a rotation; give it the key file of the other and restart it"
	reasonWeLack       = "this node lacks the key that the peer sends with: one of the two missed a rotation; give it the key file of the other and restart it"
)

const (
	helloVersion = 1
	maxPeerName  = 255 // bytes of a name in a proof: one byte holds the length
	maxRing      = 16  // keys of a ring, and proofs
	macSize      = sha256.Size
	helloHeader  = 4 // version, purpose, length of name, number of proofs
)

// noKey makes the proofs of a node without a key, so that its peers can tell. It
// is no AES key. The empty key would be one to HMAC, which pads: that of zeros.
const noKey = "no key"

// The roles of a proof: without them, a stranger could send a node's own proof
// back to it.
const (
	roleDialer   = 'D'
	roleAcceptor = 'A'
)

// hello is what either end of a stream says first, inside TLS: its name, the
// purpose, and one proof for each key of its ring, so that two nodes
// whose rings merely overlap understand each other while keys are rotated.
//
//	version, purpose, length of name, number of proofs; name; proofs of 32 bytes
type hello struct {
	purpose purpose
	name    string
	proofs  [][macSize]byte
}

func (h hello) append(dst []byte) []byte {
	dst = append(dst, helloVersion, byte(h.purpose), byte(len(h.name)), byte(len(h.proofs)))
	dst = append(dst, h.name...)
	for i := range h.proofs {
		dst = append(dst, h.proofs[i][:]...)
	}
	return dst
}

// readHello reads a hello and not a byte more.
func readHello(r io.Reader) (hello, error) {
	var b [maxPeerName + maxRing*macSize]byte
	if _, err := io.ReadFull(r, b[:helloHeader]); err != nil {
		return hello{}, fmt.Errorf("read proof: %w", err)
	}
	version, use, name, proofs := b[0], purpose(b[1]), int(b[2]), int(b[3])
	switch {
	case version != helloVersion:
		return hello{}, fmt.Errorf("read proof: version %d, this node reads version %d", version, helloVersion)
	case use < purposeMembership || use > purposeKeyring:
		return hello{}, fmt.Errorf("read proof: no %v is known", use)
	case name == 0:
		return hello{}, errors.New("read proof: no name")
	case proofs == 0 || proofs > maxRing:
		return hello{}, fmt.Errorf("read proof: %d proofs, want 1 to %d", proofs, maxRing)
	}
	if _, err := io.ReadFull(r, b[:name+proofs*macSize]); err != nil {
		return hello{}, fmt.Errorf("read proof: %w", err)
	}
	h := hello{purpose: use, name: string(b[:name]), proofs: make([][macSize]byte, proofs)}
	for i := range h.proofs {
		copy(h.proofs[i][:], b[name+i*macSize:])
	}
	return h, nil
}

// prover proves to peers that this node holds the herd's key, and makes them
// prove it. It is immutable but for the ring, which locks itself.
//
// A proof is HMAC-SHA256(key, TLS exporter ‖ role ‖ purpose ‖ name). The exporter
// is of this very TLS session and of the herd's label, so a proof is worth
// nothing in any other session, in the other direction, for another purpose, under
// another name or in another herd. Certificates are not looked at: whoever sits
// in the middle has two sessions with two exporters.
type prover struct {
	name  string
	label string
	ring  *keyring      // nil: keyless
	tls   *tls.Config   // for both roles
	grace time.Duration // how long after a change the ring that was is good enough
}

func newProver(name, label string, ring *keyring, grace time.Duration) (*prover, error) {
	if name == "" || len(name) > maxPeerName {
		return nil, fmt.Errorf("node name of %d bytes, want 1 to %d", len(name), maxPeerName)
	}
	cert, err := throwAwayCertificate()
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return &prover{name: name, label: label, ring: ring, grace: grace, tls: &tls.Config{
		Certificates:       []tls.Certificate{cert},
		InsecureSkipVerify: true, // the proof does what a certificate would
		MinVersion:         tls.VersionTLS13,
		// Nobody waits for the first bytes of a page: records as long as they may be.
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true, // each stream has its own exporter
	}}, nil
}

// throwAwayCertificate is only there because TLS wants one.
func throwAwayCertificate() (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// dial does the dialer's part on a new stream and returns the name that the peer
// proved. The caller sets the deadline, and closes the stream on error.
func (p *prover) dial(c *tls.Conn, purpose purpose) (peer string, err error) {
	session, err := p.session(c)
	if errors.As(err, new(tls.RecordHeaderError)) {
		return "", fmt.Errorf("what is there is not the gossip port of a node: %w", err)
	}
	if err != nil {
		return "", err
	}
	if _, err := c.Write(p.hello(session, roleDialer, purpose)); err != nil {
		return "", fmt.Errorf("send proof: %w", err)
	}
	h, err := readHello(c)
	if err != nil {
		return "", err
	}
	if err := p.check(session, roleAcceptor, h, c); err != nil {
		return "", err
	}
	if h.purpose != purpose {
		return "", fmt.Errorf("peer %q answered %v, asked for %v", h.name, h.purpose, purpose)
	}
	return h.name, nil
}

// accept does the acceptor's part. It answers a wrong proof too, so that
// both ends can say what is wrong. The proof it shows to a stranger tells
// nothing: it is a MAC, of a random key, over a session of the stranger's.
func (p *prover) accept(c *tls.Conn) (peer string, purpose purpose, err error) {
	session, err := p.session(c)
	if err != nil {
		return "", 0, err
	}
	h, err := readHello(c)
	if err != nil {
		return "", 0, err
	}
	_, sent := c.Write(p.hello(session, roleAcceptor, h.purpose))
	if err := p.check(session, roleDialer, h, c); err != nil {
		return "", 0, err
	}
	if sent != nil {
		return "", 0, fmt.Errorf("send proof: %w", sent)
	}
	return h.name, h.purpose, nil
}

// session does the TLS handshake and returns what is unique to this session and
// known to its two ends only.
func (p *prover) session(c *tls.Conn) ([]byte, error) {
	if err := c.Handshake(); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	state := c.ConnectionState()
	return state.ExportKeyingMaterial("EXPORTER-herd-gossip", []byte(p.label), sha256.Size)
}

// hello is this node's, ready to be sent.
func (p *prover) hello(session []byte, role byte, purpose purpose) []byte {
	h := hello{purpose: purpose, name: p.name}
	for _, key := range p.keys() {
		h.proofs = append(h.proofs, proof(key, session, role, h))
	}
	return h.append(nil)
}

// check tells whether the peer's proofs were made with keys of the ring. One in common
// proves that it belongs to the herd, and is not enough: packets are sealed with the primary,
// so each end must have the other's, or it would be heard and not hear, or the other way
// round. Who has missed a rotation is told so and stays out. While keys are changed all have
// both.
func (p *prover) check(session []byte, role byte, h hello, c *tls.Conn) error {
	match := func(key []byte) (at int) { // of the proof made with it, -1: none
		want := proof(key, session, role, h)
		at = -1
		for i := range h.proofs {
			if at < 0 && hmac.Equal(want[:], h.proofs[i][:]) {
				at = i
			}
		}
		return at
	}
	keys := p.keys()
	common, theirs, ours := false, false, false
	for i, key := range keys {
		at := match(key)
		common = common || at >= 0
		theirs = theirs || at == 0
		ours = ours || i == 0 && at >= 0
	}
	var reason string
	switch {
	case common && (theirs && ours || p.ring.changedWithin(p.grace)):
		return nil
	case common && theirs:
		reason = reasonPeerLacks
	case common:
		reason = reasonWeLack
	case string(keys[0]) == noKey:
		reason = reasonWeAreKeyless
	case match([]byte(noKey)) >= 0:
		reason = reasonPeerKeyless
	default:
		reason = reasonNoneInCommon
	}
	return &KeyError{Addr: c.RemoteAddr().String(), Peer: h.name, Reason: reason}
}

// keys is the ring, primary first; noKey alone if there is none.
func (p *prover) keys() [][]byte {
	if keys := p.ring.keys(); len(keys) > 0 {
		return keys
	}
	return [][]byte{[]byte(noKey)}
}

// proof is the MAC that the sender of h owes for one key.
func proof(key, session []byte, role byte, h hello) (sum [macSize]byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write(session)
	mac.Write([]byte{role, byte(h.purpose)})
	io.WriteString(mac, h.name)
	mac.Sum(sum[:0])
	return sum
}
