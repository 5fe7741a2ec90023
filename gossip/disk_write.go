package gossip

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"herd/gossip/breath"
	"herd/gossip/journal"
	"herd/gossip/replica"
)

// run writes the journal until Close. Nobody waits for it but, with SyncAlways, reports:
// for the ack timeout at the most.
func (k *keeper) run() {
	tick := time.NewTicker(syncTick)
	defer tick.Stop()
	defer k.snapshots.Wait()
	k.synced = time.Now()
	for {
		var saved chan struct{}
		select {
		case <-k.cluster.ctx.Done():
			return
		case <-k.wake:
		case <-tick.C:
		case saved = <-k.save:
			k.retry = time.Time{}
		}
		k.round(saved != nil)
		k.noteLog()
		if saved != nil {
			close(saved)
		}
	}
}

// round writes what there is, and makes it safe if it is time to.
func (k *keeper) round(last bool) {
	now := time.Now()
	if now.Before(k.retry) {
		return
	}
	if k.trouble.Load() && !k.works() {
		return
	}
	if k.write(last) && k.syncDue(last) {
		k.sync()
	}
	k.snapshotIfDue()
}

// works tries a disk that has failed, before the table is scanned for it.
func (k *keeper) works() bool {
	err := k.log.Append(replica.Nothing())
	if err == nil {
		err = k.log.Sync()
	}
	if err != nil {
		k.failed(err)
		return false
	}
	k.trouble.Store(false)
	k.cluster.log.Info("the disk works again: the journal catches up")
	return true
}

// write appends all that the core has, and tells whether that went well.
func (k *keeper) write(last bool) bool {
	c := k.cluster
	var b breath.Breath
	for more := true; more && c.ctx.Err() == nil; {
		b.Take()
		buf := k.disk.Scan(k.buf[:0], diskLimit)
		c.mu.Lock()
		if last {
			k.disk.Save()
		}
		buf, more = k.disk.Next(c.now(), buf, diskLimit)
		c.afterLocked()
		c.mu.Unlock()
		if k.buf = buf; cap(buf) > 8*diskLimit {
			k.buf = nil
		}
		last = last && more
		if len(buf) == 0 {
			continue
		}
		k.messages = splitAll(k.messages[:0], buf)
		k.dirty = true
		if err := k.log.Append(k.messages...); err != nil {
			k.failed(err)
			return false
		}
	}
	return true
}

// splitAll appends the messages in buf, which share its bytes.
func splitAll(messages [][]byte, buf []byte) [][]byte {
	for m, rest := replica.Split(buf); m != nil; m, rest = replica.Split(rest) {
		messages = append(messages, m)
	}
	return messages
}

// syncDue tells whether what was written is to be made safe now.
func (k *keeper) syncDue(last bool) bool {
	switch {
	case last || time.Since(k.synced) >= lazySync: // with nothing to sync it finds out whether the file is there
		return true
	case k.config.Mode == SyncAlways:
		return k.dirty || k.joining()
	case k.config.Mode == SyncInterval:
		return k.dirty && time.Since(k.synced) >= k.config.Interval
	}
	return false
}

// joining tells whether the core has yet to be told that the disk has all.
func (k *keeper) joining() bool {
	k.cluster.mu.Lock()
	defer k.cluster.mu.Unlock()
	return k.disk.State() != replica.In
}

func (k *keeper) sync() {
	c, began := k.cluster, time.Now()
	k.synced = began
	if err := k.log.Sync(); err != nil {
		k.failed(err)
		return
	}
	if k.dirty { // else it has but looked
		k.mu.Lock()
		k.stats.Syncs++
		k.stats.SyncTime += time.Since(began)
		k.mu.Unlock()
	}
	k.dirty = false
	c.mu.Lock()
	k.disk.Synced(c.now())
	c.unlock() // with acks to peers
}

// failed takes note that the disk has failed. The journal has gone back to what is safe.
func (k *keeper) failed(err error) {
	c := k.cluster
	k.retry = time.Now().Add(diskPause)
	k.trouble.Store(true)
	k.dirty = false
	k.noteFailure(err)
	c.warn("the disk fails: this node serves on, and what it takes is not on disk", "error", err)
	all := k.log.Stats().Durable == 0 // then what was replayed may not have been safe
	c.mu.Lock()
	k.disk.Failed(c.now(), all, diskPause)
	c.unlock()
}

func (k *keeper) noteFailure(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats.Failures++
	k.stats.Why = err.Error()
}

// noteLog takes note of the log's figures: its lock is held while files are written to, and who
// asks for figures does not wait for a disk.
func (k *keeper) noteLog() {
	l := k.log.Stats()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats.Bytes, k.stats.Snapshot, k.stats.Written = l.Total, l.Snapshot, l.Written
}

// finish writes what is left and the vector, and waits for that until ctx is done.
func (k *keeper) finish(ctx context.Context) {
	if k == nil {
		return
	}
	saved := make(chan struct{})
	select {
	case k.save <- saved:
	case <-ctx.Done():
		return
	}
	select {
	case <-saved:
	case <-ctx.Done():
	}
}

