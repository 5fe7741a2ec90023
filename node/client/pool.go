package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// manner is how soon commands are answered. Answers come in the order of the commands, so those
// that a node may have to wait for have connections of their own.
type manner uint8

const (
	prompt  manner = iota // by the node itself
	patient               // a provider of places may have to be asked
)

// deep is how many commands a connection has on their way before one more is opened.
var deep = [...]int{prompt: 64, patient: 1}

type poolKey struct {
	node
	how manner
}

// pool is the connections to one node for one manner of commands. It is of Client.mu.
type pool struct {
	conns []*conn
	dial  *dial // not nil: one is under way
}

// dial is a connection to be. It is the client's, not of the call that happens to want it: others
// wait for it too.
type dial struct {
	done chan struct{} // closed when err is set
	err  error
}

// conn returns the connection with the fewest commands on their way. It dials if there is none,
// and begins to dial if all have many.
func (c *Client) conn(ctx context.Context, key poolKey) (*conn, error) {
	for {
		best, d, err := c.pick(key)
		if best != nil || err != nil {
			return best, err
		}
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if d.err != nil {
			return nil, d.err
		}
	}
}

// pick returns a connection, or a dial to wait for.
func (c *Client) pick(key poolKey) (best *conn, d *dial, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive.Err() != nil {
		return nil, nil, final(ErrClosed)
	}
	p := c.pools[key]
	if p == nil {
		p = new(pool)
		c.pools[key] = p
	}
	for _, conn := range p.conns {
		if !conn.isBroken() && (best == nil || conn.busy() < best.busy()) {
			best = conn
		}
	}
	if p.dial == nil && (best == nil || best.busy() >= deep[key.how] && len(p.conns) < c.nodes.config.Conns) {
		d := &dial{done: make(chan struct{})}
		p.dial = d
		c.running.Go(func() { c.open(key, p, d) })
	}
	return best, p.dial, nil
}

// open dials a node and serves the connection until it breaks.
func (c *Client) open(key poolKey, p *pool, d *dial) {
	conn, err := c.connect(key)
	c.mu.Lock()
	p.dial, d.err = nil, err
	switch {
	case err != nil:
	case c.alive.Err() != nil:
		d.err = final(ErrClosed)
		conn.Close()
	default:
		p.conns = append(p.conns, conn)
	}
	c.drop(key, p)
	close(d.done)
	c.mu.Unlock()
	if d.err != nil {
		return
	}
	c.running.Go(conn.write)
	conn.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(p.conns, conn); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	c.drop(key, p)
}

// drop takes out a pool that has nothing: nodes come and go.
func (c *Client) drop(key poolKey, p *pool) {
	if len(p.conns) == 0 && p.dial == nil && c.pools[key] == p {
		delete(c.pools, key)
	}
}

func (c *Client) connect(key poolKey) (*conn, error) {
	silence := c.nodes.config.Silence
	ctx, cancel := context.WithTimeout(c.alive, silence)
	defer cancel()
	nc, err := c.nodes.config.connect(ctx, key.node)
	switch {
	case c.alive.Err() != nil:
		if err == nil {
			nc.Close()
		}
		return nil, final(ErrClosed)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("dial: no connection within %v", silence)
	case err != nil:
		return nil, fmt.Errorf("dial: %w", innermost(err))
	}
	if key.how == patient {
		silence = c.nodes.config.Patience
	}
	return newConn(nc, silence), nil
}
