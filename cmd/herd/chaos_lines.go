package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"herd/node/history"
)

// lineSender sends lines of the client protocol to the nodes of a herd, over connections that
// it keeps. It is a [history.Transport].
type lineSender struct {
	nodes map[string]*lineNode // static
}

type lineNode struct {
	*chaosNode
	mu   sync.Mutex // guards idle
	idle []*lineConn
}

// lineConn is a connection to one life of a node.
type lineConn struct {
	net.Conn
	r    *bufio.Reader
	boot uint64
}

// maxReplyBytes bounds what a node may answer to a line of ours, which asks for no place.
const maxReplyBytes = 64 << 10

func newLineSender(herd chaosHerd) *lineSender {
	l := &lineSender{nodes: map[string]*lineNode{}}
	for _, n := range herd {
		l.nodes[n.name] = &lineNode{chaosNode: n}
	}
	return l
}

// Send is history.Transport's.
func (l *lineSender) Send(ctx context.Context, node, line string) (history.Reply, error) {
	n := l.nodes[node]
	c := n.take()
	if c == nil {
		var err error
		if c, err = n.connect(ctx); err != nil {
			return history.Reply{}, fmt.Errorf("%w: %w", history.ErrNotSent, err)
		}
	}
	reply := history.Reply{Boot: c.boot}
	text, err := c.ask(ctx, line)
	if err != nil {
		c.Close()
		n.forget(c.boot) // as dead as this one, most likely
		return reply, err
	}
	reply.Text = text
	n.giveBack(c)
	return reply, nil
}

// take gives a connection that is idle; nil: there is none.
func (n *lineNode) take() *lineConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.idle) - 1
	if last < 0 {
		return nil
	}
	c := n.idle[last]
	n.idle = n.idle[:last]
	return c
}

func (n *lineNode) giveBack(c *lineConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, c)
}

// forget closes the idle connections to a life of the node.
func (n *lineNode) forget(boot uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	keep := n.idle[:0]
	for _, c := range n.idle {
		if c.boot == boot {
			c.Close()
		} else {
			keep = append(keep, c)
		}
	}
	n.idle = keep
}

// close ends all connections. Nobody sends any more.
func (l *lineSender) close() {
	for _, n := range l.nodes {
		for c := n.take(); c != nil; c = n.take() {
			c.Close()
		}
	}
}

// connect opens a connection to the node's life of now: one that was the same before
// and after.
func (n *lineNode) connect(ctx context.Context) (*lineConn, error) {
	before, err := n.self(ctx)
	if err != nil {
		return nil, err
	}
	dial := n.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", n.clients)
	if err != nil {
		return nil, err
	}
	after, err := n.self(ctx)
	if err == nil && after.boot != before.boot {
		err = errors.New("the node has been started again meanwhile")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &lineConn{conn, bufio.NewReader(conn), after.boot}, nil
}

// ask sends a line and reads the reply to it: one line, or the AT line of a client and
// a body that ends with an empty line.
func (c *lineConn) ask(ctx context.Context, line string) (string, error) {
	by, _ := ctx.Deadline()
	c.SetDeadline(by)
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	body := strings.HasPrefix(line, "WHATSAT ")
	var b strings.Builder
	for {
		part, err := c.r.ReadSlice('\n')
		b.Write(part)
		text := b.String()
		switch {
		case err != nil:
			return "", err
		case b.Len() > maxReplyBytes:
			return "", errors.New("a reply without an end")
		case !body || !strings.HasPrefix(text, "AT ") || strings.HasSuffix(text, "\n\n"):
			return text, nil
		}
	}
}

// selfInfo is what a node says of itself.
type selfInfo struct {
	boot  uint64
	ready bool
}

func (n *chaosNode) self(ctx context.Context) (selfInfo, error) {
	body, err := n.http.do(ctx, http.MethodGet, "/v1/self")
	if err != nil {
		return selfInfo{}, err
	}
	var s struct {
		Name, Origin string
		Ready        bool
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return selfInfo{}, fmt.Errorf("read what %s says of itself: %w", n.name, err)
	}
	boot, err := strconv.ParseUint(s.Origin, 16, 64)
	if err != nil || s.Name != n.name {
		return selfInfo{}, fmt.Errorf("another node answers at the HTTP address of %s", n.name)
	}
	return selfInfo{boot, s.Ready}, nil
}
