package load

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Fill stores every client once, as fast as it can.
func Fill(ctx context.Context, config Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	return fill(ctx, config.withDefaults())
}

func fill(ctx context.Context, config Config) error {
	config.Updates, config.Queries = 1, 0
	if len(config.Store) > 0 {
		config.Addrs = config.Store
	}
	stored, samples, err := each(ctx, config, 1)
	if err == nil && stored < uint64(config.Clients) {
		err = fmt.Errorf("%d of %d stored; %q", stored, config.Clients, samples)
	}
	if err != nil {
		return fmt.Errorf("store the clients: %w", err)
	}
	return nil
}

// mostAsked is about how many clients Known asks for.
const mostAsked = 100_000

// Known asks about the clients, some of them if they are many, and gives how many were
// asked for and how many are known.
func Known(ctx context.Context, config Config) (asked, known int, err error) {
	if err := config.Validate(); err != nil {
		return 0, 0, err
	}
	config = config.withDefaults()
	config.Updates, config.Queries = 0, 1
	config.Radius, config.Limit = 0, 0 // no provider of places is asked
	stride := (config.Clients + mostAsked - 1) / mostAsked
	n, _, err := each(ctx, config, stride)
	return (config.Clients + stride - 1) / stride, int(n), err
}

// each sends a command for every stride-th client, once, as fast as it can, and gives
// how many were answered rightly.
func each(ctx context.Context, config Config, stride int) (right uint64, samples []string, err error) {
	config.Rate, config.Pipeline = 0, 64
	config.Connections = min(config.Connections, 64)
	l, err := newLoad(ctx, config)
	if err != nil {
		return 0, nil, err
	}
	defer l.close()
	l.each, l.stride = new(atomic.Int64), int64(stride)
	l.start(0, MaxDuration)
	defer context.AfterFunc(ctx, l.stop)()
	stalled := l.watch()
	for _, g := range l.groups {
		right += g.tally.updates + g.tally.queries
	}
	err = ctx.Err()
	if err == nil && stalled {
		err = fmt.Errorf("no reply for %s", config.Timeout)
	}
	return right, l.samples(), err
}

// watch waits until the load is done. It ends it, and returns true, when nothing is
// answered for as long as a command may take.
func (l *load) watch() (stalled bool) {
	look := time.NewTicker(l.config.Timeout)
	defer look.Stop()
	for before := uint64(0); ; {
		select {
		case <-l.done:
			return stalled
		case <-look.C:
		}
		answered := uint64(0)
		for _, g := range l.groups {
			g.tally.mu.Lock()
			answered += g.tally.updates + g.tally.queries + g.tally.wrong
			g.tally.mu.Unlock()
		}
		if answered == before && !stalled {
			stalled = true
			l.stop()
		}
		before = answered
	}
}
