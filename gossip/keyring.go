package gossip

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// Fingerprint stands for a key where people and programs read it: the first bytes of the
// key's SHA-256. It tells nothing of a random key.
type Fingerprint [8]byte

// FingerprintOf is that of a key.
func FingerprintOf(key []byte) (f Fingerprint) {
	sum := sha256.Sum256(key)
	copy(f[:], sum[:])
	return f
}

// ParseFingerprint reads what String writes.
func ParseFingerprint(text string) (f Fingerprint, ok bool) {
	if len(text) != 2*len(f) {
		return f, false
	}
	_, err := hex.Decode(f[:], []byte(text))
	return f, err == nil
}

// String is 16 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// Why a ring is not changed.
var (
	errRingFull   = fmt.Errorf("its ring has %d keys already: remove one first", maxRing)
	errNotInRing  = errors.New("its ring lacks the key")
	errPrimaryKey = errors.New("it sends with that key: have the herd use another one first")
)

// keyring is the keys that a node proves and takes from others, the primary first: the one
// it sends packets with. It is safe for concurrent use; nil is the ring of a keyless node.
//
// Readers have a slice that nobody writes to, and a change puts another one in its place.
// memberlist has a ring of its own that is kept level with it, where removing is a race: the
// keys are shifted under its readers, unless the key is the last one. So a key that is removed
// here stays there until it is the last. That lets nobody in: packets and streams pass
// this ring before memberlist sees them.
type keyring struct {
	state   atomic.Pointer[ringState]
	changes sync.Mutex          // one at a time
	members *memberlist.Keyring // memberlist's; changed under changes
}

// ringState is a ring at some time. It is never written to.
type ringState struct {
	keys  [][]byte
	since time.Time // when it came to be; zero: at the start
}

// newKeyring makes a ring of at most 16 keys of 16, 24 or 32 bytes, the first of them
// primary. A key that comes twice counts once.
func newKeyring(keys [][]byte) (*keyring, error) {
	var own [][]byte
	for _, key := range keys {
		if err := memberlist.ValidateKey(key); err != nil {
			return nil, err
		}
		if indexKey(own, FingerprintOf(key)) < 0 {
			own = append(own, bytes.Clone(key))
		}
	}
	if len(own) == 0 {
		return nil, errors.New("a ring of no keys")
	}
	if len(own) > maxRing {
		return nil, fmt.Errorf("%d keys, at most %d are allowed", len(own), maxRing)
	}
	members, err := memberlist.NewKeyring(own, own[0])
	if err != nil {
		return nil, err
	}
	r := &keyring{members: members}
	r.state.Store(&ringState{keys: own})
	return r, nil
}

// keys is the ring now, primary first. It must not be written to.
func (r *keyring) keys() [][]byte {
	if r == nil {
		return nil
	}
	return r.state.Load().keys
}

// changedWithin tells whether the ring is younger than d: who began a handshake before
// that may show the ring that was.
func (r *keyring) changedWithin(d time.Duration) bool {
	if r == nil {
		return false
	}
	since := r.state.Load().since
	return !since.IsZero() && time.Since(since) < d
}

// fingerprints is the ring as it may be shown.
func (r *keyring) fingerprints() []Fingerprint {
	var all []Fingerprint
	for _, key := range r.keys() {
		all = append(all, FingerprintOf(key))
	}
	return all
}

func indexKey(keys [][]byte, f Fingerprint) int {
	return slices.IndexFunc(keys, func(key []byte) bool { return FingerprintOf(key) == f })
}

// install takes a key into the ring, as the last one.
func (r *keyring) install(key []byte) (changed bool, err error) {
	if err := memberlist.ValidateKey(key); err != nil {
		return false, err
	}
	r.changes.Lock()
	defer r.changes.Unlock()
	keys := r.keys()
	switch {
	case indexKey(keys, FingerprintOf(key)) >= 0:
		return false, nil
	case len(keys) == maxRing:
		return false, errRingFull
	}
	key = bytes.Clone(key)
	r.members.AddKey(key) // first: what passes this ring memberlist has to open
	r.storeLocked(append(slices.Clone(keys), key))
	return true, nil
}

// use makes a key of the ring the primary.
func (r *keyring) use(f Fingerprint) (changed bool, err error) {
	r.changes.Lock()
	defer r.changes.Unlock()
	keys := slices.Clone(r.keys())
	switch i := indexKey(keys, f); i {
	case -1:
		return false, errNotInRing
	case 0:
		return false, nil
	default:
		key := keys[i]
		r.members.UseKey(key)
		r.storeLocked(slices.Insert(slices.Delete(keys, i, i+1), 0, key))
		return true, nil
	}
}

// remove takes a key out of the ring. One that it lacks is removed.
func (r *keyring) remove(f Fingerprint) (changed bool, err error) {
	r.changes.Lock()
	defer r.changes.Unlock()
	keys := slices.Clone(r.keys())
	switch i := indexKey(keys, f); i {
	case -1:
		return false, nil
	case 0:
		return false, errPrimaryKey
	default:
		r.storeLocked(slices.Delete(keys, i, i+1))
		r.pruneLocked()
		return true, nil
	}
}

func (r *keyring) storeLocked(keys [][]byte) { r.state.Store(&ringState{keys, time.Now()}) }

// maxStale is how many keys memberlist's ring may have before live ones go with the dead.
const maxStale = 2 * maxRing

// pruneLocked takes removed keys out of memberlist's ring as long as the last of it is one.
// Where too many are kept by a live one behind them, that one goes too and comes back: a
// packet that is sealed with it and comes in between is lost.
func (r *keyring) pruneLocked() {
	own := r.keys()
	for theirs := r.members.GetKeys(); len(theirs) > 1; theirs = r.members.GetKeys() {
		last := theirs[len(theirs)-1]
		if len(theirs) <= maxStale && indexKey(own, FingerprintOf(last)) >= 0 {
			break
		}
		r.members.RemoveKey(last)
	}
	for _, key := range own {
		r.members.AddKey(key)
	}
}
