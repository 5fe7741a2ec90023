package top

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"

	"herd/gossip/location"
)

const (
	maxHot  = 2048             // clients that are counted at a time
	hotSpan = 10 * time.Second // what is this old weighs a third of what is new

	hotStep    = time.Second            // fixes of so long count as of one time
	leastHeard = 100 * time.Millisecond // in less, one fix would look like many
)

// Fix is a report of a client that has taken its place.
type Fix struct {
	ID       string    `json:"id"`
	Position string    `json:"position"`
	Node     string    `json:"node"` // which took it in
	Received time.Time `json:"received"`
}

// hottest finds the clients that are most often updated among any number of them, in
// bounded memory: the space-saving sketch of Metwally, Agrawal and El Abbadi (2005). A
// client that is not counted takes the place of the one with the least, and may have had
// as much before: its excess. So count - excess is what a client has had at least, and
// whoever has more than 1/maxHot of all is counted.
//
// Counts and the time in which they were made fade alike, so their ratio is a rate.
type hottest struct {
	byID    map[string]*hot
	least   leastFirst
	heard   time.Duration // how long was listened, faded
	hearing bool
	at      time.Time // of the last advance
}

// hot is a client that is counted.
type hot struct {
	last          Fix
	count, excess float64
	place         int // in the heap
}

func newHottest() *hottest { return &hottest{byID: map[string]*hot{}} }

// advance lets time pass until now.
func (h *hottest) advance(now time.Time) {
	if h.at.IsZero() {
		h.at = now
	}
	passed := now.Sub(h.at)
	if passed <= 0 {
		return
	}
	h.at = now
	for rest := passed; rest > 0 && rest > passed-10*hotSpan; rest -= hotStep { // before, all has faded
		step := min(rest, hotStep)
		if h.hearing {
			h.heard += step
		}
		h.heard = time.Duration(float64(h.heard) * fade(step))
	}
	for _, c := range h.least { // their order stays
		c.count *= fade(passed)
		c.excess *= fade(passed)
	}
}

// fade is what is left after a time.
func fade(passed time.Duration) float64 { return math.Exp(-passed.Seconds() / hotSpan.Seconds()) }

// hear says whether from now on all that happens is added.
func (h *hottest) hear(now time.Time, on bool) {
	h.advance(now)
	h.hearing = on
}

// add counts a fix that came at the time now. IDs that no node takes from a client are left out.
func (h *hottest) add(now time.Time, f Fix) {
	if now.Sub(h.at) >= hotStep {
		h.advance(now)
	}
	if len(f.ID) > location.MaxID || f.ID == "" {
		return
	}
	c := h.byID[f.ID]
	switch {
	case c != nil:
	case len(h.least) < maxHot:
		c = &hot{}
		h.byID[f.ID] = c
		heap.Push(&h.least, c)
	default:
		c = h.least[0]
		delete(h.byID, c.last.ID)
		h.byID[f.ID] = c
		c.excess = c.count
	}
	c.last = f
	c.count++
	heap.Fix(&h.least, c.place)
}

// top lists at most n clients, the hottest first, with what they have had at least.
func (h *hottest) top(n int) []Hot {
	heard := max(h.heard, leastHeard).Seconds()
	all := make([]Hot, 0, len(h.least))
	for _, c := range h.least {
		// What has faded to half of one fix is of another time.
		if rate := (c.count - c.excess) / heard; rate >= 0.5/hotSpan.Seconds() {
			all = append(all, Hot{c.last, rate})
		}
	}
	slices.SortFunc(all, func(a, b Hot) int {
		return cmp.Or(cmp.Compare(b.PerSecond, a.PerSecond), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(n, len(all))]
}

// leastFirst is a heap of clients, with the least count on top.
type leastFirst []*hot

func (l leastFirst) Len() int           { return len(l) }
func (l leastFirst) Less(i, k int) bool { return l[i].count < l[k].count }
func (l leastFirst) Swap(i, k int) {
	l[i], l[k] = l[k], l[i]
	l[i].place, l[k].place = i, k
}

func (l *leastFirst) Push(c any) {
	c.(*hot).place = len(*l)
	*l = append(*l, c.(*hot))
}

// Pop is never called: clients are replaced.
func (l *leastFirst) Pop() any { panic("top: a client was taken out of the heap") }
