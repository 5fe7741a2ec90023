package location

import (
	"cmp"
	"math"
	"strings"
	"sync"
	"sync/atomic"
)

// Floor is a place in the order in which clients are given up: by the order time of
// their fixes, then by ID. What is at a floor or below it is given up.
type Floor struct {
	Order int64 // order time, nanoseconds since the epoch
	ID    string
}

// Compare orders floors: negative if f is below g, positive if it is above.
func (f Floor) Compare(g Floor) int {
	return cmp.Or(cmp.Compare(f.Order, g.Order), strings.Compare(f.ID, g.ID))
}

// Covers tells whether a client with a fix of that order time is at f or below.
func (f Floor) Covers(order int64, id []byte) bool {
	return order < f.Order || order == f.Order && string(id) <= f.ID
}

// limits are what a table takes in and shows no more. They only ever rise: what is gone
// does not come back.
type limits struct {
	hidden atomic.Int64          // fixes of this order time, or an earlier one, are not shown
	lowest atomic.Int64          // floor's order time: few merges need to know more
	floor  atomic.Pointer[Floor] // nil: there is none
	mu     sync.Mutex            // held to raise one of them
}

func (l *limits) init() {
	l.hidden.Store(math.MinInt64)
	l.lowest.Store(math.MinInt64)
}

// refuse tells whether a fix is not to be taken in.
func (l *limits) refuse(id []byte, f *Fix) bool {
	return f.Order <= l.lowest.Load() && l.covers(id, f)
}

// covers is refuse's second look. (The order time is the same, or floor is the next one.)
func (l *limits) covers(id []byte, f *Fix) bool {
	floor := l.floor.Load()
	return floor != nil && floor.Covers(f.Order, id)
}

func (l *limits) hides(f *Fix) bool { return f.Order <= l.hidden.Load() }

// Refuse has fixes at f or below it refused from now on. Clients that are there already stay
// until Sweep comes to them, and go on being reported about; none is added to a shard after that.
func (t *Table) Refuse(f Floor) {
	l := &t.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.floor.Load(); was == nil || f.Compare(*was) > 0 {
		f.ID = strings.Clone(f.ID)
		l.floor.Store(&f)
		l.lowest.Store(f.Order)
	}
}

// Refuses tells whether Merge would refuse a fix of a client that is not there.
func (t *Table) Refuses(id []byte, f *Fix) bool { return t.limits.refuse(id, f) }

// Hide has Get and Scan show no fixes of that order time or earlier ones, from now on.
func (t *Table) Hide(order int64) {
	l := &t.limits
	if order <= l.hidden.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hidden.Store(max(order, l.hidden.Load()))
}

// Hides tells whether Get and Scan show fixes like this one no more.
func (t *Table) Hides(f *Fix) bool { return t.limits.hides(f) }

// Sweep deletes what is at f or below it from one shard, 0 ≤ i < Shards, tells the watch of
// who is gone, and returns how many clients that were. Who does not have them refused before
// may see them come back.
func (t *Table) Sweep(i int, f Floor) (deleted int) {
	s := &t.shards[i]
	if !s.under(&f) {
		return 0
	}
	g := s.lockPlaces()
	defer s.unlockPlaces(g)
	for ref, r := range s.records {
		if order := s.order(ref, r); order <= f.Order && f.Covers(order, r.id()) {
			if order > t.sweep.until { // else TellHidden has told
				t.tellGone(r.id(), Evicted)
			}
			s.remove(g, ref, r)
			deleted++
		}
	}
	if s.sparse() {
		s.compact(g, &t.keys)
	}
	t.count.Add(-int64(deleted))
	return deleted
}

// under tells whether a client of the shard is at f or below it. Most often none is, and no
// grid needs to be locked.
func (s *shard) under(f *Floor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return false
	}
	for ref, r := range s.records {
		if order := s.order(ref, r); order <= f.Order && f.Covers(order, r.id()) {
			return true
		}
	}
	return false
}
