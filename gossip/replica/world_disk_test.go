package replica

import (
	"bytes"
	"time"

	"herd/gossip/location"
)

// diskMode says whether a node has a disk, and what it is to it.
type diskMode uint8

const (
	diskless diskMode = iota
	synced            // now and then
	waitedFor
)

// disk is a slot's. It outlives the processes in it.
type disk struct {
	mode    diskMode
	records [][]byte      // nil: it is damaged here
	safe    int           // of those, what survives
	stands  time.Duration // it does nothing until then
	hurt    time.Duration // when it last lost what it should have kept

	// The table when the disk had been given all there was, and what of that was synced; nil: never.
	given, kept *[keys]*location.Fix

	// Of the process there is.
	open     *Disk
	scanned  []byte
	scans    bool
	snapshot *Snapshot
	fresh    [][]byte // of the snapshot
	from     int      // the first record that follows it
}

// load fills a core from what the disk of its slot has kept.
func (w *world) load(n *node) {
	d := &w.disks[n.slot]
	if d.mode == diskless {
		return
	}
	// A crash keeps what was synced, and perhaps some more.
	d.records = d.records[:d.safe+w.rand.IntN(len(d.records)-d.safe+1)]
	switch x := w.rand.IntN(24); {
	case x == 0:
		d.records, d.hurt = nil, w.clock
	case x == 1 && len(d.records) > 0: // not what lay at the end
		d.records, d.hurt = d.records[:w.rand.IntN(len(d.records))], w.clock
	case x <= 5 && len(d.records) > 0:
		at := w.rand.IntN(len(d.records))
		d.records[at], d.hurt = nil, w.clock
	}
	r := n.core.NewReplay()
	readers := []*ReplayReader{r.Reader(), r.Reader()}
	for i, record := range d.records {
		if record == nil { // what follows can't be told from what does not
			if !w.mutant.lossyVector {
				d.records = d.records[:i]
				break
			}
			continue
		}
		m, err := readers[w.rand.IntN(len(readers))].Read(record)
		if err != nil {
			w.fail("ERROR: %v", err)
		}
		r.Take(m)
	}
	if r.Fixes() > 0 {
		w.coverage.Loads++
	}
	if r.End() && len(n.core.vector) > 0 {
		w.coverage.Vectors++
	}
	d.safe = len(d.records)
	if d.kept != nil && (d.hurt == 0 || d.hurt < w.clock) {
		w.promises.restored(n, d.kept)
	}
	d.given, d.kept = nil, nil
	d.open = n.core.OpenDisk(w.now(n), d.mode == waitedFor)
	d.scanned, d.scans, d.snapshot = nil, false, nil
	w.promises.loaded(n)
}

// powerCut kills all, and starts all.
func (w *world) powerCut() {
	w.coverage.PowerCuts++
	for slot, n := range w.nodes {
		if w.kill(n); w.rand.IntN(8) > 0 {
			w.coverage.count(n.core)
			w.boot(slot)
		}
	}
}

// disk has the writers of n's disk do something.
func (w *world) disk(n *node, faults bool) {
	d := &w.disks[n.slot]
	if d.stands > w.clock {
		return
	}
	switch x := w.rand.IntN(100); {
	case x < 45:
		w.diskWrite(n)
	case x < 75:
		d.safe = len(d.records)
		if d.given != nil {
			d.kept = d.given
		}
		d.open.Synced(w.now(n))
		w.after(n)
	case x < 95:
		w.diskSnapshot(n)
	case x < 96:
		d.open.Save()
	case x < 97 && faults:
		d.stands = w.clock + time.Duration(w.rand.Int64N(int64(3*ackTimeout)))
	case x < 98 && faults:
		d.records = d.records[:d.safe]
		pause := max(0, time.Duration(w.rand.Int64N(int64(3*ackTimeout)))-ackTimeout)
		d.stands = max(d.stands, w.clock+pause)
		d.open.Failed(w.now(n), w.rand.IntN(4) == 0, pause)
		d.scanned, d.scans, d.snapshot = nil, false, nil
		d.given = nil
		w.coverage.DiskFaults++
		w.after(n)
	}
}

func (w *world) diskWrite(n *node) {
	d := &w.disks[n.slot]
	if !d.scans && w.rand.IntN(2) == 0 {
		d.scanned, d.scans = d.open.Scan(nil, writeBytes), true
		if w.rand.IntN(2) == 0 {
			return
		}
	}
	out, more := d.open.Next(w.now(n), d.scanned, writeBytes)
	d.scanned, d.scans = nil, false
	d.records = w.appendRecords(n, d.records, out)
	if !more && !d.open.Behind() && n.noted() {
		d.given = n.held()
		w.coverage.Given++
	}
	w.after(n)
}

// noted tells whether the core has taken note of all that is in the table.
func (n *node) noted() bool {
	for _, e := range n.ends {
		if e != nil && (e.ahead[Live] != nil || e.ahead[Delta] != nil) {
			return false
		}
	}
	return n.core.open.empty()
}

// held is what is in the table, by client.
func (n *node) held() *[keys]*location.Fix {
	var all [keys]*location.Fix
	for key := range keys {
		if e, ok := n.table.Held(clientIDs[key]); ok {
			all[key] = &e.Fix
		}
	}
	return &all
}

func (w *world) appendRecords(n *node, records [][]byte, out []byte) [][]byte {
	for m, rest := Split(out); m != nil; m, rest = Split(rest) {
		records = append(records, bytes.Clone(m))
		w.note(n, uint64(len(m)))
	}
	return records
}

// diskSnapshot begins a snapshot, or goes on with it.
func (w *world) diskSnapshot(n *node) {
	d := &w.disks[n.slot]
	if d.snapshot == nil {
		d.from, d.fresh = len(d.records), nil
		d.snapshot = n.core.Snapshot(w.now(n))
		return
	}
	out, more := d.snapshot.Scan(nil, writeBytes)
	d.fresh = w.appendRecords(n, d.fresh, out)
	if more {
		return
	}
	if out, ok := d.snapshot.End(w.now(n), nil); ok {
		d.fresh = w.appendRecords(n, d.fresh, out)
		d.safe = max(0, d.safe-d.from) + len(d.fresh)
		d.records = append(d.fresh, d.records[d.from:]...)
		w.coverage.Snapshots++
	}
	d.snapshot = nil
}
