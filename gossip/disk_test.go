package gossip

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
	"herd/gossip/location"
)

// withDisks gives the first n nodes disks.
func (h *herd) withDisks(n int, mode SyncMode) (disks []*journaltest.Disk) {
	h.disks = make(map[string]Disk)
	for i := range n {
		d := journaltest.New(uint64(i))
		h.disks[fmt.Sprint("node", i)] = Disk{FS: d, Mode: mode}
		disks = append(disks, d)
	}
	return disks
}

// powerCut ends all nodes at once, and starts them again.
func (h *herd) powerCut(disks []*journaltest.Disk, before func()) []*testNode {
	var seeds []string
	for _, n := range slices.Clone(h.nodes) {
		seeds = append(seeds, n.addr())
		h.kill(n)
	}
	for _, d := range disks {
		d.Crash()
	}
	before()
	var all []*testNode
	for i := range disks {
		all = append(all, h.start(i, seeds...))
	}
	return all
}

// What was acknowledged with SyncAlways outlives the machines, though one disk is empty,
// one was cut and one has a wrong bit.
func TestPowerCut(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(5, SyncAlways)
		all := h.startFive()
		acked := make(map[string]location.Fix)
		for i := range 300 {
			n := all[i%5]
			id := fmt.Sprint("c", i%100)
			acked[id] = n.report(t, id, 1000+i)
		}
		damage := func() {
			for _, name := range disks[0].Names() {
				disks[0].Put(name, nil)
			}
			for _, name := range disks[1].Names() {
				b := disks[1].Get(name)
				disks[1].Put(name, b[:len(b)/2])
			}
			for _, name := range disks[2].Names() {
				if b := disks[2].Get(name); len(b) > 200 {
					b[len(b)/2] ^= 4
					disks[2].Put(name, b)
				}
			}
		}
		all = h.powerCut(disks, damage)
		for _, n := range all {
			h.await("ready", 3*time.Second, func() bool { return isClosed(n.CaughtUp()) })
		}
		h.await("one view", 10*time.Second, h.oneView)
		h.await("equal", 5*time.Second, h.equal)
		for id, f := range acked {
			if e, ok := all[3].Get([]byte(id)); !ok || e.Fix != f {
				t.Errorf("%s: %v, acknowledged %v", id, e.Fix, f)
			}
		}
		if h.log.count("the journal is damaged") == 0 { // of one that ends too soon nothing tells
			t.Error("nobody says that its journal is damaged")
		}
	})
}

// Nodes that all come back at once need not find each other to be ready.
func TestReadyFromDisk(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(1, SyncInterval)
		n := h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		n.report(t, "c", 1000)
		time.Sleep(2 * time.Second)
		h.kill(n)
		disks[0].Crash()
		n = h.start(0, "10.0.0.9:4132") // nobody is there, and no machine that says so
		h.await("ready", 4*time.Second, func() bool { return isClosed(n.CaughtUp()) })
		if _, ok := n.Get([]byte("c")); !ok {
			t.Error("the fix is gone, two seconds after it was taken")
		}
	})
}

// slowDisk is one that takes its time to be read: until its gate is open.
type slowDisk struct {
	journal.FS
	gate chan struct{}
}

func (d slowDisk) Open(name string) (journal.Reader, error) {
	r, err := d.FS.Open(name)
	return slowReader{r, d.gate}, err
}

type slowReader struct {
	journal.Reader
	gate chan struct{}
}

func (r slowReader) Size() (int64, error) { // which is asked for by who reads all
	<-r.gate
	return r.Reader.Size()
}

// Of a herd that died as a whole all disks but one are gone, and that one is slow: nobody says that he is
// ready who has nothing, while the one who has it all is there.
func TestAwaitSeeds(t *testing.T) { awaitSeed(t, 0) }

// In a large herd more ask than it lets in line: they ask again.
func TestAwaitSeedInLine(t *testing.T) { awaitSeed(t, streamQueue) }

func awaitSeed(t *testing.T, ahead int) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(3, SyncAlways)
		all := h.startFirst(3)
		f := all[0].report(t, "c", 1000)
		gate := make(chan struct{})
		h.disks["node0"] = Disk{FS: slowDisk{disks[0], gate}, Mode: SyncAlways}
		all = h.powerCut(disks, func() {
			for _, d := range disks[1:] {
				for _, name := range d.Names() {
					d.Put(name, nil)
				}
			}
		})
		for range ahead {
			s, err := all[1].transport.DialPeer(t.Context(), all[0].addr(), purposeWho)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
		}
		time.Sleep(10 * time.Second)
		for _, n := range all {
			if isClosed(n.CaughtUp()) {
				t.Errorf("%s is ready, and nobody has anything yet", n.name)
			}
			if got := n.Sync().Awaits; got != (n != all[0]) {
				t.Errorf("%s awaits seeds: %v", n.name, got)
			}
		}
		close(gate)
		for _, n := range all {
			h.await("ready", 4*time.Second, func() bool { return isClosed(n.CaughtUp()) })
			if e, ok := n.Get([]byte("c")); !ok || e.Fix != f {
				t.Errorf("%s is ready and shows %v, acknowledged %v", n.name, e.Fix, f)
			}
		}
	})
}

