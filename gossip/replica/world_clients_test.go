package replica

import (
	"fmt"

	"herd/gossip/location"
)

// report has a client, or a few, report at n.
func (w *world) report(n *node) {
	for range 1 + w.rand.IntN(2) {
		w.take(n, true)
	}
	if w.rand.IntN(8) > 0 {
		n.core.Flush(w.now(n))
	}
	w.after(n)
}

// take has a client report at n: in whatever stripe, for it has many connections. While a
// batch is being sealed there is nobody who could make room.
func (w *world) take(n *node, mayMakeRoom bool) {
	key := min(w.rand.IntN(keys), w.rand.IntN(keys))
	if !mayMakeRoom && w.rand.IntN(2) == 0 {
		key = w.recent[w.rand.IntN(len(w.recent))]
	}
	f := w.last[key]
	if f == nil || w.rand.IntN(3) > 0 { // else it repeats its last report, here
		f = &location.Fix{Position: places[w.rand.IntN(len(places))], Time: w.time()}
		w.last[key] = f
	}
	w.recent[w.rand.IntN(len(w.recent))] = key
	fix := location.NewFix(nodeNames[n.slot], w.wall+n.skew, clientAhead, f.Position, f.Time)
	stripe := w.rand.IntN(w.stripes)
	ticket, ok := n.core.Accept(stripe, clientIDs[key], fix)
	switch {
	case !ok && !mayMakeRoom:
		return
	case !ok:
		w.coverage.Full++
		ticket = n.core.AcceptNow(w.now(n), stripe, clientIDs[key], fix)
	}
	w.promises.accepted(n, key, &fix, ticket)
}

// sealing has clients report at n when a batch is ended in some stripes and open in others.
func (w *world) sealing(n *node) {
	for range w.rand.IntN(3) {
		w.coverage.Between++
		w.take(n, false)
	}
}

// time is what some client's clock shows: about the time; now and then far from it;
// now and then written with more digits than numbers keep.
func (w *world) time() location.Time {
	nanos := w.wall + int64(w.rand.IntN(16)-8)*int64(unit)
	if w.rand.IntN(40) == 0 {
		nanos += 1000 * int64(unit)
	}
	text := fmt.Appendf(nil, "%d.%09d", nanos/1e9, nanos%1e9)
	if w.rand.IntN(8) == 0 {
		text = fmt.Appendf(text, "%d", w.rand.IntN(3))
	}
	t, err := location.ParseTime(text)
	if err != nil {
		panic(err)
	}
	return t
}

// find asks a peer for a client, most often for one that has just reported.
func (w *world) find(n *node, e *end) {
	key := w.recent[w.rand.IntN(len(w.recent))]
	if w.rand.IntN(4) == 0 {
		key = w.rand.IntN(keys)
	}
	n.lookup++
	if n.core.Find(w.now(n), e.link, n.lookup, clientIDs[key]) {
		n.lookups[n.lookup] = key
	}
	w.after(n)
}
