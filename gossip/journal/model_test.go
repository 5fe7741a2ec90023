package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// branch is what may be on disk: at least the first durable of these messages, at most all.
type branch struct {
	messages []string
	durable  int
	start    int // place of the first message appended since Open; messages that a snapshot has replaced count, so it may be below 0
}

func (b branch) allows(got []string) bool {
	return len(got) >= b.durable && len(got) <= len(b.messages) && slices.Equal(got, b.messages[:len(got)])
}

// world drives a journal through trouble, and knows what may be on its disk.
type world struct {
	t    rapid.TB
	disk *journaltest.Disk
	log  *journal.Log

	// What is appended from now on is appended to all of now. Before is what a failure has
	// taken from the log, which may come back as long as nothing new is durable.
	now, before []branch

	next int // number of the next message
	snap *snap
}

type snap struct {
	*journal.Snapshot
	messages []string
	at       uint64 // messages appended since Open when it was begun
}

func newWorld(t rapid.TB, seed uint64) *world {
	w := &world{t: t, disk: journaltest.New(seed), now: []branch{{}}}
	w.reopen(true)
	return w
}

func (w *world) names(n int) []string {
	var all []string
	for range n {
		// Long ones now and then: what fills many pages is torn in many ways.
		all = append(all, fmt.Sprintf("%d:%0*d", w.next, 1+w.next*w.next%300, 0))
		w.next++
	}
	return all
}

func raw(all []string) [][]byte {
	var b [][]byte
	for _, m := range all {
		b = append(b, []byte(m))
	}
	return b
}

func (w *world) append(n int) {
	all := w.names(n)
	err := w.log.Append(raw(all)...)
	extended := make([]branch, len(w.now))
	for i, b := range w.now {
		b.messages = append(slices.Clip(b.messages), all...)
		extended[i] = b
	}
	if err != nil {
		w.failed(extended)
		return
	}
	w.now = extended
}

// failed takes note that the log has gone back to what is durable. All that was tried may be on disk still.
func (w *world) failed(tried []branch) {
	s := w.log.Stats()
	if s.Appended != s.Durable {
		w.t.Fatalf("after a failure %d messages are said to be there, %d durable", s.Appended, s.Durable)
	}
	w.before = append(w.before, tried...)
	var now []branch
	for _, b := range w.now {
		n := b.start + int(s.Durable)
		b.messages = b.messages[:n:n]
		now = append(now, b)
	}
	w.now = now
	w.durable()
}

func (w *world) durable() {
	for i := range w.now {
		b := &w.now[i]
		if n := w.log.Stats().Durable; n > 0 {
			b.durable = max(b.durable, b.start+int(n))
		}
		if b.durable > len(b.messages) {
			w.t.Fatalf("%d messages are said to be durable of %d", b.durable, len(b.messages))
		}
	}
}

func (w *world) sync() {
	before := w.log.Stats().Durable
	if err := w.log.Sync(); err != nil {
		w.failed(w.now)
		return
	}
	s := w.log.Stats()
	if s.Appended != s.Durable {
		w.t.Fatalf("of %d messages %d are durable after Sync", s.Appended, s.Durable)
	}
	if w.durable(); s.Durable > before {
		w.before = nil
	}
}

func (w *world) begin() {
	if w.snap != nil {
		return
	}
	s, err := w.log.Begin()
	if err != nil {
		w.failed(w.now)
		return
	}
	w.durable()
	w.snap = &snap{s, w.names(3), w.log.Stats().Appended}
	for _, m := range w.snap.messages {
		if w.snap.Append([]byte(m)) != nil {
			w.abort()
			return
		}
	}
}

func (w *world) abort() {
	if w.snap != nil {
		w.snap.Abort()
		w.snap = nil
	}
}

