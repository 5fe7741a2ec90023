package gossip

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"herd/gossip/journal"
	"herd/gossip/replica"
)

// SyncMode is when what was written to the disk is made safe from a crash of the machine. A
// crash of the process loses what was not written: that of the last 50 ms as a rule, and with
// SyncAlways nothing that was acknowledged.
type SyncMode uint8

// The modes.
const (
	SyncInterval SyncMode = iota // once in Disk.Interval
	SyncAlways                   // before anything is acknowledged, to clients or to peers
	SyncNone                     // when the system likes
)

// Disk is where a node keeps its table.
type Disk struct {
	FS       journal.FS    // nil: nowhere
	Mode     SyncMode      // see there
	Interval time.Duration // of SyncInterval; default 1 s
}

// DiskAt is a disk in a data folder of the operating system's.
func DiskAt(folder string, mode SyncMode, interval time.Duration) Disk {
	return Disk{journal.Dir(filepath.Join(folder, "journal")), mode, interval}
}

// The journal takes every message of the core's.
const _ = uint(journal.MaxMessage - replica.MaxMessage)

const (
	syncTick  = 50 * time.Millisecond // what nobody waits for is written so often
	lazySync  = 20 * time.Second      // with SyncNone: a failure takes no more than that; else, when idle, a folder that is gone is seen
	diskPause = time.Second           // between tries of a disk that fails
	diskLimit = 1 << 20               // bytes asked of the core for one write
)

// keeper writes the journal. Its goroutine owns what has no other owner.
type keeper struct {
	cluster *Cluster
	config  Disk
	log     *journal.Log
	disk    *replica.Disk // set by load; but for Scan under cluster.mu
	wake    chan struct{} // one slot: the core has something
	save    chan chan struct{}

	// The goroutine's.
	buf      []byte
	messages [][]byte
	dirty    bool      // something is not synced
	synced   time.Time // when it last was, or might have been
	retry    time.Time // not before

	early     uint64    // fixes that were left on the disk, for this node's clock is behind them; while it snaps the other goroutine's
	until     int64     // the latest of their order times; likewise
	earlyTold time.Time // when that was said last

	trouble   atomic.Bool // the last try failed
	rewrite   atomic.Bool // a snapshot is wanted, due or not
	snapshots sync.WaitGroup
	snapping  atomic.Bool // a snapshot is being made, or what was left is read

	mu    sync.Mutex // guards stats
	stats DiskStats
}

// DiskStats counts what became of the disk. The metrics herd_journal_… are made of it.
type DiskStats struct {
	On        bool          // there is one
	Waits     bool          // this node acknowledges nothing that is not on it
	InSync    bool          // reports wait for it now
	Trouble   bool          // the last try to write failed, or what could not be written in time is being caught up with
	Why       string        // what the last failure was
	Queue     int           // bytes that wait to be written
	Lacks     uint64        // batches of this node that are not safe
	Bytes     int64         // that all files take
	Snapshot  int64         // that the newest snapshot takes
	Written   int64         // bytes, snapshots too
	Syncs     uint64        // that made something safe, those before snapshots too
	SyncTime  time.Duration // of all of them
	Failures  uint64        // of writing, syncing and snapshots
	Snapshots uint64        // completed
	Loaded    uint64        // fixes read at the start
	LoadTime  time.Duration
	Damaged   bool // something was missing at the start that had been safe
}

// DiskError says why a node can't begin with its disk.
type DiskError struct{ Err error }

// Error is what the journal said.
func (e *DiskError) Error() string { return e.Err.Error() }

// Unwrap gives it.
func (e *DiskError) Unwrap() error { return e.Err }

// openDisk locks the journal. Nothing is read yet.
func (c *Cluster) openDisk() error {
	d := c.config.Disk
	if d.FS == nil {
		return nil
	}
	if d.Interval <= 0 {
		d.Interval = time.Second
	}
	log, err := journal.Open(d.FS, journal.Config{})
	if err != nil {
		return &DiskError{err}
	}
	c.keeper = &keeper{
		cluster: c, config: d, log: log,
		wake: make(chan struct{}, 1), save: make(chan chan struct{}),
	}
	c.keeper.stats.On, c.keeper.stats.Waits = true, d.Mode == SyncAlways
	return nil
}

// load reads what the disk has kept, before there are peers. Reports may come meanwhile.
func (k *keeper) load(ctx context.Context) error {
	if k == nil {
		return nil
	}
	c, began := k.cluster, time.Now()
	r := c.core.NewReplay()
	p := c.startLoaders(r, loadBytes)
	report, err := k.log.Replay(func(m []byte) error {
		p.add(m)
		return ctx.Err()
	})
	refused := p.end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &DiskError{err}
	}
	c.mu.Lock()
	counts := r.End()
	k.disk = c.core.OpenDisk(c.now(), k.config.Mode == SyncAlways)
	c.mu.Unlock()
	took := time.Since(began)
	c.loaded = r.Fixes() > 0
	k.mu.Lock()
	k.stats.Loaded, k.stats.LoadTime, k.stats.Damaged = r.Fixes(), took, report.Lost
	k.mu.Unlock()
	k.noteLog()
	args := []any{"fixes", r.Fixes(), "clients", c.table.Len(), "after", took.Round(time.Millisecond)}
	k.early, k.until = r.Early()
	k.tellEarly()
	switch {
	case report.Lost || refused > 0:
		c.log.Warn("the journal is damaged: what is before the damage was loaded, the herd has the rest",
			append(args, "journal", report.String(), "refused", refused)...)
	case !counts:
		c.log.Warn("loaded from disk, but this clock was ahead when it was written: all is asked of the herd anew", args...)
	case report.Messages > 0:
		c.log.Info("loaded from disk", append(args, "journal", report.String())...)
	}
	k.rewrite.Store(report.Lost || !report.Whole && report.Messages > 0 || refused > 0 || !counts)
	return nil
}

// statsLocked is a snapshot of the counters. The caller holds cluster.mu.
func (k *keeper) statsLocked() DiskStats {
	if k == nil {
		return DiskStats{}
	}
	k.mu.Lock()
	s := k.stats
	k.mu.Unlock()
	s.Trouble = k.trouble.Load()
	if k.disk != nil {
		s.Trouble = s.Trouble || k.disk.Behind()
		s.InSync = k.disk.State() == replica.In
		s.Queue, s.Lacks = k.disk.Queued(), k.disk.Lacks()
	}
	return s
}

// settledLocked tells whether reports wait for the disk from now on, if they are to, or the
// disk is in trouble. The caller holds cluster.mu.
func (k *keeper) settledLocked() bool {
	return k == nil || k.config.Mode != SyncAlways || k.trouble.Load() || k.disk != nil && k.disk.State() == replica.In
}
