package nodetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"herd/node"
)

// patience is how long a client waits for all its replies.
const patience = 10 * time.Second

// Send gives a node the lines over one connection, all at once, and returns the
// replies, one for each, without their last newline.
func (h *Herd) Send(i int, lines ...string) []string {
	h.t.Helper()
	replies, err := h.Ask(i, lines...)
	if err != nil {
		h.t.Fatalf("ask %s: %v", h.nodes[i].name, err)
	}
	return replies
}

// Ask is Send for a node that may fail. It returns the replies that came. Any
// goroutine may call it.
func (h *Herd) Ask(i int, lines ...string) ([]string, error) {
	c, err := h.Dial(i)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Ask(lines...)
}

// Client is a connection to a node's client port.
type Client struct {
	net.Conn
	Node *node.Node // the life of it that this is a connection to
	r    *bufio.Reader
}

// Dial connects to a node as a client. The caller owes a Close. Any goroutine may
// call it.
func (h *Herd) Dial(i int) (*Client, error) {
	h.mu.Lock()
	p := h.nodes[i]
	host, ip, n := p.host, p.ip, p.node
	h.mu.Unlock()
	if n == nil {
		return nil, fmt.Errorf("%s does not run", p.name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// From the node's own machine: clients have a network that no test cuts.
	conn, err := host.Dial(ctx, net.JoinHostPort(ip, clientPort))
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.node != n { // the dial waited for another life, at the same address
		conn.Close()
		return nil, fmt.Errorf("%s has ended meanwhile", p.name)
	}
	return &Client{conn, n, bufio.NewReader(conn)}, nil
}

// Ask sends lines, all at once, and returns the replies that came.
func (c *Client) Ask(lines ...string) (replies []string, err error) {
	return c.AskUntil(time.Now().Add(patience), lines...)
}

// AskUntil is Ask with a deadline of its own.
func (c *Client) AskUntil(deadline time.Time, lines ...string) (replies []string, err error) {
	c.SetDeadline(deadline)
	if _, err := io.WriteString(c, strings.Join(lines, "\n")+"\n"); err != nil {
		return nil, err
	}
	for _, line := range lines {
		reply, err := c.reply(line)
		if err != nil {
			return replies, fmt.Errorf("reply to %q: %w", line, err)
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

// reply reads the reply to line: one line, or for a WHATSAT that is answered an AT
// line and a body that ends with an empty one.
func (c *Client) reply(line string) (string, error) {
	var b strings.Builder
	for {
		part, err := c.r.ReadString('\n')
		b.WriteString(part)
		text := b.String()
		switch {
		case err != nil:
			return text, err
		case !strings.HasPrefix(line, "WHATSAT") || !strings.HasPrefix(text, "AT "):
			return strings.TrimSuffix(text, "\n"), nil
		case strings.HasSuffix(text, "\n\n"):
			return strings.TrimSuffix(text, "\n\n"), nil
		}
	}
}

// HTTP asks a node's HTTP port and returns the answer's status and body.
func (h *Herd) HTTP(i int, method, path string) (status int, body string) {
	h.t.Helper()
	p := h.nodes[i]
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, addr string) (net.Conn, error) { return p.host.Dial(ctx, addr) },
	}}
	req, err := http.NewRequest(method, "http://"+net.JoinHostPort(p.ip, httpPort)+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		h.t.Fatalf("ask %s: %v", p.name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatalf("ask %s: %v", p.name, err)
	}
	return resp.StatusCode, string(text)
}
