package location

// Reason is why a client is gone: why a table shows it no more.
type Reason uint8

// The reasons.
const (
	Expired Reason = iota // its fix is hidden: see [Table.Hide]
	Evicted               // its fix was deleted at a floor: see [Table.Sweep]
)

var reasons = [...]string{Expired: "expired", Evicted: "evicted"}

// String is the reason's name in streams of events.
func (r Reason) String() string { return reasons[r] }

// GoneWatch is told of every client that a table shows no more, under the rules of a
// [Watch]; of one client the two are told in order. It may be told of a client that was not
// shown since the watch was set.
type GoneWatch func(id []byte, why Reason)

// SetGoneWatch has w told of who is gone from now on; nil: nobody. Whom a scan shows that
// begins afterwards, and who is shown no more when a sweep begins, w is told of by that
// sweep or one before.
func (t *Table) SetGoneWatch(w GoneWatch) {
	if w == nil {
		t.goneWatch.Store(nil)
		return
	}
	t.goneWatch.Store(&w)
}

// sweep is how far the watch was told of who is hidden. It is of the goroutine that sweeps.
type sweep struct {
	told  int64 // fixes of this order time, or an earlier one, in all shards
	until int64 // the same in the shards that this sweep has come to
}

// BeginSweep begins to go through the table for [Table.TellHidden] and [Table.Sweep]. One
// goroutine sweeps, and begins when it has come to all shards.
func (t *Table) BeginSweep() {
	t.sweep.told, t.sweep.until = t.sweep.until, t.limits.hidden.Load()
}

// Untold tells whether more is hidden than when the sweep began. It is for who sweeps.
func (t *Table) Untold() bool { return t.limits.hidden.Load() > t.sweep.until }

// TellHidden tells the watch of who has been hidden in one shard, 0 ≤ i < Shards, between
// the begins of the sweep before and this one, and returns how many there are. In each shard
// it comes before Sweep.
func (t *Table) TellHidden(i int) (told int) {
	if t.goneWatch.Load() == nil || t.sweep.told == t.sweep.until {
		return 0
	}
	s := &t.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return 0
	}
	for ref, r := range s.records {
		if order := s.order(ref, r); order > t.sweep.told && order <= t.sweep.until {
			t.tellGone(r.id(), Expired)
			told++
		}
	}
	return told
}

// tellGone has the watch told, if there is one. The caller has the lock of the shard.
func (t *Table) tellGone(id []byte, why Reason) {
	if w := t.goneWatch.Load(); w != nil {
		(*w)(id, why)
	}
}
