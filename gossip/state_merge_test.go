package gossip

import (
	"io"
	"testing"
	"time"

	"herd/gossip/location"
)

// A Merge that hangs holds up no acknowledgement; what comes meanwhile gathers.
func TestStateMergeHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		time.Sleep(5 * time.Second)
		release := make(chan struct{})
		all["node1"].behind = release
		_, before := all["node1"].calls()
		for i := range 100 {
			for _, n := range five {
				all[n.name].add(1)
				n.Changed("calls")
			}
			begin := time.Now()
			five[0].report(t, "client", i)
			if took := time.Since(begin); took > 5*time.Millisecond { // of the simulated clock
				t.Fatalf("acknowledged after %v", took)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !h.oneView() || five[1].Stats().SessionsLost > 0 {
			t.Error("the herd was disturbed")
		}
		close(release)
		h.await("all agree", time.Second, func() bool { return h.agree(all, 500) })
		if _, after := all["node1"].calls(); after > before+1+4 {
			t.Errorf("%d calls of Merge", after-before)
		}
		for _, y := range all {
			if y.overlap {
				t.Errorf("%s: two calls of Merge at once", y.self)
			}
		}
	})
}

// What no correct node sends ends the session; the log tells it once a minute. What is
// only unknown does not.
func TestBadStates(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		_, before := all["node0"].calls()
		for i, junk := range [][]byte{
			{0, 0, 0, 1, kindState},
			{0, 0, 0, 4, kindState, 3, 'a', 'b'},
			appendState(nil, "calls", make([]byte, maxState+1)),
			appendState(nil, "calls", []byte{5, 'a'}), // in the eyes of Merge
		} {
			refused := five[0].Stats().StatesRefused
			live, delta := e.session(five[0], location.Origin(100+i), uint64(i))
			live.Write(junk)
			io.Copy(io.Discard, live)
			live.Close()
			delta.Close()
			if n := five[0].Stats().StatesRefused; n != refused+1 {
				t.Errorf("%d: %d refused", i, n-refused)
			}
			if _, v := e.lane(five[0], purposeLive, hail{sessionVersion, location.Origin(100 + i), five[0].self.Origin, uint64(10 + i)}); v != refusedQuarantine {
				t.Errorf("%d: got %v", i, v)
			}
		}
		if _, after := all["node0"].calls(); after != before+1 {
			t.Errorf("%d bad states came to Merge, want 1", after-before)
		}
		time.Sleep(100 * time.Millisecond)
		if n := h.log.count("peer in quarantine"); n != 1 {
			t.Errorf("quarantine was said %d times", n)
		}
		// On the other lane it is none of the core's messages either.
		live, delta := e.session(five[0], 200, 200)
		delta.Write(appendState(nil, "calls", nil))
		io.Copy(io.Discard, delta)
		live.Close()
		if s := five[0].Stats(); s.Quarantined != 5 {
			t.Errorf("%d in quarantine", s.Quarantined)
		}

		live, delta = e.session(five[0], 201, 201)
		live.Write(appendState(nil, "of the future", make([]byte, 1000)))
		live.Write(appendState(nil, "calls", []byte("\x01x\x00\x00\x00\x00\x00\x00\x00\x09")))
		h.await("merged", time.Second, func() bool { return all["node0"].sum() == 9 })
		if s := five[0].Stats(); s.StatesUnknown != 1 || s.Quarantined != 5 {
			t.Errorf("%d unknown, %d in quarantine", s.StatesUnknown, s.Quarantined)
		}
		live.Close()
		delta.Close()
		h.await("known to all", 5*time.Second, func() bool { return h.agree(all, 9) })
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
	})
}

// If more waits to be merged than there may, the link ends and comes back.
func TestTooManyStatesWait(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		full := func(by int) {
			five[0].mu.Lock()
			five[0].arrivedSize += by
			five[0].mu.Unlock()
		}
		full(maxArrived)
		lost := five[0].Stats().SessionsLost
		all["node1"].add(1)
		five[1].Changed("calls")
		h.await("the link ends", time.Second, func() bool { return five[0].Stats().SessionsLost > lost })
		full(-maxArrived)
		h.await("all agree", 5*time.Second, func() bool { return h.agree(all, 1) })
		h.await("one view", 5*time.Second, h.oneView)
		if n := five[0].Stats().Quarantined; n != 0 {
			t.Errorf("%d in quarantine", n)
		}
		five[0].mu.Lock()
		defer five[0].mu.Unlock()
		if five[0].arrivedSize != 0 || len(five[0].arrived) != 0 {
			t.Errorf("%d states, %d bytes wait with nothing to be merged", len(five[0].arrived), five[0].arrivedSize)
		}
	})
}

// A state that has grown too large is not sent; others are, and so is it when it fits
// again.
func TestStateTooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls", "more")
		five := h.startFive()
		large := all["node0 calls"]
		pad := func(n int) {
			large.mu.Lock()
			large.padding = n
			large.mu.Unlock()
		}
		pad(maxState + 1)
		for range 10 {
			large.add(1)
			five[0].Changed("calls")
			time.Sleep(100 * time.Millisecond)
		}
		all["node0 more"].add(1)
		five[0].Changed("more")
		h.await("the other one arrives", 100*time.Millisecond, func() bool { return all["node4 more"].sum() == 1 })
		if n := all["node4 calls"].sum(); n != 0 {
			t.Errorf("a state that is too large arrived: %d", n)
		}
		if s := five[0].Stats(); s.StatesTooLarge != 10 {
			t.Errorf("counted %d times", s.StatesTooLarge)
		}
		if n := h.log.count("state is too large"); n != 1 {
			t.Errorf("said %d times", n)
		}
		pad(maxState - 1 - len(large.self) - 8) // the most there may be
		five[0].Changed("calls")
		h.await("it fits again", 100*time.Millisecond, func() bool { return all["node4 calls"].sum() == 10 })
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
	})
}
