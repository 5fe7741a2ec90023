package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long to wait before what has failed is tried again. Each wait is drawn at random from its
// upper half, so that many clients of one node do not come all at once.
const (
	firstPause = 25 * time.Millisecond // between two rounds over all nodes; doubled each time
	mostPause  = time.Second
	firstOut   = time.Second // a node that failed comes after all others for so long; doubled each time
	mostOut    = 30 * time.Second
)

// mostNodes bounds what names may stand for.
const mostNodes = 1024

// node is where one is.
type node struct {
	addr string // host:port, the host by number
	name string // as configured
}

// nodes are all that may be asked. It sticks to one while that answers: what a node has shown
// or acknowledged it shows again. Which is the first is drawn at random, so that clients spread.
type nodes struct {
	config Config
	only   *node // not nil: no other

	mu      sync.Mutex         // guards the fields below
	current node               // no address: none
	out     map[string]failure // nodes that have failed, by address
}

// failure is for how long a node is left out.
type failure struct {
	until time.Time
	times int
}

// errSilent is that a node has not answered in time.
var errSilent = errors.New("no answer in time")

// call has f ask one node after the other, until one answers or an error is final.
func (n *nodes) call(ctx context.Context, what string, f func(ctx context.Context, to node) error) error {
	within, cancel := context.WithTimeout(ctx, n.config.Timeout)
	defer cancel()
	t := try{nodes: n}
	for round := 1; ; round++ {
		t.list, t.tried = nil, t.tried[:0]
		for to, ok := t.next(within); ok; to, ok = t.next(within) {
			err := f(within, to)
			switch {
			case err == nil:
				n.worked(to)
				return nil
			case isFinal(err):
				n.worked(to)
				return fmt.Errorf("%s: %w", what, err)
			case ctx.Err() != nil: // it is no fault of the node
				return t.end(ctx, what)
			case within.Err() != nil:
				err = errSilent
			}
			n.failed(to)
			t.note(&NodeError{to.addr, err})
			t.tried = append(t.tried, to)
		}
		if round == n.config.Rounds || !sleep(within, jitter(firstPause<<min(round-1, 10), mostPause)) {
			return t.end(ctx, what)
		}
	}
}

// just is for calls that one node alone can answer. It is not tried for long.
func (n *nodes) just(to node) *nodes {
	one := &nodes{config: n.config, only: &to}
	one.config.Rounds = cmp.Or(n.config.Rounds, 5)
	return one
}

// try is one call's way from node to node.
type try struct {
	*nodes
	list   []node // nil: not looked up in this round
	tried  []node // in this round
	causes []error
}

// end is the error of a call that nobody has answered.
func (t *try) end(ctx context.Context, what string) error {
	switch err := ctx.Err(); {
	case err == nil:
		return fmt.Errorf("%s: %w", what, &UnreachableError{t.causes})
	case len(t.causes) == 0:
		return fmt.Errorf("%s: %w", what, err)
	default:
		return fmt.Errorf("%s: %w: %w", what, err, &UnreachableError{t.causes})
	}
}

// note keeps the last error of each node.
func (t *try) note(err error) {
	var of *NodeError
	for i, old := range t.causes {
		var was *NodeError
		if errors.As(err, &of) && errors.As(old, &was) && of.Addr == was.Addr || err.Error() == old.Error() {
			t.causes[i] = err
			return
		}
	}
	if len(t.causes) < mostNodes {
		t.causes = append(t.causes, err)
	}
}

// next is the node to ask now; false if all have been asked in this round.
func (t *try) next(ctx context.Context) (node, bool) {
	if ctx.Err() != nil {
		return node{}, false
	}
	t.mu.Lock()
	to := t.current
	t.mu.Unlock()
	if to.addr != "" && !slices.Contains(t.tried, to) {
		return to, true
	}
	if t.list == nil {
		t.list = t.look(ctx)
	}
	return t.choose(t.list, t.tried)
}

// look finds the addresses of all nodes.
func (t *try) look(ctx context.Context) []node {
	if t.only != nil {
		return []node{*t.only}
	}
	list := []node{}
	for _, name := range t.config.Addrs {
		host, port, err := net.SplitHostPort(name)
		hosts := []string{host}
		if err == nil && net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil {
			hosts, err = t.config.Resolve(ctx, host)
		}
		if err != nil {
			t.note(fmt.Errorf("look up %s: %w", host, err))
			continue
		}
		for _, host := range hosts {
			to := node{net.JoinHostPort(host, port), name}
			if len(list) < mostNodes && !slices.ContainsFunc(list, func(n node) bool { return n.addr == to.addr }) {
				list = append(list, to)
			}
		}
	}
	return list
}

// choose picks one that has not been tried, at random; those that are left out come last, the
// first to come back first. It is the current one from then on.
func (n *nodes) choose(list, tried []node) (node, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr := range n.out { // of names that stand for others now
		if !slices.ContainsFunc(list, func(to node) bool { return to.addr == addr }) {
			delete(n.out, addr)
		}
	}
	now := time.Now()
	var best node
	var back time.Time
	seen := 0
	for _, to := range list {
		if slices.Contains(tried, to) {
			continue
		}
		until := n.out[to.addr].until
		if until.Before(now) {
			until = time.Time{}
		}
		switch {
		case best.addr == "" || until.Before(back):
			best, back, seen = to, until, 1
		case until.Equal(back):
			if seen++; rand.IntN(seen) == 0 {
				best = to
			}
		}
	}
	if best.addr != "" {
		n.current = best
	}
	return best, best.addr != ""
}

// stick has a node be asked first from now on.
func (n *nodes) stick(to node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.current = to
}

// worked tells that a node has answered.
func (n *nodes) worked(to node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.out) > 0 {
		delete(n.out, to.addr)
	}
}

// failed leaves a node out for a while. Many calls may fail with one connection: they count as
// one.
func (n *nodes) failed(to node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.current == to {
		n.current = node{}
	}
	f, now := n.out[to.addr], time.Now()
	if f.until.After(now) {
		return
	}
	if n.out == nil {
		n.out = make(map[string]failure)
	}
	n.out[to.addr] = failure{now.Add(jitter(firstOut<<min(f.times, 10), mostOut)), f.times + 1}
}

// jitter is at random from half of d to d, or of most if that is less.
func jitter(d, most time.Duration) time.Duration {
	d = min(d, most)
	return d/2 + rand.N(d/2+1)
}

// sleep returns after d with true, or with false once ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
