package node

import (
	"context"
	"errors"
)

// acks waits for acknowledgements, so that a loop need not. The loop asks whether it
// has one; if not it is woken when it may have.
type acks struct {
	herd   herd
	wake   func()
	ctx    context.Context // done: nobody waits any more
	cancel context.CancelFunc
	hurry  context.Context // the server's

	want chan uint64 // one slot: the ticket to wait for
	got  chan error  // one slot: what came of it

	// Owned by the loop.
	released uint64 // the greatest ticket that is known to be acknowledged
	pending  uint64 // the ticket that is waited for; zero: none
	err      error  // why nobody can tell any more
}

func newAcks(s *clientServer, wake func()) *acks {
	a := &acks{herd: s.config.Herd, wake: wake, hurry: s.hurry, want: make(chan uint64, 1), got: make(chan error, 1)}
	a.ctx, a.cancel = context.WithCancel(s.alive)
	return a
}

// run waits for one ticket after the other, until the end.
func (a *acks) run() {
	for {
		select {
		case ticket := <-a.want:
			a.got <- a.herd.Wait(a.ctx, ticket)
			a.wake()
		case <-a.ctx.Done():
			return
		}
	}
}

// end has run return.
func (a *acks) end() { a.cancel() }

// have tells whether the report of a ticket is acknowledged. If not, wake is called
// when the one that is waited for is: a lower one may have to wait for that, which is
// about as long as a batch takes. An error means that nobody can tell any more.
func (a *acks) have(ticket uint64) (bool, error) {
	switch {
	case a.err != nil:
		return false, a.err
	case ticket <= a.released:
		return true, nil
	case a.pending > 0 && ticket >= a.pending:
		return false, nil
	}
	err := a.herd.Wait(a.hurry, ticket)
	if err == nil {
		a.released = ticket
		return true, nil
	}
	if !errors.Is(err, context.Canceled) {
		return false, err
	}
	if a.pending == 0 {
		a.pending = ticket
		a.want <- ticket
	}
	return false, nil
}

// heard tells whether something has come of the wait.
func (a *acks) heard() bool {
	select {
	case a.err = <-a.got:
		if a.err == nil {
			a.released = a.pending
		}
		a.pending = 0
		return true
	default:
		return false
	}
}
