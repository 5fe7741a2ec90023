package gossip

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// A rotation is install, use, remove, each over the whole herd. At no time does a live
// member send with a key that another lacks: use is refused until all live members have said
// that they have the key, and remove until all have said that they send with another one. So
// links stand, and streams and packets pass, all the while. Two such steps through two nodes
// may cross: then some members remove the key that others have begun to use, and these go
// back to the one before at once. A member that was away meanwhile is refused by the others
// when it comes back: see prover.check.
const (
	orderTimeout = 3 * time.Second // for all members to answer an order
	maxAsking    = 32              // of them asked at once
)

// ErrKeyless is why a herd without a key has no keyring.
var ErrKeyless = errors.New("this herd has no gossip key: it can't be given one while it runs")

// KeyringError is why the keys of the herd are not changed: nobody has been ordered to.
type KeyringError struct {
	Action      KeyAction
	Fingerprint Fingerprint
	Reason      string // names members
}

// Error says who is in the way.
func (e *KeyringError) Error() string {
	return fmt.Sprintf("%v key %v: %s", e.Action, e.Fingerprint, e.Reason)
}

// KeyReport is what a member says of its ring.
type KeyReport struct {
	Name   string // of the node
	Gossip string // host:port
	Self   bool   // it is this node

	// Err is why there is no answer: then all that follows is empty, and the order may
	// have been obeyed all the same.
	Err error

	Keys    []Fingerprint // the one that it sends with first
	Outcome KeyOutcome    // of the order
	Unsaved bool          // the ring is in memory only: a restart brings another one
	Note    string        // why it refused the order, or could not save
}

// KeyChange is one step of a rotation.
type KeyChange struct {
	Action      KeyAction
	Key         []byte      // to be installed: 16, 24 or 32 bytes
	Fingerprint Fingerprint // of the key to be used or removed
	By          string      // who asks, for the log: 255 bytes at the most
}

// rotation is what a cluster needs to have its ring changed.
type rotation struct {
	ordering chan struct{} // one slot: the herd is being asked

	mu    sync.Mutex // guards the fields below; held while keys are saved
	saved [][]byte   // what a restart brings
	why   string     // the ring is not saved

	unsaved                     atomic.Bool   // likewise: figures don't wait for a disk
	changed, unchanged, refused atomic.Uint64 // orders to this node
}

// Keyring asks all live members what keys they have. The reports are by name; it takes 3 s
// at the most. It fails only if the herd is keyless, or ctx is done.
func (c *Cluster) Keyring(ctx context.Context) ([]KeyReport, error) {
	return c.order(ctx, KeyChange{})
}

// ChangeKeyring has all live members, this one included, take one step of a rotation, each of
// which may be taken again. A [KeyringError] tells that it is not safe to; a report
// with an error, or refused, that one member has not taken it. It takes 9 s at the most.
func (c *Cluster) ChangeKeyring(ctx context.Context, change KeyChange) ([]KeyReport, error) {
	return c.order(ctx, change)
}

func (c *Cluster) order(ctx context.Context, change KeyChange) ([]KeyReport, error) {
	if c.ring == nil {
		return nil, ErrKeyless
	}
	select {
	case c.rotation.ordering <- struct{}{}:
		defer func() { <-c.rotation.ordering }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o, before := keyOrder{action: change.Action, by: clean(change.By)}, c.ring.fingerprints()[0]
	switch o.action {
	case KeyInstall:
		o.key = change.Key
	case KeyUse, KeyRemove:
		o.key = change.Fingerprint[:]
		reason := inTheWay(change, c.askMembers(ctx, keyOrder{}))
		if ctx.Err() == nil && reason != "" {
			return nil, &KeyringError{change.Action, change.Fingerprint, reason}
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	reports := c.askMembers(ctx, o)
	if lack := refusing(reports); o.action == KeyUse && lack != "" && before != change.Fingerprint {
		// Whoever asks may have gone, and the herd must not stay so.
		c.askMembers(context.WithoutCancel(ctx), keyOrder{action: KeyUse, key: before[:], by: o.by})
		reason := fmt.Sprintf("another order has removed it meanwhile from %s; the herd is to use %v as before", lack, before)
		return nil, &KeyringError{change.Action, change.Fingerprint, reason}
	}
	return reports, nil
}

// refusing names the members that have refused an order.
func refusing(reports []KeyReport) string {
	var names []string
	for _, r := range reports {
		if r.Outcome == KeyRefused {
			names = append(names, r.Name)
		}
	}
	return strings.Join(names, ", ")
}

// inTheWay is why a change would have members not understand each other; empty: it would not.
func inTheWay(change KeyChange, reports []KeyReport) string {
	var silent, others []string
	for _, r := range reports {
		switch has := slices.Index(r.Keys, change.Fingerprint); {
		case r.Err != nil:
			silent = append(silent, r.Name)
		case change.Action == KeyUse && has < 0, change.Action == KeyRemove && has == 0:
			others = append(others, r.Name)
		}
	}
	var reasons []string
	if len(others) > 0 {
		what := "these members lack it, and have to have it installed first: "
		if change.Action == KeyRemove {
			what = "these members send with it, and have to use another one first: "
		}
		reasons = append(reasons, what+strings.Join(others, ", "))
	}
	if len(silent) > 0 {
		reasons = append(reasons, "these members do not answer: "+strings.Join(silent, ", "))
	}
	return strings.Join(reasons, "; ")
}

// askMembers gives an order to all live members and gathers what they say.
func (c *Cluster) askMembers(ctx context.Context, o keyOrder) []KeyReport {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	peers := c.members.peers()
	reports := make([]KeyReport, len(peers), len(peers)+1)
	slots := make(chan struct{}, maxAsking)
	var asking sync.WaitGroup
	for i, m := range peers {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a, err := c.askMember(ctx, m, o)
			reports[i] = a.report(m)
			reports[i].Err = err
		})
	}
	own := c.obey(o, c.self.Name).report(c.Self())
	asking.Wait()
	for i, m := range slices.Backward(peers) {
		if m.superseded && reports[i].Err != nil { // dead, most likely
			reports = slices.Delete(reports, i, i+1)
		}
	}
	reports = append(reports, own)
	slices.SortFunc(reports, func(a, b KeyReport) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Gossip, b.Gossip))
	})
	return reports
}

