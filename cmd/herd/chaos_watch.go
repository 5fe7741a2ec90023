package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"herd/node/history"
)

// How often nodes are looked at, and how long one may take to answer.
const (
	watchInterval = 100 * time.Millisecond
	watchTimeout  = time.Second
)

// watcher looks at all nodes, again and again, and tells the recorder and the time line
// what it sees.
type watcher struct {
	herd   chaosHerd
	rec    *history.Recorder
	tell   func(text string)
	faults bool // those that act are recorded too: somebody else makes them

	// Owned by look.
	shown map[string]string // of each node, who does not see it alive
	ends  map[string]func() // of faults that act
}

// view is one look at a node.
type view struct {
	list   memberList
	self   selfInfo
	faults []chaosFault
	inv    int64
	err    error
}

func newWatcher(herd chaosHerd, rec *history.Recorder, tell func(string), faults bool) *watcher {
	return &watcher{herd: herd, rec: rec, tell: tell, faults: faults, shown: map[string]string{}, ends: map[string]func(){}}
}

// run looks until ctx is done.
func (w *watcher) run(ctx context.Context) {
	for range ticks(ctx, watchInterval) {
		w.look(ctx)
	}
}

// look looks at all nodes once, and tells whether they are one herd.
func (w *watcher) look(ctx context.Context) (one bool) {
	views := make([]view, len(w.herd))
	var looking sync.WaitGroup
	for i, n := range w.herd {
		looking.Go(func() { views[i] = w.ask(ctx, n) })
	}
	looking.Wait()
	if ctx.Err() != nil {
		return false
	}
	one = true
	for i, n := range w.herd {
		if views[i].err == nil {
			w.holds(&views[i])
		}
		one = one && views[i].oneWith(n.name, len(w.herd))
	}
	w.compare(views)
	if w.faults {
		w.compareFaults(views)
	}
	return one
}

func (w *watcher) ask(ctx context.Context, n *chaosNode) (v view) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if v.self, v.err = n.self(ctx); v.err != nil {
		return v
	}
	v.inv = w.rec.Now()
	if v.list, v.err = membersOf(ctx, &n.http); v.err != nil || !w.faults {
		return v
	}
	if s, err := n.state(ctx); err == nil { // else it allows no chaos, and is broken in other ways
		v.faults = s.Faults
	}
	return v
}

// oneWith tells whether a node is ready, sees all others, and is in sync with them.
func (v *view) oneWith(name string, all int) bool {
	if v.err != nil || !v.self.ready || v.list.Self != name {
		return false
	}
	alive := 0
	for _, m := range v.list.Members {
		if m.State != "alive" {
			continue
		}
		if m.Name != name && (!m.InSync || !m.Leased || !m.Linked || m.Lagging) {
			return false
		}
		alive++
	}
	return alive == all
}

// holds records who was seen to hold what others had acknowledged.
func (w *watcher) holds(v *view) {
	self := history.Process{Node: v.list.Self, Boot: v.self.boot}
	for _, m := range v.list.Members {
		boot, err := strconv.ParseUint(m.Origin, 16, 64)
		if err != nil || m.Name == v.list.Self && boot != v.self.boot {
			return // it was started again between the two looks
		}
	}
	for _, m := range v.list.Members {
		boot, _ := strconv.ParseUint(m.Origin, 16, 64)
		other := history.Process{Node: m.Name, Boot: boot}
		if other == self {
			continue
		}
		if m.InSync {
			w.rec.Hold(history.Hold{Who: other, Of: []history.Process{self}, Inv: v.inv})
		}
		if m.Leased {
			w.rec.Hold(history.Hold{Who: self, Of: []history.Process{other}, Inv: v.inv})
		}
	}
}

// compare tells what has changed in who sees whom.
func (w *watcher) compare(views []view) {
	blind := map[string][]string{} // of each node, those to whom it is not alive
	for i, n := range w.herd {
		if views[i].err != nil {
			continue
		}
		sees := map[string]bool{n.name: true}
		for _, m := range views[i].list.Members {
			sees[m.Name] = sees[m.Name] || m.State == "alive" || m.State == "suspect"
		}
		for _, other := range w.herd {
			if !sees[other.name] {
				blind[other.name] = append(blind[other.name], n.name)
			}
		}
	}
	for i, n := range w.herd {
		text := ""
		switch {
		case views[i].err != nil:
			text = "does not answer over HTTP"
		case len(blind[n.name]) > 0:
			text = "is gone for " + strings.Join(blind[n.name], ",")
		}
		if text == w.shown[n.name] {
			continue
		}
		w.shown[n.name] = text
		if text == "" {
			text = "is alive for all"
		}
		w.tell("  " + n.name + " " + text)
	}
}

// compareFaults records the beginnings and ends of what acts.
func (w *watcher) compareFaults(views []view) {
	act := map[string][]string{} // what, and at whom
	for i, n := range w.herd {
		if views[i].err != nil {
			act["down"] = append(act["down"], n.name)
		}
		for _, f := range views[i].faults {
			f.Peers = nil
			text := f.text()
			if !slices.Contains(act[text], n.name) {
				act[text] = append(act[text], n.name)
			}
		}
	}
	now := map[string]bool{}
	for _, what := range slices.Sorted(maps.Keys(act)) {
		key := fmt.Sprintf("%s at %s", what, strings.Join(act[what], ","))
		now[key] = true
		if w.ends[key] == nil {
			w.ends[key] = w.rec.Fault(what, act[what]...)
			w.tell(key)
		}
	}
	for key, end := range w.ends {
		if !now[key] {
			end()
			delete(w.ends, key)
			w.tell("no more " + key)
		}
	}
}
