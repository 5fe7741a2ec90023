package events

import (
	"context"
	"time"
)

// Bounds of a reader.
const (
	gather   = 10 * time.Millisecond // between two batches, and two looks: each costs a wake-up
	look     = 256                   // events copied at a time; the log is locked meanwhile
	maxBatch = 512                   // events of a batch
	// maxMerging is how many clients' events wait to be merged. When there are more,
	// they leave before their time.
	maxMerging = 1 << 16
)

// Reader is one who follows the log. One goroutine uses it.
type Reader struct {
	log    *Log
	filter Filter
	every  time.Duration // see Merge
	wake   chan struct{} // one slot: there may be something

	waits [Kinds]bool // in the ring's list of those to wake; guarded by log.mu
	next  [Kinds]uint64
	seen  uint64 // all up to this number was looked at

	copied []Event
	batch  batch
	sent   time.Time // when a batch was last given
	slow   bool      // it has lost events
	closed bool
}

// Merge has events of a client that come within that time made one, the newest, and
// gives batches that far apart. It is called before the first Next.
func (r *Reader) Merge(every time.Duration) {
	r.every = every
	r.batch.at = make(map[string]int)
}

// Next waits for events and returns them in order; none if none comes within wait. What
// it returns is the caller's until the next call. [ErrSlow]: the reader has lost
// some; [ErrClosed]: it has had all that there will be; or the error of ctx.
func (r *Reader) Next(ctx context.Context, wait time.Duration) ([]Event, error) {
	until := time.Now().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	r.batch.empty()
	for {
		looked, err := r.look()
		now := time.Now()
		due := r.sent.Add(max(r.every, gather))
		if n := r.batch.len(); n > 0 && (err != nil || r.full() || !now.Before(due)) {
			r.sent = now
			return r.give(), nil
		}
		if err != nil {
			return nil, err
		}
		if !now.Before(until) {
			return nil, nil
		}
		rest := until.Sub(now)
		if r.batch.len() > 0 {
			rest = min(rest, due.Sub(now))
		}
		wake := r.wake
		if looked {
			rest, wake = min(rest, gather), nil
		}
		timer.Reset(rest)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// full tells whether the batch is to leave at once.
func (r *Reader) full() bool {
	if r.every > 0 {
		return len(r.batch.at) >= maxMerging
	}
	return r.batch.len() >= maxBatch
}

// look takes in what there is and tells whether there was anything. An error is the end,
// once the batch is given.
func (r *Reader) look() (looked bool, err error) {
	for !r.full() {
		if err := r.copy(); err != nil {
			return looked, err
		}
		for i := range r.copied {
			if e := &r.copied[i]; r.filter.wants(e) {
				r.batch.add(e)
			}
		}
		if len(r.copied) == 0 {
			return looked, nil
		}
		looked = true
	}
	return true, nil
}

// copy takes the next events off the log. If there are none, the reader is woken by the
// next one.
func (r *Reader) copy() error {
	r.copied = r.copied[:0]
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.rings {
		if r.filter.Kinds[k] && r.next[k] < l.rings[k].oldest() {
			if !r.slow {
				r.slow = true
				l.stats.Slow++
			}
			return ErrSlow
		}
	}
	for len(r.copied) < look {
		first := Kinds
		for k := range l.rings {
			ring := &l.rings[k]
			if r.filter.Kinds[k] && r.next[k] < ring.end &&
				(first == Kinds || ring.at(r.next[k]).Number < l.rings[first].at(r.next[first]).Number) {
				first = k
			}
		}
		if first == Kinds {
			r.seen = l.number
			break
		}
		e := l.rings[first].at(r.next[first])
		r.copied = append(r.copied, *e)
		r.next[first]++
		r.seen = e.Number
	}
	if len(r.copied) > 0 {
		return nil
	}
	if l.closed {
		return ErrClosed
	}
	for k := range l.rings {
		if r.filter.Kinds[k] && !r.waits[k] {
			r.waits[k] = true
			l.rings[k].waiting = append(l.rings[k].waiting, r)
		}
	}
	return nil
}

// give hands the batch out and counts it.
func (r *Reader) give() []Event {
	events := r.batch.take()
	var sent [Kinds]uint64
	for i := range events {
		sent[events[i].Kind]++
	}
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, n := range sent {
		l.stats.Sent[k] += n
	}
	l.stats.Merged += r.batch.merged
	r.batch.merged = 0
	return events
}

// ID is the ID to go on from: all before it has been given, or is not wanted.
func (r *Reader) ID() string {
	number := r.seen
	if first := r.batch.first(); first > 0 {
		number = first - 1
	}
	return r.log.id(number)
}

// Stall counts the reader as one that takes nothing.
func (r *Reader) Stall() {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.log.stats.Stalled++
}

// Close ends the reader. It is idempotent.
func (r *Reader) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.log.mu.Lock()
	r.log.closeLocked(r)
	r.log.mu.Unlock()
	r.log.users.Done()
}
