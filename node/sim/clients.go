package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"herd/gossip"
	"herd/node"
	"herd/node/history"
	"herd/node/nodetest"
)

// clients is the way of commands to the nodes: connections on the node's own
// machine, which no fault but a pause touches. It is a [history.Transport].
type clients struct {
	herd     *nodetest.Herd
	recorder *history.Recorder
	broken   func(format string, args ...any) // tells of what must not happen

	mu   sync.Mutex // guards idle
	idle map[string][]*client
}

// client is a connection to one life of a node.
type client struct {
	*nodetest.Client
	process history.Process // zero: not known yet
}

// known tells whether it is known which life this is. A node does not say who it is before it is a
// member; once it has answered a command, it is.
func (c *client) known() bool {
	if c.process.Boot == 0 {
		c.process, _ = self(c.Node)
	}
	return c.process.Boot != 0
}

func newClients(h *nodetest.Herd, r *history.Recorder, broken func(string, ...any)) *clients {
	return &clients{herd: h, recorder: r, broken: broken, idle: make(map[string][]*client)}
}

// close ends the connections that are idle.
func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.idle {
		for _, client := range all {
			client.Close()
		}
	}
	clear(c.idle)
}

// Send gives a node a command and waits for the answer.
func (c *clients) Send(ctx context.Context, name, line string) (history.Reply, error) {
	client, err := c.take(name)
	if err != nil {
		return history.Reply{}, fmt.Errorf("%w: %w", history.ErrNotSent, err)
	}
	if client.known() && strings.HasPrefix(line, "WHATSAT") {
		c.hold(client)
	}
	var r history.Reply
	deadline, _ := ctx.Deadline()
	replies, err := client.AskUntil(deadline, line)
	if !client.known() && err == nil {
		err = fmt.Errorf("%s answers before it is a member", name)
		c.broken("%v", err)
	}
	r.Boot = client.process.Boot
	if err != nil {
		client.Close()
		return r, err
	}
	r.Text = replies[0]
	if strings.HasPrefix(line, "IAMAT") {
		for _, m := range client.Node.Members() {
			if m.InSync {
				r.Held = append(r.Held, processOf(&m))
			}
		}
		c.seen(client, r.Text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle[name] = append(c.idle[name], client)
	return r, nil
}

// take is a connection to the present life of a node.
func (c *clients) take(name string) (*client, error) {
	i := nodeNamed(name)
	if client := c.spare(name, c.herd.Node(i)); client != nil {
		return client, nil
	}
	d, err := c.herd.Dial(i) // not under mu: in a bubble time stands still while somebody waits for a lock
	if err != nil {
		return nil, err
	}
	return &client{Client: d}, nil
}

// spare is an idle connection to a life of a node; nil: there is none.
func (c *clients) spare(name string, life *node.Node) *client {
	c.mu.Lock()
	defer c.mu.Unlock()
	for all := c.idle[name]; len(all) > 0; all = c.idle[name] {
		last := all[len(all)-1]
		c.idle[name] = all[:len(all)-1]
		if last.Node == life {
			return last
		}
		last.Close()
	}
	return nil
}

// hold records whose leases a node has before it is asked: it must show all that they
// have acknowledged.
func (c *clients) hold(client *client) {
	inv := c.recorder.Now()
	var of []history.Process
	for _, m := range client.Node.Members() {
		if m.Leased {
			of = append(of, processOf(&m))
		}
	}
	if len(of) > 0 {
		c.recorder.Hold(history.Hold{Who: client.process, Of: of, Inv: inv})
	}
}

// seen looks, right after an AT line has come, whether all who hold a lease of the node that
// gave it have the fix. Clients would ask too late.
func (c *clients) seen(from *client, line string) {
	id, fix, err := history.ParseAt(line, maxAhead())
	if err != nil {
		c.broken("the answer %q: %v", line, err)
		return
	}
	for i := range maxNodes {
		if n, table := c.herd.Life(i); n == from.Node && n != nil && table.Refuses([]byte(id), &fix) {
			return // answered, and too old to be kept: nothing is promised
		}
	}
	for i := range maxNodes {
		n, table := c.herd.Life(i)
		if n == nil || n == from.Node {
			continue
		}
		leased := slices.ContainsFunc(n.Members(), func(m gossip.Member) bool {
			return m.Leased && processOf(&m) == from.process
		})
		if !leased {
			continue
		}
		e, ok := table.Held([]byte(id))
		if gone := table.Refuses([]byte(id), &fix) || table.Hides(&fix); (!ok || e.Compare(&fix) < 0) && !gone {
			c.broken("leased: %s holds a lease of %s and lacks %q", nodetest.NodeName(i), from.process, line)
		}
	}
}
