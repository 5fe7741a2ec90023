package main

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// server is what the verbs need of a node.
type server interface {
	Run(ctx context.Context) error // until ctx is done and the node has left
	Ready() <-chan struct{}
	Addrs() addrs
	Close() error
}

// addrs are the addresses that a node is bound to.
type addrs struct {
	Client, Gossip, HTTP string
}

// newNode binds the ports of a node.
func newNode(loaded *config.Loaded, logger hclog.Logger) (server, error) {
	return nil, errors.New("this binary has no node in it")
}

// serve runs a node to its end and calls ready, if it comes to that, once it is
// ready. An error of ready ends the node.
func serve(ctx context.Context, s server, ready func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-s.Ready():
	}
	err := ready()
	if err != nil {
		cancel()
	}
	return errors.Join(err, <-done)
}
