package gossip

import (
	"errors"
	"fmt"
	"io"
)

// A stream of [purposeKeyring] carries one order and its answer:
//
//	version, action, length of key, length of by; key; by
//	version, outcome, 1 if unsaved, length of note, number of keys; note; fingerprints
//
// The key is one of 16, 24 or 32 bytes to be installed, the fingerprint of one to be used or
// removed, nothing where keys are only listed.
const (
	orderVersion  = 1
	orderHeader   = 4
	reportHeader  = 5
	maxOrderKey   = 32
	maxOrderBy    = 255
	maxReportNote = 255
)

// KeyAction is what is to be done with a key of the ring.
type KeyAction byte

// The actions.
const (
	KeyList    KeyAction = iota // nothing: tell what there is
	KeyInstall                  // take it in: it is proved, and taken from others
	KeyUse                      // make it the primary: packets are sent with it
	KeyRemove                   // take it out: who has only that one is a stranger
)

// String is the action's name.
func (a KeyAction) String() string {
	return [...]string{"list", "install", "use", "remove"}[min(a, KeyRemove)]
}

// KeyOutcome is what a member made of an order.
type KeyOutcome byte

// The outcomes.
const (
	KeyUnchanged KeyOutcome = iota // it was so before
	KeyChanged
	KeyRefused // nothing has changed: see [KeyReport]
)

// String is the outcome's name.
func (o KeyOutcome) String() string {
	return [...]string{"unchanged", "changed", "refused"}[min(o, KeyRefused)]
}

// keyOrder is an order as it goes from one member to another.
type keyOrder struct {
	action KeyAction
	key    []byte // see above
	by     string // who asked for it, for the log
}

// fingerprint is that of the key which the order is about.
func (o keyOrder) fingerprint() (f Fingerprint) {
	if o.action == KeyInstall {
		return FingerprintOf(o.key)
	}
	copy(f[:], o.key)
	return f
}

func (o keyOrder) append(b []byte) []byte {
	by := o.by[:min(len(o.by), maxOrderBy)]
	b = append(b, orderVersion, byte(o.action), byte(len(o.key)), byte(len(by)))
	return append(append(b, o.key...), by...)
}

func readKeyOrder(r io.Reader) (keyOrder, error) {
	var b [orderHeader + maxOrderKey + maxOrderBy]byte
	if _, err := io.ReadFull(r, b[:orderHeader]); err != nil {
		return keyOrder{}, fmt.Errorf("read order: %w", err)
	}
	o := keyOrder{action: KeyAction(b[1])}
	key, by := int(b[2]), int(b[3])
	if b[0] != orderVersion {
		return keyOrder{}, fmt.Errorf("read order: version %d, this node reads version %d", b[0], orderVersion)
	}
	var fits bool
	switch o.action {
	case KeyList:
		fits = key == 0
	case KeyInstall:
		fits = key == 16 || key == 24 || key == 32
	case KeyUse, KeyRemove:
		fits = key == len(Fingerprint{})
	default:
		return keyOrder{}, fmt.Errorf("read order: no action %d is known", b[1])
	}
	if !fits {
		return keyOrder{}, fmt.Errorf("read order: %d bytes of key to %v", key, o.action)
	}
	rest := b[:key+by]
	if _, err := io.ReadFull(r, rest); err != nil {
		return keyOrder{}, fmt.Errorf("read order: %w", err)
	}
	o.key, o.by = rest[:key:key], string(rest[key:])
	return o, nil
}

// keyAnswer is what a member says of its ring after an order.
type keyAnswer struct {
	outcome KeyOutcome
	unsaved bool          // a restart brings other keys
	note    string        // why it refused, or could not save
	keys    []Fingerprint // the primary first
}

func (a keyAnswer) append(b []byte) []byte {
	note := a.note[:min(len(a.note), maxReportNote)]
	b = append(b, orderVersion, byte(a.outcome), flagByte(a.unsaved), byte(len(note)), byte(len(a.keys)))
	b = append(b, note...)
	for _, f := range a.keys {
		b = append(b, f[:]...)
	}
	return b
}

func readKeyAnswer(r io.Reader) (keyAnswer, error) {
	var b [maxReportNote + maxRing*len(Fingerprint{})]byte
	if _, err := io.ReadFull(r, b[:reportHeader]); err != nil {
		return keyAnswer{}, fmt.Errorf("read answer: %w", err)
	}
	version, outcome, unsaved, note, keys := b[0], KeyOutcome(b[1]), b[2], int(b[3]), int(b[4])
	switch {
	case version != orderVersion:
		return keyAnswer{}, fmt.Errorf("read answer: version %d, this node reads version %d", version, orderVersion)
	case outcome > KeyRefused:
		return keyAnswer{}, fmt.Errorf("read answer: no outcome %d is known", outcome)
	case unsaved > 1:
		return keyAnswer{}, errors.New("read answer: neither saved nor unsaved")
	case keys > maxRing:
		return keyAnswer{}, fmt.Errorf("read answer: %d keys, at most %d are allowed", keys, maxRing)
	}
	rest := b[:note+keys*len(Fingerprint{})]
	if _, err := io.ReadFull(r, rest); err != nil {
		return keyAnswer{}, fmt.Errorf("read answer: %w", err)
	}
	a := keyAnswer{outcome: outcome, unsaved: unsaved == 1, note: string(rest[:note]), keys: make([]Fingerprint, keys)}
	for i := range a.keys {
		copy(a.keys[i][:], rest[note+i*len(Fingerprint{}):])
	}
	return a, nil
}
