package gossip

import (
	"sync/atomic"
	"testing"
	"time"

	"herd/gossip/journal/journaltest"
)

// A sync that fails as a snapshot begins is one like any other: what it took is written again.
func TestSnapshotFailsToBegin(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		d := journaltest.New(1)
		h.disks = map[string]Disk{"node0": {FS: d, Mode: SyncInterval, Interval: 5 * time.Second}}
		n := h.startFirst(1)[0]
		time.Sleep(6 * time.Second) // it has synced once
		n.Report(0, []byte("a"), fixAt(t, n.name, 1000))
		n.Flush()
		time.Sleep(time.Second) // and is written, to be synced in some seconds
		var failed atomic.Bool
		d.SetFail(func(op, _ string) error {
			if op == "sync" && !failed.Swap(true) {
				return journaltest.ErrIO
			}
			return nil
		})
		n.keeper.rewrite.Store(true)
		time.Sleep(8 * time.Second)
		if s := n.Stats().Disk; s.Failures != 1 || s.Trouble {
			t.Errorf("%+v", s)
		}
		h.kill(n)
		d.Crash()
		n = h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		if _, ok := n.Get([]byte("a")); !ok {
			t.Error("the report is not on disk")
		}
	})
}

// While the clock is wrong and fixes expire by it, a snapshot that is due is not begun: nothing
// is written in vain, and somebody is told. It is made when the clock is right again.
func TestNoSnapshotByWrongClock(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock)
		h.clocks = map[string]*testClock{"node0": clock}
		h.withDisks(1, SyncInterval)
		h.limited(Limits{TTL: 48 * time.Hour}, nil)
		n := h.startFirst(1)[0]
		n.report(t, "a", int(time.Now().Unix()))
		time.Sleep(startTime)
		clock.set(24 * time.Hour) // far beyond what a client's clock may be ahead
		time.Sleep(time.Second)
		clock.set(0)
		time.Sleep(time.Second)
		before, files := n.Stats().Disk, n.keeper.log.Stats().Files
		n.keeper.rewrite.Store(true)
		time.Sleep(10 * snapshotPause)
		s := n.Stats().Disk
		if now := n.keeper.log.Stats().Files; s.Written != before.Written || now != files || s.Snapshots > 0 {
			t.Errorf("%d bytes and %d files were written, %d snapshots made", s.Written-before.Written, now-files, s.Snapshots)
		}
		if s.Failures == 0 || s.Why != errWrongClock.Error() || h.log.count("cannot write a snapshot of the table") == 0 {
			t.Errorf("nobody is told: %+v", s)
		}
		clock.set(25 * time.Hour)
		h.await("snapshot", 2*snapshotPause, func() bool { return n.Stats().Disk.Snapshots == 1 })
	})
}

// A node that starts with a clock of years ago, as a machine does whose battery is empty, takes
// nothing from its disk for that, and deletes nothing either: with the right clock all is there.
func TestDiskOfTimesToCome(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		clock := new(testClock)
		h.clocks = map[string]*testClock{"node0": clock}
		disks := h.withDisks(1, SyncAlways)
		n := h.startFirst(1)[0]
		fix := n.report(t, "kiwi", int(time.Now().Unix()))
		restart := func(ahead time.Duration) {
			h.kill(n)
			disks[0].Crash()
			clock.set(ahead)
			n = h.start(0)
			time.Sleep(startTime)
		}
		restart(-1000 * 24 * time.Hour)
		if _, ok := n.Get([]byte("kiwi")); ok || h.log.count("clock is days behind what its disk holds") != 1 {
			t.Error("it was read, or nobody was told that it was not")
		}
		n.report(t, "emu", int(time.Now().Add(-1000*24*time.Hour).Unix()))
		n.keeper.rewrite.Store(true)
		time.Sleep(2 * time.Hour)
		if s := n.Stats().Disk; s.Snapshots != 0 || h.log.count("clock is days behind what its disk holds") != 3 {
			t.Errorf("%d snapshots, %d lines", s.Snapshots, h.log.count("clock is days behind what its disk holds"))
		}
		restart(0)
		if e, ok := n.Get([]byte("kiwi")); !ok || e.Fix.Compare(&fix) != 0 {
			t.Errorf("with the right clock: %v %v", e, ok)
		}
		if _, ok := n.Get([]byte("emu")); !ok {
			t.Error("what came meanwhile is gone")
		}
		n.keeper.rewrite.Store(true)
		h.await("snapshot", 2*snapshotPause, func() bool { return n.Stats().Disk.Snapshots == 1 })
	})
}
