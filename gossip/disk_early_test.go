package gossip

import (
	"testing"
	"time"

	"herd/gossip/journal/journaltest"
	"herd/gossip/location"
)

// early starts the first node anew, its only one, with a clock that is days behind what its disk
// holds: a report about kiwi.
func (h *herd) early(t *testing.T, clock *testClock, join ...string) *testNode {
	t.Helper()
	n := h.nodes[0]
	h.kill(n)
	clock.set(-1000 * 24 * time.Hour)
	n = h.start(0, join...)
	h.await("it is told", 5*time.Second, func() bool { return h.log.count("clock is days behind what its disk holds") == 1 })
	if _, ok := n.Get([]byte("kiwi")); ok {
		t.Error("it was read")
	}
	return n
}

// A node that is alone reads what it has left on its disk when its clock is set, and makes
// snapshots from then on: without a restart, and nothing is lost.
func TestDiskIsReadWhenTheClockIsSet(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock)
		h.clocks = map[string]*testClock{"node0": clock}
		disks := h.withDisks(1, SyncAlways)
		fix := h.startFirst(1)[0].report(t, "kiwi", int(time.Now().Unix()))
		n := h.early(t, clock)
		n.keeper.rewrite.Store(true)
		time.Sleep(time.Hour)
		if s := n.Stats().Disk; s.Snapshots != 0 {
			t.Error("a snapshot was made of less than there is")
		}
		clock.set(0)
		h.await("it is read", time.Second, func() bool { return shows(n, "kiwi", fix) })
		h.await("snapshot", 2*snapshotPause, func() bool { return n.Stats().Disk.Snapshots == 1 })
		h.kill(n)
		disks[0].Crash()
		n = h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		if !shows(n, "kiwi", fix) {
			t.Error("it is gone")
		}
	})
}

// What only the disk has comes to the herd when the clock of a peer says that it may.
func TestDiskIsReadByTheClockOfAPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock)
		h.clocks = map[string]*testClock{"node0": clock}
		h.withDisks(1, SyncAlways)
		fix := h.startFirst(1)[0].report(t, "kiwi", int(time.Now().Unix()))
		peer := h.start(1)
		peer.report(t, "emu", int(time.Now().Unix()))
		n := h.early(t, clock, peer.addr())
		n.keeper.rewrite.Store(true)
		h.await("both have it", time.Minute, func() bool { return shows(n, "kiwi", fix) && shows(peer, "kiwi", fix) })
		h.await("snapshot", 2*snapshotPause, func() bool { return n.Stats().Disk.Snapshots == 1 })
		if !shows(n, "kiwi", fix) {
			t.Error("it is gone")
		}
	})
}

// What was written by a clock that was days ahead goes when the clocks of two peers agree with the
// one that there is now; nobody takes it. A node alone keeps it on its disk.
func TestDiskOfNoTime(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock).set(10 * 24 * time.Hour)
		h.clocks = map[string]*testClock{"node0": clock}
		h.withDisks(1, SyncAlways)
		n := h.startFirst(1)[0]
		f := fixAt(t, n.name, int(clock.now().Unix()))
		n.Report(0, []byte("kiwi"), location.NewFix(n.name, clock.now().UnixNano(), 0, f.Position, f.Time))
		n.Flush()
		time.Sleep(time.Second)
		h.kill(n)
		clock.set(0)
		n = h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		n.keeper.rewrite.Store(true)
		time.Sleep(time.Hour)
		if s := n.Stats().Disk; s.Snapshots != 0 {
			t.Error("alone it has deleted it")
		}
		for i := range 2 {
			h.start(1+i, n.addr())
		}
		h.await("snapshot", time.Minute, func() bool { return n.Stats().Disk.Snapshots == 1 })
		if got := h.log.count("was written by a wrong one, and is dropped"); got != 1 {
			t.Errorf("%d lines say so", got)
		}
	})
}

// A disk that can't be read for a moment is read later.
func TestDiskIsReadLater(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock)
		h.clocks = map[string]*testClock{"node0": clock}
		disks := h.withDisks(1, SyncAlways)
		fix := h.startFirst(1)[0].report(t, "kiwi", int(time.Now().Unix()))
		n := h.early(t, clock)
		time.Sleep(startTime)
		disks[0].SetFail(func(op, _ string) error {
			if op == "open" {
				return journaltest.ErrIO
			}
			return nil
		})
		clock.set(0)
		h.await("it is told", time.Second, func() bool { return h.log.count("cannot read what was left on the disk") == 1 })
		disks[0].SetFail(nil)
		h.await("it is read", 2*snapshotPause, func() bool { return shows(n, "kiwi", fix) })
	})
}
