package events

import (
	"errors"
	"slices"
	"strconv"
	"sync"

	"herd/gossip/location"
)

// Config is what a [Log] is made of. Zero values mean the defaults.
type Config struct {
	Boot    uint64 // of this incarnation of the node: no two have the same
	Fixes   int    // that are kept; default 65,536, some 200 bytes each while somebody listens
	Gone    int    // clients that are gone that are kept; default and bytes as of fixes
	Members int    // changes of members that are kept; default 1,024
	Readers int    // at once; default 64

	// Feed is told whether [Log.Fix], or [Log.Gone], is to be called from now on. It must
	// not wait and must not call the log. Nil: nobody is told.
	Feed func(k Kind, on bool)
}

// Errors that end a reader, or keep it from beginning.
var (
	ErrSlow    = errors.New("too slow: events were lost")
	ErrClosed  = errors.New("the node ends")
	ErrTooMany = errors.New("too many readers")
)

// Log is the last events of a node. It is safe for concurrent use.
type Log struct {
	config Config
	boot   string         // IDs begin with it
	users  sync.WaitGroup // readers
	texts  texts

	mu     sync.Mutex // guards the fields below; held for no wait
	closed bool
	number uint64 // of the last event
	rings  [Kinds]ring
	all    map[*Reader]struct{}
	stats  Stats
}

// Stats is what a log has counted, and how it stands.
type Stats struct {
	Readers int    // now
	Begun   uint64 // readers that began with what happens
	Resumed uint64 // readers that went on after an event they named
	Reset   uint64 // readers that had named one that is too old or not of this node
	Refused uint64 // readers that were too many
	Slow    uint64 // readers that ended because they lost events
	Stalled uint64 // readers that ended because they took nothing; see [Reader.Stall]

	Sent   [Kinds]uint64 // events given to readers, each counted for each
	Merged uint64        // those that were not, for newer news of the client took their place
}

// New makes a log in which nothing has happened.
func New(c Config) *Log {
	set := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	set(&c.Fixes, 1<<16)
	set(&c.Gone, 1<<16)
	set(&c.Members, 1<<10)
	set(&c.Readers, 64)
	if c.Feed == nil {
		c.Feed = func(Kind, bool) {}
	}
	l := &Log{config: c, boot: bootText(c.Boot), all: make(map[*Reader]struct{})}
	l.rings[Fix].size, l.rings[Gone].size, l.rings[Member].size = c.Fixes, c.Gone, c.Members
	l.rings[Member].fed = true
	return l
}

// Fix takes note that f took its place in the table as the fix of client id. It is a
// [location.Watch]: quick, and it keeps no reference to id.
func (l *Log) Fix(id []byte, f location.Fix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.takesLocked(Fix) {
		l.number++
		l.rings[Fix].add(Event{Kind: Fix, Number: l.number, Client: string(id), Fix: f})
	}
}

// Gone takes note that client id is shown no more. It is a [location.GoneWatch], like Fix.
func (l *Log) Gone(id []byte, why location.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.takesLocked(Gone) {
		l.number++
		l.rings[Gone].add(Event{Kind: Gone, Reason: why, Number: l.number, Client: string(id)})
	}
}

// takesLocked tells whether an event of that kind is to be written, and ends that when
// nobody can come back for it.
func (l *Log) takesLocked(k Kind) bool {
	r := &l.rings[k]
	if !r.fed {
		return false // it was under way when feeding ended
	}
	if r.readers == 0 && r.end-r.left >= uint64(r.size) {
		r.fed = false
		r.clear(l.number)
		l.config.Feed(k, false)
		return false
	}
	return true
}

// Member takes note that a member's state changed. body says how; nobody writes to
// it any more.
func (l *Log) Member(body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	l.rings[Member].add(Event{Kind: Member, Number: l.number, Body: body})
}

// id is the ID of the event of that number.
func (l *Log) id(number uint64) string { return string(l.AppendID(nil, number)) }

// AppendID appends it to dst.
func (l *Log) AppendID(dst []byte, number uint64) []byte {
	return strconv.AppendUint(append(dst, l.boot...), number, 10)
}

// Close ends all readers, when each has been given what there was. It is idempotent
// and does not wait; [Log.Wait] does.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for r := range l.all {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	for _, k := range []Kind{Fix, Gone} {
		if l.rings[k].fed {
			l.rings[k].fed = false
			l.config.Feed(k, false)
		}
	}
}

// Wait returns when all readers are closed. The log is closed before.
func (l *Log) Wait() { l.users.Wait() }

// Stats is how things stand.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Readers = len(l.all)
	return s
}

// Start is where a reader begins.
type Start struct {
	ID    string // all that follows is after the event of this ID
	Reset string // why events that the reader wanted are not to be had; empty: all are
}

// Read begins to read what f wants, after the event with the ID last; empty: what
// happens from now on. The caller owes the reader a Close.
func (l *Log) Read(f Filter, last string) (*Reader, Start, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, Start{}, ErrClosed
	case len(l.all) >= l.config.Readers:
		l.stats.Refused++
		return nil, Start{}, ErrTooMany
	}
	mark := l.number + 1 // it is no event: who has an older number has missed something
	for k := range l.rings {
		if ring := &l.rings[k]; f.Kinds[k] && !ring.fed {
			ring.fed = true
			l.number = mark
			ring.clear(mark)
			l.config.Feed(Kind(k), true)
		}
	}
	number, why := l.startLocked(f, last)
	r := &Reader{log: l, filter: f, wake: make(chan struct{}, 1), seen: number}
	for k := range l.rings {
		r.next[k] = l.rings[k].after(number)
		if f.Kinds[k] {
			l.rings[k].readers++
		}
	}
	l.all[r] = struct{}{}
	l.users.Add(1)
	switch {
	case last == "":
		l.stats.Begun++
	case why == "":
		l.stats.Resumed++
	default:
		l.stats.Reset++
	}
	return r, Start{ID: l.id(number), Reset: why}, nil
}

// startLocked is the number of the event after which a reader begins, and why that is
// not the one it named.
func (l *Log) startLocked(f Filter, last string) (number uint64, why string) {
	if last == "" {
		return l.number, ""
	}
	boot, number, ok := parseID(last)
	if !ok || boot != l.config.Boot || number > l.number {
		return l.number, "the last event is not of this node, or of one before its start"
	}
	for k := range l.rings {
		if f.Kinds[k] && number < l.rings[k].lost {
			return l.number, "the last event is too old: those after it are not kept any more"
		}
	}
	return number, ""
}

// closeLocked takes r out.
func (l *Log) closeLocked(r *Reader) {
	delete(l.all, r)
	for k := range l.rings {
		ring := &l.rings[k]
		if r.waits[k] {
			ring.waiting = slices.DeleteFunc(ring.waiting, func(other *Reader) bool { return other == r })
		}
		if r.filter.Kinds[k] {
			if ring.readers--; ring.readers == 0 {
				ring.left = ring.end
			}
		}
	}
}
