package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
)

// maxOps is how many commands a Recorder takes unless told otherwise. It holds some
// 300 bytes for each.
const maxOps = 2_000_000

// maxEvents bounds the holds, and the faults, of a Recorder.
const maxEvents = 1_000_000

// ErrFull is returned for a command that a Recorder has no room for: don't send it.
var ErrFull = errors.New("the history is full")

// Recorder makes a history of what happens. It is safe for concurrent use.
//
//	inv, err := r.Begin()
//	… // send a command, wait for its answer
//	r.End(Op{…, Inv: inv})
type Recorder struct {
	start time.Time
	limit int

	mu    sync.Mutex // guards what follows
	last  int64      // the instant given out last
	begun int        // commands, those that have ended included
	past  bool       // there was no room for something
	h     History
}

// NewRecorder makes a Recorder whose clock begins now, for up to limit commands; 0 is
// 2,000,000. Wall of the settings is set by it.
func NewRecorder(s Settings, limit int) *Recorder {
	if limit <= 0 {
		limit = maxOps
	}
	r := &Recorder{start: time.Now(), limit: limit}
	s.Wall = r.start.UnixNano()
	r.h.Settings = s
	return r
}

// now gives an instant. r.mu is held, so that instants are as unique as they are in
// order: also where time stands still between two events, as in a simulation.
func (r *Recorder) now() int64 {
	r.last = max(r.last+1, int64(time.Since(r.start)))
	return r.last
}

// Now is the instant on the history's clock, later than all that it gave before.
func (r *Recorder) Now() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now()
}

// Begin is called before a command is sent. Whoever has an instant owes an End.
func (r *Recorder) Begin() (inv int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun == r.limit {
		r.past = true
		return 0, ErrFull
	}
	r.begun++
	return r.now(), nil
}

// End records a command that was answered, or given up. Inv is what Begin gave; Ret is
// set by End.
func (r *Recorder) End(o Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o.Ret = r.now()
	r.h.Ops = append(r.h.Ops, o)
}

// Hold records that a process was seen to be up to date. Inv is what Now gave before
// somebody looked; Ret is set by Hold.
func (r *Recorder) Hold(o Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.h.Holds) == maxEvents {
		r.past = true
		return // a check knows less, and stays right
	}
	o.Ret = r.now()
	r.h.Holds = append(r.h.Holds, o)
}

// Fault records that a fault begins, at those nodes or at all. It is over when end is
// called, once or more.
func (r *Recorder) Fault(name string, nodes ...string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.h.Faults) == maxEvents {
		r.past = true
		return func() {}
	}
	i := len(r.h.Faults)
	r.h.Faults = append(r.h.Faults, Fault{Name: name, Nodes: slices.Clone(nodes), Inv: r.now()})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if f := &r.h.Faults[i]; f.Ret == 0 {
			f.Ret = r.now()
		}
	}
}

// Dump records what a process holds in the end. Inv is what Now gave before somebody
// looked; Ret is set by Dump.
func (r *Recorder) Dump(d Dump) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.Ret = r.now()
	r.h.Dumps = append(r.h.Dumps, d)
}

// DumpTable is Dump for a table in this process.
func (r *Recorder) DumpTable(p Process, t *location.Table) {
	d := Dump{At: p, Inv: r.Now()}
	var line []byte
	for i := range t.Shards() {
		t.Scan(i, func(id string, e *location.Entry) {
			line = protocol.AppendAt(line[:0], []byte(id), &e.Fix)
			d.Lines = append(d.Lines, string(line[:len(line)-1]))
		})
	}
	slices.SortFunc(d.Lines, strings.Compare)
	r.Dump(d)
}

// Full tells whether there was no room for something.
func (r *Recorder) Full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past
}

// History is what was recorded. It is an error to ask while commands are under way:
// without them, what they wrote would look invented.
func (r *Recorder) History() (*History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open := r.begun - len(r.h.Ops); open > 0 {
		return nil, fmt.Errorf("history: %d commands are still under way", open)
	}
	h := r.h
	h.Ops, h.Holds = slices.Clip(h.Ops), slices.Clip(h.Holds)
	h.Faults, h.Dumps = slices.Clone(h.Faults), slices.Clip(h.Dumps)
	return &h, nil
}
