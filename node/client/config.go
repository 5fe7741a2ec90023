package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Config says where the nodes of a herd are, and how long to try. Only Addrs is needed.
type Config struct {
	// Addrs are addresses of nodes, host:port: for [New] those for clients, for [NewAPI] those
	// for HTTP. One that is alive is enough. A name stands for all its addresses, which are
	// looked up anew whenever a node has failed.
	Addrs []string

	// Timeout is how long a call may take with all its tries, in addition to what its context
	// says: 20 s if it is 0, 30 s for [NewAPI].
	Timeout time.Duration

	// Silence is after how long without an answer a node is taken to be stuck, and the next one
	// is tried: 2 s if it is 0. A dial may take as long.
	Silence time.Duration

	// Patience is the same where a node may have to wait for others: for places 6 s if it is 0,
	// over HTTP 10 s.
	Patience time.Duration

	// Rounds is how often each node is tried for one call; 0: as often as there is time for.
	Rounds int

	// Conns is how many connections may be open to one node for reports, and as many for
	// questions about places: 4 if it is 0. Calls share them, without waiting for each other's
	// answers. For [New] alone.
	Conns int

	// MaxLine is the longest line that nodes take, in bytes: 4096 if it is 0. Longer ones are
	// refused here. For [New] alone.
	MaxLine int

	// Token is called before each request for the token that the nodes ask for; nil: none is
	// sent. For [NewAPI] alone.
	Token func() (string, error)

	// Transport carries requests; nil: one that uses Dial. For [NewAPI] alone.
	Transport http.RoundTripper

	// Dial connects to a node; nil: by a [net.Dialer]. addr has the host by number.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLS is for nodes whose ports speak it; nil: they speak in the clear. Without a
	// ServerName a node has to show a certificate for its name, or number, in Addrs.
	TLS *tls.Config

	// Resolve finds the addresses of a host name; nil: the system's resolver does.
	Resolve func(ctx context.Context, host string) ([]string, error)
}

// usual is what a [Config] that says nothing means, for [New].
func usual() Config {
	return Config{Timeout: 20 * time.Second, Silence: 2 * time.Second, Patience: 6 * time.Second, Conns: 4, MaxLine: 4096}
}

// usualAPI is the same for [NewAPI].
func usualAPI() Config {
	c := usual()
	c.Timeout, c.Patience = 30*time.Second, 10*time.Second
	return c
}

// filled is c with the usual values where it says nothing.
func (c Config) filled(usual Config) (Config, error) {
	if len(c.Addrs) == 0 {
		return c, errors.New("no address of a node is given")
	}
	for _, addr := range c.Addrs {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return c, fmt.Errorf("%q is not an address: host:port is", addr)
		}
	}
	c.Timeout, c.Silence, c.Patience = cmp.Or(c.Timeout, usual.Timeout), cmp.Or(c.Silence, usual.Silence), cmp.Or(c.Patience, usual.Patience)
	c.Conns, c.MaxLine = cmp.Or(c.Conns, usual.Conns), cmp.Or(c.MaxLine, usual.MaxLine)
	if c.Timeout < 0 || c.Silence < 0 || c.Patience < 0 || c.Rounds < 0 || c.Conns < 0 || c.MaxLine < 0 {
		return c, errors.New("a bound is less than nothing")
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Resolve == nil {
		c.Resolve = net.DefaultResolver.LookupHost
	}
	return c, nil
}

// connect dials a node and, over TLS, has it prove that it is who is meant.
func (c *Config) connect(ctx context.Context, to node) (net.Conn, error) {
	conn, err := c.Dial(ctx, "tcp", to.addr)
	if err != nil || c.TLS == nil {
		return conn, err
	}
	config := c.TLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(to.name)
	}
	ciphered := tls.Client(conn, config)
	if err := ciphered.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return ciphered, nil
}