// A seed that is not there at all is not waited for when others are, though they have nothing.
func TestAwaitNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.start(0)
		n := h.start(1, "10.0.0.1:4132", "10.0.0.99:4132")
		h.await("ready", 4*time.Second, func() bool { return isClosed(n.CaughtUp()) })
	})
}

// Only what a node has missed travels when it comes back.
func TestAwayAndBack(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(5, SyncInterval)
		all := h.startFive()
		for i := range 400 {
			all[i%5].Report(0, fmt.Append(nil, "c", i), fixAt(t, all[i%5].name, 1000+i))
			all[i%5].Flush()
		}
		h.await("equal", time.Second, h.equal)
		time.Sleep(2 * time.Second)
		h.kill(all[4])
		disks[4].Crash()
		const missed = 20
		for i := range missed {
			all[i%4].report(t, fmt.Sprint("c", i), 2000+i)
		}
		back := h.start(4, all[0].addr())
		h.await("ready", 3*time.Second, func() bool { return isClosed(back.CaughtUp()) })
		h.await("equal", time.Second, h.equal)
		s := back.Stats()
		if s.Disk.Loaded < 400 {
			t.Errorf("%d fixes loaded, want 400", s.Disk.Loaded)
		}
		if came := s.Replica.Applied + s.Replica.Redundant; came > 3*missed {
			t.Errorf("%d fixes came over the network, %d were missed", came, missed)
		}
	})
}

// A disk that fails, or is full, stops nobody, is said, and is caught up with by itself.
func TestDiskFails(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(2, SyncAlways)
		var ill atomic.Bool
		disks[0].SetFail(func(op, _ string) error {
			if ill.Load() && op != "read" {
				return journaltest.ErrFull
			}
			return nil
		})
		two := h.startFirst(2)
		ill.Store(true)
		began := time.Now()
		for i := range 50 {
			two[0].report(t, fmt.Sprint("a", i), 1000+i)
			two[1].report(t, fmt.Sprint("b", i), 1000+i)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("100 reports took %v: more than one ack timeout, or two", took)
		}
		time.Sleep(time.Minute)
		if s := two[0].Stats(); !s.Disk.Trouble || s.Disk.InSync || s.Disk.Failures < 10 || s.Replica.DiskOuts != 1 {
			t.Errorf("after a minute: %+v, outs %d", s.Disk, s.Replica.DiskOuts)
		}
		if n := h.log.count("the disk fails"); n == 0 || n > 2 {
			t.Errorf("%d lines in a minute", n)
		}
		if !h.oneView() {
			t.Error("members are out of sync for it")
		}
		ill.Store(false)
		h.await("in sync again", 3*time.Second, func() bool { s := two[0].Stats(); return s.Disk.InSync && !s.Disk.Trouble })
		h.kill(two[1])
		h.kill(two[0])
		disks[0].Crash()
		again := h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(again.CaughtUp()) })
		if n := again.Table().Len(); n != 100 {
			t.Errorf("%d of 100 clients are on disk", n)
		}
	})
}

// A disk that hangs holds up a report for the ack timeout, once, and nobody who asks for
// figures: that would not end.
func TestDiskHangs(t *testing.T) {
	for _, hung := range []string{"sync", "write"} {
		inBubble(t, func(t *testing.T, h *herd) {
			disks := h.withDisks(1, SyncAlways)
			var hangs atomic.Bool
			goOn := make(chan struct{})
			disks[0].SetFail(func(op, _ string) error {
				if op == hung && hangs.Load() {
					<-goOn
				}
				return nil
			})
			n := h.startFirst(1)[0]
			hangs.Store(true)
			began := time.Now()
			n.report(t, "a", 1000)
			if took := time.Since(began); took < 200*time.Millisecond || took > 400*time.Millisecond {
				t.Errorf("%s: the first report took %v, want the ack timeout", hung, took)
			}
			if s := n.Stats(); s.Disk.InSync || s.Disk.Bytes == 0 {
				t.Errorf("%s: %+v", hung, s.Disk)
			}
			began = time.Now()
			for i := range 10 {
				n.report(t, "a", 1001+i)
			}
			if took := time.Since(began); took > 50*time.Millisecond {
				t.Errorf("%s: further ones took %v", hung, took)
			}
			hangs.Store(false)
			close(goOn)
			h.await("in sync again", 3*time.Second, func() bool { return n.Stats().Disk.InSync })
		})
	}
}

