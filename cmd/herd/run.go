package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"herd/config"
	"herd/node"
)

// server is what the verbs need of a node.
type server interface {
	Run(ctx context.Context) error // until ctx is done and the node has left
	Ready() <-chan struct{}
	Leaving() <-chan struct{}
	Status() string
	Addrs() addrs
	Reload() ([]config.Change, error)
	Close() error
}

// addrs are the addresses that a node is bound to.
type addrs = node.Addrs

// around is what a node has of the process that it runs in.
type around struct {
	log        hclog.Logger
	supervisor node.Supervisor                // asked only if chaos is allowed
	load       func() (*config.Loaded, error) // reads the configuration again; nil: there is none
	setLog     func(config.Log) error         // nil: the log is not the node's own
	setMemory  func(bytes int)                // nil: the memory is not
}

// nodeFunc makes a node.
type nodeFunc func(*config.Loaded, around) (server, error)

// nodeMaker makes the nodes of this process. They share tables of
// places, which are larger than a node.
func nodeMaker() nodeFunc {
	sources := node.NewSources(release)
	return func(loaded *config.Loaded, a around) (server, error) {
		n, err := node.New(node.Config{
			Settings:    loaded.Config,
			Keys:        loaded.Keys,
			SaveKeys:    loaded.KeyFile.Save,
			PlacesKey:   loaded.PlacesKey,
			ReadTokens:  loaded.ReadTokens,
			WriteTokens: loaded.WriteTokens,
			TLS:         loaded.TLS,
			Version:     release,
			Logger:      a.log,
			Sources:     sources,
			Supervisor:  a.supervisor,
			Load:        a.load,
			SetLog:      a.setLog,
			SetMemory:   a.setMemory,
		})
		if err != nil {
			return nil, named(err)
		}
		return n, nil
	}
}

// named says which flag gives a port that can't be bound.
func named(err error) error {
	var bind *node.BindError
	if !errors.As(err, &bind) {
		return err
	}
	for _, f := range config.Fields() {
		if f.Name == bind.Setting {
			return fmt.Errorf("--%s %s: %w", f.Flag, bind.Addr, bind.Err)
		}
	}
	return err
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
