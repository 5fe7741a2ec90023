package nodetest

import (
	"fmt"
	"strings"
	"time"

	"herd/gossip"
	"herd/gossip/location"
)

// poll is how often Settle looks.
const poll = 10 * time.Millisecond

// Settle returns when the nodes that run have one view of the herd, each is in
// sync with each, and their tables hold the same.
func (h *Herd) Settle() {
	h.t.Helper()
	h.SettleWithin(limit)
}

// SettleWithin is Settle with a limit of its own. It returns how long it took.
func (h *Herd) SettleWithin(limit time.Duration) time.Duration {
	h.t.Helper()
	began := time.Now()
	for {
		why := h.Unsettled()
		took := time.Since(began)
		switch {
		case why == "":
			return took
		case took > limit:
			h.t.Fatalf("the herd has not settled after %s: %s", limit, why)
		}
		time.Sleep(poll)
	}
}

// Unsettled says what is missing until the herd has settled; empty: nothing. Tables are compared
// each with each: of what one has given up two others may have different fixes yet.
func (h *Herd) Unsettled() string {
	var all []*process
	running := make(map[string]bool)
	for _, p := range h.nodes {
		if p.node != nil {
			running[p.name] = true
		}
	}
	for _, p := range h.nodes {
		if p.node == nil {
			continue
		}
		if why := wrongView(p, running); why != "" {
			return fmt.Sprintf("%s: %s", p.name, why)
		}
		all = append(all, p)
	}
	for i, first := range all {
		for _, p := range all[i+1:] {
			if why := difference(first.table, p.table); why != "" {
				return fmt.Sprintf("%s and %s: %s", first.name, p.name, why)
			}
		}
	}
	return ""
}

// wrongView says what is wrong with a node's view of the herd.
func wrongView(p *process, running map[string]bool) string {
	alive := 0
	for _, m := range p.node.Members() {
		switch {
		case m.State == gossip.Failed || m.State == gossip.Left:
			if running[m.Name] {
				return fmt.Sprintf("%s is %s", m.Name, m.State)
			}
			continue
		case !running[m.Name]:
			return fmt.Sprintf("%s is %s", m.Name, m.State)
		case m.State != gossip.Alive:
			return fmt.Sprintf("%s is %s", m.Name, m.State)
		case !m.Self && !(m.InSync && m.Leased):
			return fmt.Sprintf("%s: in sync %t, leased %t", m.Name, m.InSync, m.Leased)
		}
		alive++
	}
	if alive != len(running) {
		return fmt.Sprintf("it sees %d of %d nodes", alive, len(running))
	}
	return ""
}

// difference says in what two tables differ, dots aside; empty: in nothing. What is hidden
// counts as well: a node whose clock was ahead shows less than the others do, and holds as
// much, for them too. See [location.Table.Hide].
func difference(first, second *location.Table) string {
	differences := append(lacks(second, first, "second"), lacks(first, second, "first")...)
	return strings.Join(differences[:min(3, len(differences))], "; ")
}

// lacks says what a table, which is called name, does not hold of another one, three
// clients at the most. What has expired in it for so long that it takes that no more, it
// does not lack: the clocks by which the two remove it need not be the same.
func lacks(table, other *location.Table, name string) (lacking []string) {
	// What a scan calls must not use its table, nor keep an ID that it is lent.
	type entry struct {
		id  string
		fix location.Fix
	}
	var entries []entry
	for i := range other.Shards() {
		entries = entries[:0]
		other.ScanHeld(i, func(id string, e *location.Entry) { entries = append(entries, entry{strings.Clone(id), e.Fix}) })
		for _, e := range entries {
			id := []byte(e.id)
			got, ok := table.Held(id)
			if ok && got.Compare(&e.fix) >= 0 || table.Refuses(id, &e.fix) && table.Hides(&e.fix) {
				continue
			}
			if ok {
				lacking = append(lacking, fmt.Sprintf("%s is %+v in the %s, not %+v", e.id, got.Fix, name, e.fix))
			} else {
				lacking = append(lacking, fmt.Sprintf("%s is missing in the %s", e.id, name))
			}
			if len(lacking) > 2 {
				return lacking
			}
		}
	}
	return lacking
}