// snapshotIfDue begins a snapshot if it is time for one, and none is being made. What the log
// would take back when that fails is made safe before, for here the core would not be told of it.
func (k *keeper) snapshotIfDue() {
	if k.snapping.Load() || k.starting() {
		return
	}
	if k.early > 0 && k.readable() {
		k.snapping.Store(true)
		k.snapshots.Go(k.readEarly)
		return
	}
	if !k.rewrite.Load() && !k.log.Due() {
		return
	}
	if k.early > 0 { // the files have what the table has not
		k.tellEarly()
		return
	}
	if k.dirty {
		k.sync()
	}
	if k.trouble.Load() {
		return
	}
	s, err := k.begin()
	if errors.Is(err, journal.ErrGone) {
		k.failed(err)
		return
	}
	k.rewrite.Store(false)
	k.snapping.Store(true)
	k.snapshots.Go(func() {
		defer k.snapping.Store(false)
		if err == nil {
			err = k.snapshot(s)
		}
		if err != nil && k.cluster.ctx.Err() == nil {
			k.noteFailure(err)
			k.cluster.warn("cannot write a snapshot of the table: the journal grows, and it is tried again", "error", err)
			k.cluster.pause(snapshotPause)
			k.rewrite.Store(true)
		}
	})
}

// tellEarly says, once an hour, that there are fixes on the disk that were not read.
func (k *keeper) tellEarly() {
	if k.early == 0 || !k.earlyTold.IsZero() && time.Since(k.earlyTold) < time.Hour {
		return
	}
	k.earlyTold = time.Now()
	k.cluster.warn("this node's clock is days behind what its disk holds, or was ahead when that was written: it is not read, and stays there, until the clock is right: set it", "fixes", k.early)
}

// readable tells whether what was left on the disk for its times is to be read now.
func (k *keeper) readable() bool { return k.cluster.core.Takes(k.until) || k.outvoted() }

// outvoted tells whether the clocks of two peers, at the least, agree with this node's: what is days
// ahead of them was written by a wrong one, and nobody takes it.
func (k *keeper) outvoted() bool {
	c := k.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	clock := c.compareClocksLocked()
	return clock.Peers >= 2 && !clock.Astray() && !c.measuringLocked()
}

// readEarly reads the journal once more, for what was left there, with the clock that is right
// now. From then on there are snapshots.
func (k *keeper) readEarly() {
	defer k.snapping.Store(false)
	c := k.cluster
	outvoted := k.outvoted()
	r := c.core.NewReplay()
	reader := r.Reader()
	var b breath.Breath
	err := k.log.Again(func(message []byte) error {
		b.Take()
		m, _ := reader.Read(message) // one that is none was counted at the start
		r.Take(m)
		return c.ctx.Err()
	})
	c.mu.Lock()
	r.EndAgain()
	c.unlock()
	switch {
	case c.ctx.Err() != nil:
	case err != nil && !errors.Is(err, fs.ErrNotExist): // what is gone is not to be waited for
		k.noteFailure(err)
		c.warn("cannot read what was left on the disk for its times: it is tried again", "error", err)
		c.pause(snapshotPause)
	default:
		early, until := r.Early()
		c.log.Info("read from disk what was left there for its times", "fixes", k.early-min(k.early, early), "clients", c.table.Len())
		if k.early, k.until = early, until; early > 0 && outvoted {
			c.log.Warn("what is on disk and days ahead of the clocks of this node and its peers was written by a wrong one, and is dropped", "fixes", early)
			k.early = 0
		}
	}
}

// begin begins a snapshot. One that could not be ended would leave a log file more each time.
func (k *keeper) begin() (*journal.Snapshot, error) {
	if k.silent() {
		return nil, errWrongClock
	}
	return k.log.Begin()
}

// silent tells whether no snapshot can be ended now.
func (k *keeper) silent() bool {
	k.cluster.mu.Lock()
	defer k.cluster.mu.Unlock()
	return k.cluster.core.Silent()
}

// starting tells whether a snapshot would come too early: the table is not full yet, and
// whoever starts with this node, on this machine perhaps, needs the processors to be ready.
func (k *keeper) starting() bool {
	c := k.cluster
	age := c.now()
	return age < startTime || age < maxStartTime && !isClosed(c.caughtUp)
}

// startTime is for how long a node that starts makes no snapshot, and maxStartTime if it has not caught up.
const (
	startTime    = 10 * time.Second
	maxStartTime = time.Minute
)

// snapshotPause is how long after one that failed the next is tried.
const snapshotPause = 10 * time.Second

// errWrongClock: as long as it is, what has expired by it is missing in the table.
var errWrongClock = errors.New("this node's clock is wrong, and fixes expire by it")

// snapshot writes all that there is, so that what is older can go. It rests for as long as
// it works: clients come first.
func (k *keeper) snapshot(s *journal.Snapshot) error {
	c := k.cluster
	defer s.Abort()
	c.mu.Lock()
	core := c.core.Snapshot(c.now())
	c.mu.Unlock()
	var buf []byte
	var messages [][]byte
	write := func() error {
		messages = splitAll(messages[:0], buf)
		return s.Append(messages...)
	}
	for more := true; more; {
		if k.silent() {
			return errWrongClock
		}
		began := time.Now()
		buf, more = core.Scan(buf[:0], diskLimit)
		if len(buf) > 0 {
			if err := write(); err != nil {
				return err
			}
		}
		if !c.pause(time.Since(began)) {
			return c.ctx.Err()
		}
	}
	c.mu.Lock()
	buf, ok := core.End(c.now(), buf[:0])
	c.mu.Unlock()
	if !ok {
		return errWrongClock
	}
	if err := write(); err != nil {
		return err
	}
	if err := s.Commit(); err != nil {
		return err
	}
	k.noteLog()
	k.mu.Lock()
	k.stats.Snapshots++
	k.mu.Unlock()
	return nil
}
