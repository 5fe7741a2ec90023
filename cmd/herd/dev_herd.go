package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// devHerd is the nodes of herd dev, and their supervisor.
type devHerd struct {
	newNode nodeFunc
	nodes   []*devNode // static when all are bound

	over chan struct{} // closed when no node runs and nobody can start one
	end  sync.Once     // closes it

	killing sync.Mutex // held while Kill decides: one node must be left
}

func newDevHerd(newNode nodeFunc) *devHerd {
	return &devHerd{newNode: newNode, over: make(chan struct{})}
}

// devNode is one node of it, through all its lives.
type devNode struct {
	// Static after bind.
	name   string
	loaded *config.Loaded
	log    hclog.Logger
	addrs  addrs

	kill  chan struct{} // one slot: end this life
	again chan struct{} // one slot: begin another

	mu     sync.Mutex // guards the fields below
	server server     // of the newest life
	state  devState
	doomed bool        // it is about to be killed for good
	rising bool        // it is told to begin another life, and has not yet
	timer  *time.Timer // tells it to; nil: none set
}

type devState int

const (
	devRuns   devState = iota
	devKilled          // and may run again
	devLeft            // for good
)

func newDevNode(loaded *config.Loaded, log hclog.Logger) *devNode {
	return &devNode{
		name: loaded.Config.Name, loaded: loaded, log: log,
		kill: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
}

// begin binds the ports of a node.
func (h *devHerd) begin(n *devNode) error {
	s, err := h.newNode(n.loaded, around{log: n.log, supervisor: h})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.server, n.state, n.doomed, n.rising = s, devRuns, false, false
	select {
	case <-n.again: // it was asked for more than once
	default:
	}
	return nil
}

// live runs a node until it has left, ctx is done, or the herd is over. It calls ready when it is
// ready for the first time.
func (h *devHerd) live(ctx context.Context, n *devNode, ready func()) error {
	for {
		n.mu.Lock()
		s := n.server
		n.mu.Unlock()
		killed, err := n.serve(ctx, s, ready)
		if !killed {
			n.mu.Lock()
			n.state = devLeft
			n.mu.Unlock()
			h.endIfOver()
			return err
		}
		if !h.rise(ctx, n) {
			return nil
		}
	}
}

// serve runs one life of a node and tells whether it was killed.
func (n *devNode) serve(ctx context.Context, s server, ready func()) (killed bool, err error) {
	done := make(chan error, 1)
	go func() { done <- serve(ctx, s, func() error { ready(); return nil }) }() // waited for below
	select {
	case err := <-done:
		return false, err
	case <-n.kill:
		s.Close()
		<-done
		return true, nil
	}
}

// rise starts a killed node when it is told to. It returns false when ctx is done
// before, or nobody can tell it any more.
func (h *devHerd) rise(ctx context.Context, n *devNode) bool {
	for {
		h.endIfOver()
		select {
		case <-n.again:
		case <-h.over:
			return false
		case <-ctx.Done():
			return false
		}
		c := &n.loaded.Config
		c.Client.Addr, c.Gossip.Addr, c.HTTP.Addr = n.addrs.Client, n.addrs.Gossip, n.addrs.HTTP
		c.Gossip.Join = nil
		for _, other := range h.nodes {
			if other != n {
				c.Gossip.Join = append(c.Gossip.Join, other.addrs.Gossip)
			}
		}
		err := h.begin(n)
		if err == nil {
			return true
		}
		n.log.Error("a killed node does not start again", "error", err)
		n.mu.Lock()
		n.rising = len(n.again) > 0
		n.mu.Unlock()
	}
}

// endIfOver ends the herd if no node runs, and none is to begin again: only a node that runs can be
// asked to start another one. All are looked at in one moment, or one could be started
// by another that leaves then.
func (h *devHerd) endIfOver() {
	over := true
	for _, n := range h.nodes {
		n.mu.Lock()
		defer n.mu.Unlock()
		over = over && n.state != devRuns && !n.rising && n.timer == nil
	}
	if over {
		h.end.Do(func() { close(h.over) })
	}
}

// close ends what still runs. Nobody runs live any more.
func (h *devHerd) close() {
	for _, n := range h.nodes {
		n.mu.Lock()
		if n.timer != nil {
			n.timer.Stop()
		}
		s := n.server
		n.mu.Unlock()
		s.Close()
	}
}

// Kill is node.Supervisor's.
func (h *devHerd) Kill(name string, d time.Duration) (func(), error) {
	n := h.node(name)
	if n == nil {
		return nil, fmt.Errorf("no node of this process is called %q", name)
	}
	if d == 0 && !h.doom(n) {
		return nil, errors.New("it is the last node that runs: nobody could start one again")
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.state != devRuns {
			return
		}
		n.state = devKilled
		n.kill <- struct{}{} // there is room: a life ends once
		if d > 0 {
			n.timer = time.AfterFunc(d, func() { h.Restart(name) }) // if nobody was quicker
		}
	}, nil
}

// Restart is node.Supervisor's.
func (h *devHerd) Restart(name string) error {
	n := h.node(name)
	if n == nil {
		return fmt.Errorf("no node of this process is called %q", name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.state {
	case devRuns:
		return fmt.Errorf("%s has not been killed", name)
	case devLeft:
		return fmt.Errorf("%s has left for good", name)
	}
	if n.timer != nil {
		n.timer.Stop()
		n.timer = nil
	}
	n.rising = true
	select {
	case n.again <- struct{}{}:
	default: // it is about to
	}
	return nil
}

// Killed is node.Supervisor's.
func (h *devHerd) Killed() []string {
	var names []string
	for _, n := range h.nodes {
		n.mu.Lock()
		if n.state == devKilled {
			names = append(names, n.name)
		}
		n.mu.Unlock()
	}
	return names
}

func (h *devHerd) node(name string) *devNode {
	for _, n := range h.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// doom has a node die for good, unless no other one will be left.
func (h *devHerd) doom(n *devNode) bool {
	h.killing.Lock()
	defer h.killing.Unlock()
	left := false
	for _, other := range h.nodes {
		other.mu.Lock()
		left = left || other != n && other.state == devRuns && !other.doomed
		other.mu.Unlock()
	}
	if left {
		n.mu.Lock()
		n.doomed = true
		n.mu.Unlock()
	}
	return left
}
