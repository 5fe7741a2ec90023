package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
)

// maxBody bounds what a node may answer to a verb: some ten thousand members.
const maxBody = 16 << 20

// client talks to the HTTP address of one node.
type client struct {
	addr   string // may have a scheme
	scheme string // if it has none; empty: as access says
	http   http.Client
	access *bearer // nil: neither tokens nor TLS

	tlsLines bool // the ports of clients speak TLS if the HTTP port does
}

// at is a client of another node of the herd, which is reached as this one.
func (c *client) at(addr string) client {
	scheme, _ := c.split()
	return client{addr, scheme, c.http, c.access, c.tlsLines}
}

func (c *client) split() (scheme, addr string) {
	for _, scheme := range []string{"http://", "https://"} {
		if addr, ok := strings.CutPrefix(c.addr, scheme); ok {
			return scheme, strings.TrimSuffix(addr, "/") // as browsers show it
		}
	}
	if c.scheme != "" {
		return c.scheme, c.addr
	}
	return c.access.scheme(), c.addr
}

// port is what requests go to, as host:port.
func (c *client) port() (string, error) {
	scheme, addr := c.split()
	u, err := url.Parse(scheme + addr)
	if err != nil {
		return "", usagef("%q is not an address: %w", c.addr, err)
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), usual)), nil
}

// request is one for a path of the node. An address from the command line has a port that can be:
// else port 80 would be asked, where nobody has put a node. Only a URL may have none, of a proxy.
func (c *client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	scheme, addr := c.split()
	bare := c.scheme == "" && !strings.HasPrefix(c.addr, scheme)
	_, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.ParseUint(port, 10, 16); bare && (err != nil || perr != nil || n == 0) {
		return nil, usagef("%q is not an address: it must be host:port with a port from 1 to 65535, like %s", c.addr, config.Default().HTTP.Addr)
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+addr+path, body)
	if err != nil {
		return nil, usagef("%q is not an address: %w", c.addr, err)
	}
	return r, nil
}

// httpAddrFlag gives a verb --http-addr: the same name, and variable, as the
// setting of the node.
func (a *app) httpAddrFlag(cmd *cobra.Command, c *client) {
	addr := cmp.Or(a.getenv("HERD_HTTP_ADDR"), config.Default().HTTP.Addr)
	if here, err := config.ResolveAddr(addr); err == nil { // else whoever asks there says that it is none
		addr = here
	}
	cmd.Flags().StringVar(&c.addr, "http-addr", addr, "HTTP address of the node to ask; with https:// in front if it speaks TLS")
	c.http.Timeout = 5 * time.Second
	a.accessFlags(cmd, c)
}

// do sends a request and returns the body of a good answer.
func (c *client) do(ctx context.Context, method, path string) ([]byte, error) {
	return c.send(ctx, method, path, nil)
}

// get asks for what is at a path, and reads the JSON of it into v.
func (c *client) get(ctx context.Context, path, what string, v any) error {
	body, err := c.do(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read %s from %s: %w", what, c.addr, err)
	}
	return nil
}

// send is do with a body, which goes as JSON.
func (c *client) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := c.request(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of %s to %s: %w", c.addr, path, err)
	case len(body) > maxBody:
		return nil, fmt.Errorf("the answer of %s to %s is longer than %d bytes", c.addr, path, maxBody)
	case resp.StatusCode/100 != 2:
		return nil, c.refused(resp, method, path, body)
	}
	return body, nil
}

// refusal is an answer that is no good one.
type refusal struct {
	status int
	detail string // what the node says of it; may be empty
	addr   string // the node
	what   string // the status, and to which request
	body   string
}

func (c *client) refused(resp *http.Response, method, path string, body []byte) *refusal {
	path, _, _ = strings.Cut(path, "?")
	says := detail(body)
	if says == "" && strings.Contains(string(body), "HTTP request to an HTTPS server") {
		says = "It speaks TLS: put https:// before its address, or give --ca-file."
	}
	what := fmt.Sprintf("%s to %s %s", resp.Status, method, path)
	if to := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && to != "" {
		says = "" // it is no node
		what += fmt.Sprintf(" and sends on to %s, which a node never does: nothing went there; if your node is there, give that address", printable(to))
	}
	return &refusal{resp.StatusCode, says, c.addr, what, string(body)}
}

// senseless tells whether it is for what was asked, which it will be the next time too.
func (r *refusal) senseless() bool {
	return r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity
}

// forGood tells whether the node will not take such a request, from this caller at least.
func (r *refusal) forGood() bool { return r.status/100 == 4 }

// forGood tells whether to ask again is no use: what was asked is wrong, refused to this caller, or no node's.
func forGood(err error) bool {
	var e *exit
	var refused *refusal
	return errors.As(err, &e) && e.code == exitUsage || errors.Is(err, errNoHTTP) || errors.As(err, &refused) && refused.forGood()
}

// Error is what the node says, if it says something: it knows what would be right.
func (r *refusal) Error() string {
	if r.detail == "" {
		return r.addr + " answers " + r.what
	}
	return r.addr + " says: " + strings.TrimSuffix(r.detail, ".")
}

// detail is what a node says of a request that it refuses; empty: nothing.
func detail(body []byte) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem) != nil {
		return ""
	}
	return problem.Detail
}

// unanswered is the error of a request that has no answer.
func (c *client) unanswered(err error) error {
	var own *exit // it was not sent
	if errors.As(err, &own) {
		return own
	}
	err = innermost(err)
	if errors.Is(err, context.Canceled) { // by who asked: it may be there
		return fmt.Errorf("ask %s: %w", c.addr, err)
	}
	if strings.Contains(err.Error(), "malformed HTTP") {
		err = errNoHTTP
	}
	return &exit{exitUnreachable, fmt.Errorf("no node answers at %s: %w", c.addr, err)}
}

// errNoHTTP is what a node's other ports are found to be, too.
var errNoHTTP = errors.New("what is there speaks no HTTP")

// innermost leaves out that a POST was posted: the address and the cause say it.
func innermost(err error) error {
	var op *net.OpError
	var asked *url.Error
	switch {
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &asked):
		return asked.Err
	}
	return err
}
