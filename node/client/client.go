package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// Client talks to a herd over the client protocol. It is safe for concurrent use, and meant to
// be shared: concurrent calls share connections.
type Client struct {
	nodes   nodes
	alive   context.Context // done: the client is closed
	close   context.CancelFunc
	running sync.WaitGroup // dials, and the goroutines of connections

	mu    sync.Mutex // guards pools and what is in them; held while alive ends
	pools map[poolKey]*pool
}

// New makes a client. It dials nobody before the first call. The caller owes a Close.
func New(c Config) (*Client, error) {
	c, err := c.filled(usual())
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	cl := &Client{nodes: nodes{config: c}, pools: make(map[poolKey]*pool)}
	cl.alive, cl.close = context.WithCancel(context.Background())
	return cl, nil
}

// Dial is [New], and a connection to one of the nodes. It fails if there is none.
func Dial(ctx context.Context, c Config) (*Client, error) {
	cl, err := New(c)
	if err != nil {
		return nil, err
	}
	err = cl.nodes.call(ctx, "dial", func(ctx context.Context, to node) error {
		_, err := cl.conn(ctx, poolKey{to, prompt})
		return err
	})
	if err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

// Close ends all connections and the calls that wait, which return [ErrClosed], and returns
// when nothing of the client runs any more. It may be called again.
func (c *Client) Close() error {
	c.mu.Lock()
	c.close()
	var all []*conn
	for _, p := range c.pools {
		all = append(all, p.conns...)
	}
	c.mu.Unlock()
	for _, conn := range all {
		conn.fail(ErrClosed)
	}
	c.running.Wait()
	return nil
}

// Report says where a client is and when it was there, and returns when every node in sync with
// the one that took the report has it. The fix names that node.
//
// It may be sent more than once, to other nodes, if the way to one breaks before the answer.
// That is safe: the report of the latest time wins, so a repeated one changes nothing if a
// later one came between; and if it does not, both say the same. An error is no proof that the
// herd does not have it.
func (c *Client) Report(ctx context.Context, id string, at Position, when Seconds) (Fix, error) {
	tail := " " + id + " " + string(at) + " " + string(when)
	k := command{line: "IAMAT" + tail + "\n", about: id, report: tail}
	if !isID(id) || !isField(string(at)) || !isField(string(when)) {
		return Fix{}, fmt.Errorf("report %s: %w", shorten(id), &InvalidError{"IAMAT" + tail})
	}
	a, err := c.do(ctx, "report "+shorten(id), prompt, k)
	return a.fix, err
}

// Locate returns the newest report of a client that the herd knows. An [InvalidError] is that
// it knows none.
func (c *Client) Locate(ctx context.Context, id string) (Fix, error) {
	a, err := c.ask(ctx, "locate "+shorten(id), prompt, id, 0, 0)
	return a.fix, err
}

// Places returns what is near a client: at most limit places, 0 to 20, within so many
// kilometres, 0 to 50. An [InvalidError] is that these are out of range or the herd does not
// know the client. That a provider of places has failed is no error: the Status says it.
func (c *Client) Places(ctx context.Context, id string, km float64, limit int) (Places, error) {
	a, err := c.ask(ctx, "places near "+shorten(id), patient, id, km, limit)
	return a.places, err
}

func (c *Client) ask(ctx context.Context, what string, how manner, id string, km float64, limit int) (answer, error) {
	line := "WHATSAT " + id + " " + strconv.FormatFloat(km, 'f', -1, 64) + " " + strconv.Itoa(limit)
	if !isID(id) {
		return answer{}, fmt.Errorf("%s: %w", what, &InvalidError{line})
	}
	return c.do(ctx, what, how, command{line: line + "\n", about: id, limit: limit})
}

// do has a command answered by whichever node does.
func (c *Client) do(ctx context.Context, what string, how manner, k command) (answer, error) {
	if line := k.line[:len(k.line)-1]; len(line) > c.nodes.config.MaxLine {
		return answer{}, fmt.Errorf("%s: %w", what, &InvalidError{line})
	}
	var a answer
	err := c.nodes.call(ctx, what, func(ctx context.Context, to node) (err error) {
		a, err = c.try(ctx, poolKey{to, how}, k)
		if err == nil && a.err != nil {
			return final(a.err)
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return a, nil
}

// try has a command answered by one node.
func (c *Client) try(ctx context.Context, key poolKey, k command) (answer, error) {
	for {
		conn, err := c.conn(ctx, key)
		if err != nil {
			return answer{}, err
		}
		k := &call{command: k, done: make(chan struct{})}
		select {
		case conn.slots <- struct{}{}:
		case <-conn.broken:
			continue // it is no connection of the pool any more
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
		if err := conn.send(k); err != nil {
			if errors.Is(err, errStale) {
				continue
			}
			return answer{}, err
		}
		select {
		case <-k.done:
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
		if errors.Is(k.err, ErrClosed) {
			return answer{}, final(k.err)
		}
		return k.answer, k.err
	}
}
