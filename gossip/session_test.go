package gossip

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"herd/gossip/location"
)

// evil is a peer that has the key and does as it likes.
type evil struct {
	*transport
	t *testing.T
	h *herd
}

func (h *herd) evil(t *testing.T, ip string) *evil {
	ring, err := newKeyring([][]byte{h.key})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newTransport(transportConfig{Network: h.net.Host(ip), BindAddr: ip + ":4132", Keyring: ring, Name: "evil"})
	if err != nil {
		t.Fatal(err)
	}
	return &evil{tr, t, h}
}

// lane opens one stream and returns it with the verdict.
func (e *evil) lane(to *testNode, purpose purpose, h hail) (*stream, verdict) {
	e.t.Helper()
	s, err := e.DialPeer(e.t.Context(), to.addr(), purpose)
	if err != nil {
		e.t.Fatal(err)
	}
	s.Write(h.append(nil))
	var reply [sessionReply]byte
	if _, err := io.ReadFull(s, reply[:]); err != nil {
		e.t.Fatal(err)
	}
	return s, verdict(reply[1])
}

func (e *evil) session(to *testNode, from location.Origin, id uint64) (live, delta *stream) {
	e.t.Helper()
	h := hail{sessionVersion, from, to.self.Origin, id}
	live, v := e.lane(to, purposeLive, h)
	delta, w := e.lane(to, purposeDelta, h)
	if v != welcome || w != welcome {
		e.t.Fatalf("refused: %v %v", v, w)
	}
	return live, delta
}

// trySession is session, unless the node refuses.
func (e *evil) trySession(to *testNode, from location.Origin) (live, delta *stream, ok bool) {
	e.t.Helper()
	h := hail{sessionVersion, from, to.self.Origin, rand.Uint64()}
	live, v := e.lane(to, purposeLive, h)
	if v != welcome {
		live.Close()
		return nil, nil, false
	}
	delta, v = e.lane(to, purposeDelta, h)
	if v != welcome {
		live.Close()
		delta.Close()
		return nil, nil, false
	}
	return live, delta, true
}

// A peer that sends what no correct peer sends loses its session and is shunned for a
// while; the herd goes on.
func TestQuarantine(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		for i, junk := range [][]byte{
			{0, 0, 0, 0},          // empty
			{0xff, 0, 0, 0, 1},    // far too long
			{0, 0, 0, 2, 0xee, 1}, // no such kind
		} {
			live, delta := e.session(all[0], location.Origin(100+i), uint64(i))
			live.Write(junk)
			if _, err := io.Copy(io.Discard, live); err == nil {
				delta.Read(make([]byte, 1)) // both end
			}
			live.Close()
			delta.Close()
			if _, v := e.lane(all[0], purposeLive, hail{sessionVersion, location.Origin(100 + i), all[0].self.Origin, uint64(10 + i)}); v != refusedQuarantine {
				t.Errorf("%x: got %v", junk, v)
			}
		}
		if s := all[0].Stats(); s.Quarantined != 3 {
			t.Errorf("%d in quarantine", s.Quarantined)
		}
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
		time.Sleep(quarantine)
		if _, v := e.lane(all[0], purposeLive, hail{sessionVersion, 100, all[0].self.Origin, 99}); v != welcome {
			t.Errorf("after the quarantine: %v", v)
		}
	})
}

func TestVerdicts(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		for _, c := range []struct {
			hail hail
			want verdict
		}{
			{hail{sessionVersion + 1, 5, n.self.Origin, 1}, refusedVersion},
			{hail{oldestVersion - 1, 5, n.self.Origin, 1}, refusedVersion},
			{hail{sessionVersion, 5, n.self.Origin + 1, 2}, notMe},
			{hail{sessionVersion + 1, 5, n.self.Origin + 1, 2}, notMe}, // who was here before was of a newer release
			{hail{sessionVersion, n.self.Origin, n.self.Origin, 3}, notMe},
			{hail{sessionVersion, 0, n.self.Origin, 4}, notMe},
			{hail{sessionVersion, 5, n.self.Origin, 5}, welcome},
		} {
			s, got := e.lane(n, purposeLive, c.hail)
			if got != c.want {
				t.Errorf("%+v: got %v, want %v", c.hail, got, c.want)
			}
			s.Close()
		}
		const said = "speak no version in common: give one of them a release that goes with both: peer=evil addr="
		if got := h.log.count(said); got != 1 { // and a minute later once more
			t.Errorf("other versions are told of %d times, want once", got)
		}
		// One stream of a session alone is dropped in time, and so are two of a kind.
		n.mu.Lock()
		waiting := len(n.halves)
		n.mu.Unlock()
		if waiting != 1 {
			t.Errorf("%d halves wait, want 1", waiting)
		}
		e.lane(n, purposeLive, hail{sessionVersion, 5, n.self.Origin, 6})
		time.Sleep(9 * time.Second)
		n.mu.Lock()
		waiting = len(n.halves)
		n.mu.Unlock()
		if waiting != 0 || n.Stats().Links != 0 {
			t.Errorf("%d halves wait, %d links", waiting, n.Stats().Links)
		}
	})
}

// A peer that falls silent without a word is given up and dialed again.
func TestSilentPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		h.net.Cut(all[0].ip, all[1].ip) // one way: it hears and is not heard
		lost := all[1].Stats().SessionsLost
		h.await("given up", 5*time.Second, func() bool { return all[1].Stats().SessionsLost > lost })
		h.net.Heal()
		h.await("one view", 5*time.Second, h.oneView)
	})
}
