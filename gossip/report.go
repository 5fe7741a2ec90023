package gossip

import (
	"context"
	"time"

	"herd/gossip/location"
)

// Report takes the fix that a client reported to this node. It is visible here at
// once and travels with the next Flush. The ticket is for Wait; zero: nothing to
// wait for. It keeps no reference to id. stripe is any number; calls with different
// ones do not wait for each other, see [replica.Core.Accept].
func (c *Cluster) Report(stripe int, id []byte, f location.Fix) (ticket uint64) {
	c.clamp(&f)
	ticket, ok := c.core.Accept(stripe, id, f)
	if !ok {
		c.mu.Lock()
		ticket = c.core.AcceptNow(c.now(), stripe, id, f)
		c.afterLocked()
		c.mu.Unlock()
	}
	return ticket
}

// Prefetch makes calls of Report, Get and Prompt for these clients faster, that soon follow:
// see [location.Table.Prefetch].
func (c *Cluster) Prefetch(ids [][]byte) { c.table.Prefetch(ids) }

// Flush sends what was reported on its way, unless all peers' streams are busy:
// then it leaves with what gathers until one is not.
func (c *Cluster) Flush() {
	c.mu.Lock()
	c.core.Flush(c.now())
	if at, waits := c.core.Due(); waits {
		offer(c.late, at)
	}
	c.unlock()
}

// flushLate sends what waits for the gap between two batches to end, until Close. Run
// starts it.
func (c *Cluster) flushLate() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case at := <-c.late:
			timer.Reset(at - c.now())
		case <-timer.C:
			c.Flush()
		}
	}
}

// Wait returns nil when the batch that a ticket names is acknowledged by every member in
// sync, or as [Config].Acks says. The ack timeout bounds that; ctx may cut it short. It
// returns ErrClosed if the cluster closes first.
func (c *Cluster) Wait(ctx context.Context, ticket uint64) error {
	if ticket <= c.released.Load() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if ticket <= c.core.Released() {
		c.mu.Unlock()
		return nil
	}
	c.stats.ackWaits++
	w := c.idle.Get().(*waiter)
	defer c.idle.Put(w)
	c.waiters.add(w, ticket)
	c.mu.Unlock()
	began := time.Now()
	select {
	case <-w.done:
		if ticket > c.released.Load() {
			return ErrClosed
		}
		c.ackTook.add(time.Since(began))
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		c.waiters.remove(w)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// Get returns the fix of client id that this node holds, if it has not expired.
func (c *Cluster) Get(id []byte) (location.Entry, bool) {
	c.core.Expire()
	return c.table.Get(id)
}
