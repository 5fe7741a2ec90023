package places

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

var (
	errBusy   = errors.New("as many calls in flight as may be")
	errClosed = errors.New("places are closed")
)

// link is one provider in its place of a chain, with what bounds it.
type link struct {
	provider Provider
	timeout  time.Duration
	closing  context.Context
	slots    chan struct{} // one for each call in flight; nil for a Prompt provider
	drained  atomic.Int64  // slots taken by drain

	failing  atomic.Bool
	answered atomic.Uint64
	empty    atomic.Uint64
	failed   [len(kinds)]atomic.Uint64
}

// ask calls the provider and comes back in time, with or without it.
func (l *link) ask(ctx context.Context, q Query) (Answer, error) {
	if l.slots == nil {
		return l.provider.Near(ctx, q)
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	defer context.AfterFunc(l.closing, cancel)()

	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return Answer{}, l.gaveUp(ctx, &Error{Kind: Busy, Err: errBusy})
	}
	type outcome struct {
		answer Answer
		err    error
	}
	done := make(chan outcome, 1) // room for an outcome that nobody awaits any more
	go func() {
		defer func() { <-l.slots }()
		a, err := l.provider.Near(ctx, q)
		done <- outcome{a, err}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		return Answer{}, l.gaveUp(ctx, fmt.Errorf("no answer in %s: %w", l.timeout, context.DeadlineExceeded))
	}
}

// gaveUp is why a wait ended with ctx: late if its time was up.
func (l *link) gaveUp(ctx context.Context, late error) error {
	if l.closing.Err() != nil {
		return &Error{Kind: Canceled, Err: errClosed}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return late
	}
	return ctx.Err()
}

// drain takes every slot for good: none is left while a call is in flight. Only
// one goroutine at a time may call it.
func (l *link) drain(ctx context.Context) error {
	for int(l.drained.Load()) < cap(l.slots) {
		select {
		case l.slots <- struct{}{}:
			l.drained.Add(1)
			continue
		default:
		}
		select {
		case l.slots <- struct{}{}:
			l.drained.Add(1)
		case <-ctx.Done():
			return fmt.Errorf("places %q: %d calls never returned: %w", l.provider.Name(), l.inFlight(), ctx.Err())
		}
	}
	return nil
}

// inFlight is how many calls the provider has not returned from.
func (l *link) inFlight() int { return len(l.slots) - int(l.drained.Load()) }