func (a keyAnswer) report(m Member) KeyReport {
	return KeyReport{Name: m.Name, Gossip: m.Gossip, Self: m.Self, Keys: a.keys, Outcome: a.outcome, Unsaved: a.unsaved, Note: clean(a.note)}
}

func (c *Cluster) askMember(ctx context.Context, m Member, o keyOrder) (keyAnswer, error) {
	a, err := c.exchange(ctx, m, o)
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return keyAnswer{}, errors.New("no answer in time")
	case errors.Is(err, io.EOF):
		return keyAnswer{}, fmt.Errorf("it hung up: its release, %s, may know no orders for keyrings", clean(m.Version))
	}
	return a, err
}

func (c *Cluster) exchange(ctx context.Context, m Member, o keyOrder) (keyAnswer, error) {
	s, err := c.transport.DialPeer(ctx, m.Gossip, purposeKeyring)
	if err != nil {
		return keyAnswer{}, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if s.PeerName() != m.Name {
		return keyAnswer{}, fmt.Errorf("another node lives at %s", m.Gossip)
	}
	if _, err := s.Write(o.append(nil)); err != nil {
		return keyAnswer{}, fmt.Errorf("send order: %w", err)
	}
	return readKeyAnswer(s)
}

// answerKeyring serves one stream of purposeKeyring. It closes it.
func (c *Cluster) answerKeyring(s *stream) {
	defer s.Close()
	s.SetDeadline(time.Now().Add(c.transport.config.HandshakeTimeout))
	o, err := readKeyOrder(s)
	if err != nil {
		c.rotation.refused.Add(1)
		c.warn("keyring order refused: malformed", "peer", clean(s.PeerName()), "error", err)
		return
	}
	a := c.obey(o, s.PeerName())
	s.SetDeadline(time.Now().Add(c.transport.config.HandshakeTimeout)) // saving may have taken a while
	s.Write(a.append(nil))
}

// obey does what an order says, which came through a node of that name.
func (c *Cluster) obey(o keyOrder, through string) keyAnswer {
	if c.ring == nil {
		return keyAnswer{outcome: KeyRefused, note: ErrKeyless.Error()}
	}
	var changed bool
	var err error
	switch o.action {
	case KeyInstall:
		changed, err = c.ring.install(o.key)
	case KeyUse:
		changed, err = c.ring.use(o.fingerprint())
	case KeyRemove:
		changed, err = c.ring.remove(o.fingerprint())
	}
	a := keyAnswer{}
	if a.unsaved, a.note = c.saveKeys(o.action != KeyList && err == nil); err != nil {
		a.outcome, a.note = KeyRefused, err.Error()
	} else if changed {
		a.outcome = KeyChanged
	}
	a.keys = c.ring.fingerprints()
	c.tellOrder(o, a, through)
	return a
}

// tellOrder counts an order, and logs one that has changed the ring or was refused.
func (c *Cluster) tellOrder(o keyOrder, a keyAnswer, through string) {
	if o.action == KeyList {
		return
	}
	args := []any{
		"action", o.action.String(), "key", o.fingerprint().String(), "by", clean(o.by), "through", clean(through),
		"primary", a.keys[0].String(), "keys", len(a.keys),
	}
	level, message := hclog.Info, "gossip keyring changed"
	switch {
	case a.outcome == KeyRefused:
		c.rotation.refused.Add(1)
		message = "gossip keyring not changed"
		args = append(args, "reason", a.note)
	case a.outcome == KeyUnchanged:
		c.rotation.unchanged.Add(1)
		return
	default:
		c.rotation.changed.Add(1)
		if a.unsaved {
			level, message = hclog.Warn, "gossip keyring changed in memory only: a restart brings the old keys, and the herd may refuse them"
			args = append(args, "reason", a.note)
		}
	}
	c.log.Log(level, message, args...)
}

// saveKeys has the ring outlive a restart, if it is to write, and tells whether it does.
func (c *Cluster) saveKeys(write bool) (unsaved bool, why string) {
	r := &c.rotation
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := c.ring.keys()
	switch {
	case slices.EqualFunc(keys, r.saved, bytes.Equal):
		r.why = "" // changed back
	case write:
		if err := c.config.SaveKeys(slices.Clone(keys)); err != nil {
			r.why = err.Error()
		} else {
			r.saved, r.why = keys, ""
		}
	}
	r.unsaved.Store(r.why != "")
	return r.why != "", r.why
}

// HasKeys tells whether the ring is of these keys, in this order.
func (c *Cluster) HasKeys(keys [][]byte) bool {
	return slices.EqualFunc(c.ring.keys(), keys, bytes.Equal)
}
