package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// orderAll gives an order through a node, which all members are to obey.
func (h *herd) orderAll(through *testNode, change KeyChange, want KeyOutcome) {
	h.t.Helper()
	reports, err := through.ChangeKeyring(h.t.Context(), change)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(reports) != len(h.nodes) {
		h.t.Errorf("%v: %d of %d members answer", change.Action, len(reports), len(h.nodes))
	}
	for _, r := range reports {
		if r.Err != nil || r.Outcome != want || r.Self != (r.Name == through.name) {
			h.t.Errorf("%v: %+v, want %v", change.Action, r, want)
		}
	}
}

// steps are a rotation from the key that all have to another one.
func (h *herd) steps(to []byte) []KeyChange {
	return []KeyChange{
		{Action: KeyInstall, Key: to, By: "test"},
		{Action: KeyUse, Fingerprint: FingerprintOf(to), By: "test"},
		{Action: KeyRemove, Fingerprint: FingerprintOf(h.key), By: "test"},
	}
}

// rings is what a node says of all rings: "node0 [a b], …".
func (n *testNode) rings(t *testing.T) string {
	t.Helper()
	reports, err := n.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range reports {
		all = append(all, fmt.Sprint(r.Name, " ", r.Keys))
	}
	return strings.Join(all, ", ")
}

// A herd changes its key, ordered by any of its nodes, each step more than once, under load:
// no session ends, nobody is suspected, nothing is refused; and who has the new key joins.
func TestRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		var saved atomic.Int64 // by all nodes
		h.save = func([][]byte) error {
			saved.Add(1)
			return nil
		}
		h.start(0)
		h.start(1, h.nodes[0].addr())
		h.start(2, h.nodes[1].addr())
		h.await("one view", 5*time.Second, h.oneView)

		done := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			defer close(done)
			for i := 0; ctx.Err() == nil; i++ {
				h.nodes[i%3].report(t, fmt.Sprint("c", i%20), i)
				time.Sleep(5 * time.Millisecond)
			}
		}()
		to := testKey(7)
		for i, change := range h.steps(to) {
			h.orderAll(h.nodes[i], change, KeyChanged)
			h.orderAll(h.nodes[(i+1)%3], change, KeyUnchanged)
			time.Sleep(3 * time.Second) // probes and handshakes go on
		}
		stop()
		<-done
		if got, want := h.nodes[0].rings(t), "node0 [new], node1 [new], node2 [new]"; got != strings.ReplaceAll(want, "new", FingerprintOf(to).String()) {
			t.Errorf("rings: %s", got)
		}
		if saved.Load() != 3*3 {
			t.Errorf("saved %d times", saved.Load())
		}
		for _, n := range h.nodes {
			s := n.Stats()
			if s.SessionsLost != 0 || s.Sessions != 2 || s.Transport.WrongKey != 0 || s.Transport.PacketsJunk != 0 || s.Transport.DialsFailed != 0 || s.MembersBack != 0 {
				t.Errorf("%s: %+v", n.name, s)
			}
			if s.Keys != 1 || s.KeysUnsaved || s.KeysChanged != 3 || s.KeysUnchanged != 3 || s.KeysRefused != 0 {
				t.Errorf("%s: %d keys, unsaved %t, orders: %d, %d, %d", n.name, s.Keys, s.KeysUnsaved, s.KeysChanged, s.KeysUnchanged, s.KeysRefused)
			}
			if !n.HasKeys([][]byte{to}) || n.HasKeys([][]byte{h.key}) {
				t.Errorf("%s has other keys", n.name)
			}
		}
		if n := h.log.count("gossip keyring changed: action="); n != 3*3 || h.log.count(" by=test through=node1") != 3 {
			t.Errorf("%d lines of changes", n)
		}
		h.keys = [][]byte{to}
		h.start(3, h.nodes[0].addr())
		h.await("one view", 5*time.Second, h.oneView)
	})
}