func (w *world) commit() {
	if w.snap == nil {
		return
	}
	s := w.snap
	w.snap = nil
	with := func(all []branch) []branch {
		var r []branch
		for _, b := range all {
			n := len(s.messages)
			at := min(max(b.start+int(s.at), 0), len(b.messages))
			start := n - int(s.at)
			r = append(r, branch{append(slices.Clip(s.messages), b.messages[at:]...), max(n, start+int(w.log.Stats().Durable)), start})
		}
		return r
	}
	now, before := with(w.now), with(w.before)
	if err := s.Commit(); err != nil { // nobody knows
		now, before = append(w.now, now...), append(w.before, before...)
	}
	w.now, w.before = now, before
}

// reopen opens the journal after a crash of the machine, or of the process alone.
func (w *world) reopen(crash bool) {
	w.snap = nil
	var got []string
	var r journal.Report
	for first := true; ; first = false {
		l, err := journal.Open(w.disk, journal.Config{Store: 1})
		if err == nil {
			got = nil
			r, err = l.Replay(func(m []byte) error {
				got = append(got, string(m))
				return nil
			})
		}
		if err == nil {
			w.log = l
			break
		}
		if !first {
			w.t.Fatal(err)
		}
		if l != nil {
			_ = l.Close()
		}
		w.heal()
	}
	if r.Lost {
		w.t.Fatalf("nothing was damaged, and it says: %v", r)
	}
	durable, ok := len(got), false
	for _, b := range append(w.now, w.before...) {
		if b.allows(got) {
			ok = true
			durable = min(durable, b.durable)
		}
	}
	if !ok {
		w.t.Fatalf("read %q\nof %+v\nor %+v", got, w.now, w.before)
	}
	if crash {
		durable = len(got)
	}
	w.now, w.before = []branch{{got, durable, len(got)}}, nil
}

func (w *world) heal() {
	w.disk.SetFail(nil)
	w.disk.SetCapacity(0)
}

func (w *world) step(what, n int) {
	switch what {
	case 0, 1, 2:
		w.append(1 + n%4)
	case 3, 4:
		w.sync()
	case 5:
		w.begin()
	case 6:
		w.commit()
	case 7:
		w.abort()
	case 8:
		w.disk.Kill()
		w.reopen(false)
	case 9:
		w.disk.Crash()
		w.reopen(true)
	case 10: // the disk fails from time to time
		i := 0
		w.disk.SetFail(func(string, string) error {
			if i++; i%(2+n%5) == 0 {
				return journaltest.ErrIO
			}
			return nil
		})
	case 11: // nothing can be written
		w.disk.SetFail(func(op, _ string) error {
			if op == "read" || op == "open" || op == "list" || op == "lock" {
				return nil
			}
			return journaltest.ErrReadOnly
		})
	case 12:
		w.disk.SetCapacity(int64(200 + 30*n))
	case 13, 14:
		w.heal()
	}
}

// Whatever happens, what is read is a prefix of what was appended, and has all that was durable.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step(rapid.IntRange(0, 14).Draw(t, "step"), rapid.IntRange(0, 50).Draw(t, "n"))
		}
		w.heal()
		w.disk.Crash()
		w.reopen(true)
		w.append(1)
		w.sync()
		w.disk.Crash()
		w.reopen(true)
	})
}

// The machine crashes at each operation of a life with all that there is, once each.
func TestCrashEverywhere(t *testing.T) {
	life := []int{0, 3, 0, 5, 0, 6, 3, 0, 8, 0, 3, 0, 5, 0, 3, 6, 0, 5, 0, 7, 3, 0}
	crashed := errors.New("crashed")
	seeds := uint64(30)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		for at, more := 1, true; more; at++ {
			w := newWorld(t, seed)
			ops := 0
			die := func(string, string) error {
				if ops++; ops >= at {
					return crashed
				}
				return nil
			}
			w.disk.SetFail(die)
			for i, what := range life {
				if ops >= at {
					break
				}
				w.step(what, i)
			}
			more = ops >= at
			w.heal()
			w.disk.Crash()
			w.reopen(true)
			w.append(1)
			w.begin()
			w.commit()
			w.disk.Crash()
			w.reopen(true)
		}
	}
}
