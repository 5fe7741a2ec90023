package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"herd/gossip/journal/journaltest"
	"herd/node"
	"herd/node/history"
	"herd/node/nodetest"
)

// disks are what nodes keep over a kill, which takes the power from the whole machine. What
// each life of a node must have of the one before is told to the history.
type disks struct {
	sync     string // as in the settings; empty: there are none
	herd     *nodetest.Herd
	recorder *history.Recorder
	broken   func(format string, args ...any) // tells of what must not happen
	all      [maxNodes]*journaltest.Disk
	waiting  sync.WaitGroup // for nodes to be ready

	// Of the nemesis.
	giveUp [maxNodes]context.CancelFunc // of who waits for a node; nil: nobody has yet

	mu  sync.Mutex // guards was
	was [maxNodes][]end
}

// end is that of a life, and no later one has been ready since.
type end struct {
	process history.Process
	at      int64 // by the recorder
}

// late is what a crash may take of what was not waited for: an interval, and what is written
// in one go.
const late = 1200 * time.Millisecond

func newDisks(s *Scenario) *disks {
	d := &disks{sync: s.Disks}
	for i := range d.all {
		if d.sync != "" {
			d.all[i] = journaltest.New(s.Seed<<8 | uint64(i))
		}
	}
	return d
}

// configure gives a node its disk.
func (d *disks) configure(i int, c *node.Config) {
	if d.sync != "" {
		c.Files, c.Settings.Storage.Sync = d.all[i], d.sync
	}
}

// ends takes note that a node is about to end. It need not become ready any more: one that leaves
// may be shown to run until something else happens to it.
func (d *disks) ends(i int) {
	if d.giveUp[i] != nil {
		d.giveUp[i]()
	}
	if n := d.herd.Node(i); d.sync != "" && n != nil {
		if process, ok := self(n); ok {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.was[i] = append(d.was[i], end{process, d.recorder.Now()})
		}
	}
}

// crash takes the power from a node's machine; its process has ended.
func (d *disks) crash(i int) {
	if d.sync != "" {
		d.all[i].Crash()
	}
}

// begins waits until a node that was started is ready. Then it has what its disk had kept.
func (d *disks) begins(i int) {
	n := d.herd.Node(i)
	if d.sync == "" || d.sync == "none" || n == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.giveUp[i] = cancel
	d.waiting.Go(func() {
		defer cancel()
		select {
		case <-n.Ready():
			d.kept(i, n)
		case <-ctx.Done():
		case <-time.After(time.Minute):
			d.broken("%s is not ready a minute after its start", d.herd.Name(i))
		}
	})
}

func (d *disks) kept(i int, n *node.Node) {
	process, ok := self(n)
	if !ok {
		if d.herd.Node(i) == n {
			d.broken("%s is ready, and no member", d.herd.Name(i))
		}
		return
	}
	d.mu.Lock()
	was := d.was[i]
	d.was[i] = nil
	d.mu.Unlock()
	for _, e := range was {
		of := []history.Process{e.process}
		d.recorder.Hold(history.Hold{Who: process, Of: of, All: true, Inv: e.at - int64(late)})
		if d.sync == "always" {
			d.recorder.Hold(history.Hold{Who: process, Of: of, Inv: e.at})
		}
	}
}

// checkDisks finds out what can't be.
func (s *Scenario) checkDisks() error {
	switch s.Disks {
	case "", "always", "interval", "none":
		return nil
	}
	return fmt.Errorf("disks %q: want always, interval or none", s.Disks)
}