// A folder that is removed while the node runs is found out, though nothing is written; then all that the
// node holds is written anew.
func TestFolderRemoved(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncInterval, SyncNone} {
		inBubble(t, func(t *testing.T, h *herd) {
			d := h.withDisks(1, mode)[0]
			n := h.startFirst(1)[0]
			for i := range 50 {
				n.report(t, fmt.Sprint("a", i), 1000+i)
			}
			time.Sleep(time.Minute) // it is all there, and nothing happens
			for _, name := range d.Names() {
				d.Put(name, nil)
			}
			h.await("trouble", 21*time.Second, func() bool { return n.Stats().Disk.Trouble })
			n.report(t, "b", 1000)
			h.await("in order again", 4*time.Second, func() bool { return !n.Stats().Disk.Trouble })
			if mode == SyncAlways {
				h.await("in sync again", time.Second, func() bool { return n.Stats().Disk.InSync })
			}
			time.Sleep(21 * time.Second)
			h.kill(n)
			d.Crash()
			n = h.start(0)
			h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
			if s := n.Stats().Disk; n.Table().Len() != 51 || s.Damaged {
				t.Errorf("%d of 51 clients are on disk, damaged %v", n.Table().Len(), s.Damaged)
			}
		})
	}
}

// Syncs are counted that made something safe: not looks at a disk to which nothing was written, nor
// those that failed.
func TestSyncsCounted(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		d := h.withDisks(1, SyncInterval)[0]
		n := h.startFirst(1)[0]
		n.report(t, "a", 1000)
		synced := func() uint64 {
			time.Sleep(time.Minute)
			return n.Stats().Disk.Syncs
		}
		before := synced()
		if now := synced(); before == 0 || now != before {
			t.Errorf("%d syncs, %d after a minute in which nothing was written", before, now)
		}
		d.SetFail(func(op, _ string) error {
			if op == "sync" {
				return journaltest.ErrIO
			}
			return nil
		})
		n.report(t, "a", 2000)
		if now, s := synced(), n.Stats().Disk; now != before || s.Failures == 0 {
			t.Errorf("%d syncs before, %d after a minute in which all failed, %d failures", before, now, s.Failures)
		}
	})
}

// Two nodes can't have one disk.
func TestDiskIsTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.withDisks(1, SyncInterval)
		h.startFirst(1)
		h.disks["node1"] = h.disks["node0"]
		if _, err := h.tryStart("node1", "10.0.0.2", h.key); !errors.Is(err, journal.ErrLocked) {
			t.Errorf("another node with the same disk: %v", err)
		}
	})
}

// A node that leaves has written all that it knew.
func TestLeaveSaves(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(1, SyncNone)
		n := h.startFirst(1)[0]
		n.report(t, "a", 1000)
		n.stop()
		<-n.ended
		h.nodes = nil
		disks[0].Crash()
		n = h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		if _, ok := n.Get([]byte("a")); !ok {
			t.Error("the last report is not on disk")
		}
	})
}

// Of those who were given up while the journal was written few are in memory while it is read.
func TestLoadGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const most, clients = 100, 6 * trimAfter
		disks := h.withDisks(1, SyncAlways)
		h.limited(Limits{MaxClients: most}, nil)
		n := h.startFirst(1)[0]
		for i := range clients {
			n.Report(0, fmt.Appendf(nil, "client-%d", i), fixAt(t, n.name, 1000+i))
			if i%64 == 63 {
				n.Flush()
				time.Sleep(time.Second)
			}
		}
		h.await("few are left", time.Minute, func() bool { return n.Table().Len() == most })
		h.kill(n)
		disks[0].Crash()
		table := location.NewTable(1, 0)
		peak := 0
		table.SetWatch(func([]byte, location.Fix) { peak = max(peak, table.Len()+1) })
		c, err := New(Config{Name: "node0", Table: table, Network: h.net.Host("10.0.0.9"), BindAddr: "10.0.0.9:4132", Keys: keysOf(h.key), Disk: h.disks["node0"]})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p := c.startLoaders(c.core.NewReplay(), 1) // as load does, but with little under way
		if _, err := c.keeper.log.Replay(func(m []byte) error { p.add(m); return nil }); err != nil {
			t.Fatal(err)
		}
		p.end()
		if peak < most || peak > 3*trimAfter {
			t.Errorf("of %d clients %d were there at a time", clients, peak)
		}
	})
}

// A snapshot takes the place of the log before it, while reports come. A node that starts makes none.
func TestDiskIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		disks := h.withDisks(1, SyncInterval)
		n := h.startFirst(1)[0]
		n.keeper.rewrite.Store(true)
		time.Sleep(startTime - time.Second)
		if s := n.Stats().Disk; s.Snapshots > 0 {
			t.Error("it makes a snapshot while it starts")
		}
		h.await("snapshot", 2*time.Second, func() bool { return n.Stats().Disk.Snapshots == 1 })
		for i := range 3000 {
			n.Report(0, fmt.Append(nil, "c", i%100), fixAt(t, n.name, 1000+i))
			if n.Flush(); i%1000 == 500 {
				n.keeper.rewrite.Store(true)
			}
			if i%10 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		h.await("snapshots", 5*time.Second, func() bool { return n.Stats().Disk.Snapshots == 4 })
		if s := n.Stats().Disk; s.Bytes > s.Written/2 || s.Snapshot == 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		h.kill(n)
		disks[0].Crash()
		n = h.start(0)
		h.await("ready", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		for i := range 100 {
			if e, ok := n.Get(fmt.Append(nil, "c", i)); !ok || e.Fix.Time.Nanos() != int64(3900+i)*1e9+5e8 {
				t.Errorf("client %d: %v %v", i, e.Fix, ok)
			}
		}
	})
}