// Nothing is changed where it would part members, and who is in the way is named.
func TestRotationOutOfOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		to := testKey(7)
		all[0].ring.install(to)
		all[1].ring.install(to)
		before := all[0].rings(t)
		for _, tt := range []struct {
			change KeyChange
			reason string
		}{
			{KeyChange{Action: KeyUse, Fingerprint: FingerprintOf(to)}, "these members lack it, and have to have it installed first: node2, node3, node4"},
			{KeyChange{Action: KeyUse, Fingerprint: FingerprintOf(testKey(8))}, "these members lack it, and have to have it installed first: node0, node1, node2, node3, node4"},
			{KeyChange{Action: KeyRemove, Fingerprint: FingerprintOf(h.key)}, "these members send with it, and have to use another one first: node0, node1, node2, node3, node4"},
		} {
			reports, err := all[1].ChangeKeyring(t.Context(), tt.change)
			var refused *KeyringError
			if !errors.As(err, &refused) || refused.Reason != tt.reason || reports != nil {
				t.Errorf("%v: %v, %v", tt.change.Action, reports, err)
			}
		}
		if after := all[0].rings(t); after != before {
			t.Errorf("%s became %s", before, after)
		}
		h.orderAll(all[2], KeyChange{Action: KeyRemove, Fingerprint: FingerprintOf(testKey(8))}, KeyUnchanged)
		for k := range maxRing - 2 {
			all[3].ring.install(testKey(20 + k))
		}
		all[3].ring.install(testKey(40))
		reports, err := all[2].ChangeKeyring(t.Context(), KeyChange{Action: KeyInstall, Key: to})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reports {
			if full := r.Name == "node3"; full != (r.Outcome == KeyRefused) || full != strings.Contains(r.Note, "16 keys") {
				t.Errorf("%+v", r)
			}
		}
		if s := all[3].Stats(); s.KeysRefused != 1 || h.log.count("gossip keyring not changed: action=install") != 1 {
			t.Errorf("%d orders refused", s.KeysRefused)
		}
	})
}

// Two orders through two nodes at once, to use a key and to remove it, part nobody, however
// they cross: all have the keys that the others send with, and the steps may be taken again.
func TestRotationsCross(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFirst(3)
		to, crossed := testKey(7), 0
		use, remove := KeyChange{Action: KeyUse, Fingerprint: FingerprintOf(to)}, KeyChange{Action: KeyRemove, Fingerprint: FingerprintOf(to)}
		for ahead := -600 * time.Microsecond; ahead <= 600*time.Microsecond; ahead += 200 * time.Microsecond {
			h.orderAgain(all[2], KeyChange{Action: KeyInstall, Key: to})
			var orders sync.WaitGroup
			orders.Go(func() {
				time.Sleep(max(0, ahead))
				_, err := all[0].ChangeKeyring(t.Context(), use)
				if err != nil && strings.Contains(err.Error(), "meanwhile") {
					crossed++
				}
			})
			time.Sleep(max(0, -ahead))
			all[1].ChangeKeyring(t.Context(), remove)
			orders.Wait()
			for _, x := range all {
				for _, y := range all {
					if indexKey(y.ring.keys(), x.ring.fingerprints()[0]) < 0 {
						t.Errorf("%v ahead: %s sends with a key that %s lacks", ahead, x.name, y.name)
					}
				}
			}
			h.orderAgain(all[1], KeyChange{Action: KeyUse, Fingerprint: FingerprintOf(h.key)})
		}
		if crossed == 0 {
			t.Error("no two orders have crossed")
		}
	})
}

// orderAgain gives an order through a node, which no member is to refuse.
func (h *herd) orderAgain(through *testNode, change KeyChange) {
	h.t.Helper()
	reports, err := through.ChangeKeyring(h.t.Context(), change)
	if err != nil || refusing(reports) != "" {
		h.t.Errorf("%v: %v, %+v", change.Action, err, reports)
	}
}

