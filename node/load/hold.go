package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// holders is how many connections are made, or asked, at the same time.
const holders = 64

// Held are connections that do nothing, each after one command. Its methods are for one
// goroutine.
type Held struct {
	config Config
	conns  []net.Conn
}

// Hold makes config.Connections connections and sends one command on each. Of config it
// needs, besides, Addrs, Protocol, Clients, Sources, Seed, Timeout and Dial. The first
// connection that is not made, or not answered rightly, is an error. The caller owes a
// Close.
func Hold(ctx context.Context, config Config) (*Held, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	h := &Held{config: config, conns: make([]net.Conn, config.Connections)}
	err := h.each(ctx, func(ctx context.Context, i int, a *asker, m *maker) error {
		conn, err := config.connect(ctx, i, config.Addrs[i%len(config.Addrs)])
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		h.conns[i] = conn
		return h.ask(i, a, m)
	})
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// each does something for every connection, many at once, with what a goroutine needs
// to ask. The first error ends it.
func (h *Held) each(ctx context.Context, do func(ctx context.Context, i int, a *asker, m *maker) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for worker := range min(holders, len(h.conns)) {
		group.Go(func() error {
			a, m := newAsker(nil, h.config.dialect()), h.config.maker(worker)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(h.conns) {
					return nil
				}
				if err := do(ctx, i, a, &m); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// ask sends one command on a connection.
func (h *Held) ask(i int, a *asker, m *maker) error {
	var c command
	m.next(&c, 0, time.Now().UnixNano())
	a.conn = h.conns[i]
	a.conn.SetDeadline(time.Now().Add(h.config.Timeout))
	wrong, err := a.askOne(&c)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", a.conn.RemoteAddr(), cause(err))
	case wrong != "":
		return errors.New(wrong)
	}
	return nil
}

// Ask sends another command on each connection and gives how many answered rightly, and
// the first few reasons of others.
func (h *Held) Ask(ctx context.Context) (right int, samples []string, err error) {
	var mu sync.Mutex // guards right and samples
	err = h.each(ctx, func(_ context.Context, i int, a *asker, m *maker) error {
		why := h.ask(i, a, m)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case why == nil:
			right++
		case len(samples) < maxSamples:
			samples = append(samples, why.Error())
		}
		return nil
	})
	return right, samples, err
}

// Close ends the connections.
func (h *Held) Close() {
	for _, c := range h.conns {
		if c != nil {
			c.Close()
		}
	}
}
