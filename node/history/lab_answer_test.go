package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
)

var errGone = errors.New("the connection is closed")

// Send is a client's command.
func (l *lab) Send(_ context.Context, node, line string) (Reply, error) {
	c := protocol.Parse([]byte(line), protocol.Limits{})
	l.mu.Lock()
	p := l.procs[slices.Index(labNodes, node)]
	refused := p.dead || !p.ready
	l.mu.Unlock()
	if refused {
		return Reply{}, fmt.Errorf("dial %s: %w", node, ErrNotSent)
	}
	l.travel()
	text, held := "", []Process(nil)
	if c.Verb == protocol.IAmAt {
		text, held = l.report(p, &c)
	} else {
		text = l.query(p, string(c.ID), line)
	}
	l.travel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.dead {
		return Reply{Boot: p.Boot}, errGone
	}
	return Reply{text, p.Boot, held}, nil
}

func (l *lab) report(p *labProc, c *protocol.Command) (string, []Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.dead {
		return "", nil
	}
	id, f := string(c.ID), location.NewFix(p.Node, l.wall(p), labAhead, c.Position, c.Time)
	if l.bug == ackForgotten && l.rand.IntN(4) == 0 {
		return atLine(id, &f), nil
	}
	l.merge(p, id, f)
	has := map[*labProc]bool{}
	early := l.bug == ackEarly && l.rand.IntN(4) == 0
	for q := l.lacks(p, has); q != nil && !early; q = l.lacks(p, has) {
		l.mu.Unlock()
		l.travel()
		l.mu.Lock()
		if l.hears(p, q) && p.inSync[q] {
			l.merge(q, id, f)
			has[q] = true
			continue
		}
		if !q.dead && p.inSync[q] {
			l.mu.Unlock()
			time.Sleep(ackAfter)
			l.mu.Lock()
		}
		if l.bug == countGone {
			has[q] = true
		} else if !l.hears(p, q) {
			delete(p.inSync, q)
		}
	}
	var held []Process
	for q := range p.inSync {
		held = append(held, q.Process)
	}
	if early {
		go func() { l.deliverLate(p, id, f) }()
	}
	return atLine(id, &f), held
}

// deliverLate is what becomes of a report that was acknowledged early.
func (l *lab) deliverLate(p *labProc, id string, f location.Fix) {
	time.Sleep(l.between(5*time.Millisecond, 50*time.Millisecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.procs {
		if l.hears(p, q) {
			l.merge(q, id, f)
		}
	}
}

// lacks is one of p's in-sync set that is not known to have it.
func (l *lab) lacks(p *labProc, has map[*labProc]bool) *labProc {
	for q := range p.inSync {
		if !has[q] {
			return q
		}
	}
	return nil
}

func atLine(id string, f *location.Fix) string {
	return strings.TrimSuffix(string(protocol.AppendAt(nil, []byte(id), f)), "\n")
}

// shown is what a table shows of a client.
func (l *lab) shown(p *labProc, table map[string]location.Fix, id string) (location.Fix, bool) {
	f, ok := table[id]
	from := f.Order
	switch l.bug {
	case keepExpired:
		return f, ok
	case expireReceived:
		from = p.got[id]
	case shownAgain:
		from += l.rand.Int64N(int64(l.ttl))
	}
	return f, ok && (l.ttl == 0 || l.wall(p) < from+int64(l.ttl))
}

func (l *lab) query(p *labProc, id, line string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	table := p.table
	if p.cache != nil && (l.bug == staleCache || l.bug == twoTables && l.rand.IntN(4) == 0) {
		table = p.cache
	}
	if l.bug == crossedReplies && l.rand.IntN(50) == 0 {
		for other := range table {
			id = other
		}
	}
	f, ok := l.shown(p, table, id)
	if !ok {
		return "? " + line
	}
	switch l.bug {
	case newDifference:
		if f.Node != p.Node {
			f.Received = l.wall(p)
		}
	case roundedTime:
		text := f.Time.String()
		f.Time, _ = location.ParseTime([]byte(text[:len(text)-3]))
	}
	return atLine(id, &f) + "\n{}\n\n"
}