// A member that does not answer is named; nothing that takes all of them is done without it.
func TestRotationWithSilentMember(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.start(0)
		h.start(1, h.nodes[0].addr())
		h.start(2, h.nodes[1].addr())
		h.await("one view", 5*time.Second, h.oneView)
		all := h.nodes
		h.net.Pause(all[2].ip)
		steps := h.steps(testKey(7))
		begin := time.Now()
		reports, err := all[0].ChangeKeyring(t.Context(), steps[0])
		if err != nil || time.Since(begin) > orderTimeout {
			t.Fatalf("after %v: %v", time.Since(begin), err)
		}
		for _, r := range reports {
			if silent := r.Name == "node2"; silent != (r.Err != nil) {
				t.Errorf("%+v", r)
			}
		}
		h.net.Resume(all[2].ip)
		h.await("one view", 20*time.Second, h.oneView)
		if got := all[0].rings(t); strings.Contains(got, "node2 ["+FingerprintOf(h.key).String()+" ") {
			t.Fatalf("the paused member obeyed: %s", got)
		}
		h.net.Pause(all[2].ip)
		_, err = all[0].ChangeKeyring(t.Context(), steps[1])
		var refused *KeyringError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "do not answer: node2") {
			t.Errorf("use: %v", err)
		}
		h.net.Resume(all[2].ip)
		h.await("one view", 20*time.Second, h.oneView)
		for i, change := range steps { // again, from the beginning
			reports, err := all[i].ChangeKeyring(t.Context(), change)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reports {
				if r.Err != nil || r.Outcome == KeyRefused {
					t.Errorf("%+v", r)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := all[0].Keyring(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// A member that was down during a rotation is refused when it comes back, whatever of the old
// ring it has, and both ends say what to do; with the herd's ring it is welcome.
func TestRotationMissed(t *testing.T) {
	for _, tt := range []struct {
		what     string
		upTo     int // steps that the herd has made
		ring     [][]byte
		own, its string // reasons: of the newcomer, of the herd
	}{
		{"the old key, which is gone", 3, [][]byte{testKey(1)}, reasonNoneInCommon, reasonNoneInCommon},
		{"the old key first", 3, [][]byte{testKey(1), testKey(7)}, reasonPeerLacks, reasonWeLack},
		{"the primary is lacking", 2, [][]byte{testKey(1)}, reasonWeLack, reasonPeerLacks},
	} {
		t.Run(tt.what, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) {
				h.key = testKey(1)
				h.start(0)
				h.start(1, h.nodes[0].addr())
				h.await("one view", 5*time.Second, h.oneView)
				for _, change := range h.steps(testKey(7))[:tt.upTo] {
					h.orderAll(h.nodes[1], change, KeyChanged)
				}
				time.Sleep(5 * time.Second)
				herd := slices.Clone(h.nodes)
				h.keys = tt.ring
				late := h.start(2, herd[0].addr())
				h.await("both say so", 5*time.Second, func() bool {
					return h.log.count("not opened: wrong key: addr=10.0.0.1:4132 peer=node0 reason="+fmt.Sprintf("%q", tt.own)) > 0 &&
						h.log.count("peer=node2 reason="+fmt.Sprintf("%q", tt.its)) > 0
				})
				time.Sleep(10 * time.Second)
				for _, n := range herd {
					if got := len(n.Members()); got != 2 {
						t.Errorf("%s sees %d members", n.name, got)
					}
				}
				h.kill(late)
				h.keys = herd[0].ring.keys()
				h.start(2, herd[0].addr())
				h.await("one view", 5*time.Second, h.oneView)
			})
		})
	}
}

// What can't be saved is in memory only, and the answer says so, until it can.
func TestRotationUnsaved(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		var full error
		h.save = func([][]byte) error { return full }
		h.start(0)
		h.save = nil
		h.start(1, h.nodes[0].addr())
		h.await("one view", 5*time.Second, h.oneView)
		install := h.steps(testKey(7))[0]
		order := func() (first, second KeyReport) {
			t.Helper()
			reports, err := h.nodes[0].ChangeKeyring(t.Context(), install)
			if err != nil || len(reports) != 2 {
				t.Fatal(reports, err)
			}
			return reports[0], reports[1]
		}
		full = errors.New("no space left on device")
		first, second := order()
		if first.Outcome != KeyChanged || !first.Unsaved || first.Note != full.Error() {
			t.Errorf("%+v", first)
		}
		if second.Outcome != KeyChanged || !second.Unsaved || second.Note != "nothing saves its keys" {
			t.Errorf("%+v", second)
		}
		if !h.nodes[0].Stats().KeysUnsaved || h.log.count("changed in memory only") != 2 {
			t.Error("it is not told")
		}
		full = nil
		if first, second = order(); first.Outcome != KeyUnchanged || first.Unsaved || !second.Unsaved {
			t.Errorf("%+v %+v", first, second)
		}
		h.orderAll(h.nodes[0], KeyChange{Action: KeyRemove, Fingerprint: FingerprintOf(testKey(7))}, KeyChanged)
		reports, err := h.nodes[1].Keyring(t.Context())
		if err != nil || slices.ContainsFunc(reports, func(r KeyReport) bool { return r.Unsaved || r.Note != "" }) {
			t.Errorf("back to the keys that a restart brings: %+v, %v", reports, err)
		}
	})
}

func TestKeylessHerdHasNoKeyring(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.keys = [][]byte{}
		h.start(0)
		if _, err := h.nodes[0].Keyring(t.Context()); !errors.Is(err, ErrKeyless) {
			t.Errorf("list: %v", err)
		}
		if _, err := h.nodes[0].ChangeKeyring(t.Context(), h.steps(testKey(7))[0]); !errors.Is(err, ErrKeyless) {
			t.Errorf("install: %v", err)
		}
	})
}

// What makes no sense as an order is counted, and changes nothing.
func TestMalformedKeyOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		for _, b := range []string{"\x01\x01\x05\x00short", "\x01\x09\x00\x00"} {
			s, err := n.transport.DialPeer(t.Context(), n.addr(), purposeKeyring)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write([]byte(b)); err != nil {
				t.Fatal(err)
			}
			if a, err := readKeyAnswer(s); err == nil {
				t.Errorf("%q was answered: %v", b, a)
			}
			s.Close()
		}
		if s := n.Stats(); s.KeysRefused != 2 || s.Keys != 1 {
			t.Errorf("%d orders refused, %d keys", s.KeysRefused, s.Keys)
		}
	})
}
