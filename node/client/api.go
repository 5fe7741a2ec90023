package client

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
	"strings"
	"time"
)

// maxAnswer bounds what a node may answer over HTTP: some ten thousand members, or a thousand
// clients.
const maxAnswer = 16 << 20

const maxHeader = 64 << 10 // bytes, of an answer

// idleTimeout is less than a node's, which would break a request that comes just then.
const idleTimeout = 45 * time.Second

// API talks to a herd over HTTP. It is safe for concurrent use.
type API struct {
	nodes nodes
	http  http.Client
}

// NewAPI makes a client of the HTTP API. The caller owes a Close.
func NewAPI(c Config) (*API, error) {
	c, err := c.filled(usualAPI())
	if err != nil {
		return nil, fmt.Errorf("make a client of the HTTP API: %w", err)
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{DialContext: c.Dial, DialTLSContext: c.dialTLS, MaxIdleConnsPerHost: c.Conns, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeader}
	}
	return &API{nodes: nodes{config: c}, http: http.Client{Transport: c.Transport, CheckRedirect: stay}}, nil
}

// asked is the key of the node that a request goes to, in its context.
type asked struct{}

// dialTLS connects to the node that a request goes to: its name is not in the URL, for a
// name may stand for several nodes.
func (c *Config) dialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	to, _ := ctx.Value(asked{}).(node)
	return c.connect(ctx, to)
}

// stay follows no redirect: a node sends none.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends connections that no call uses. Those of calls, and of streams, end with them.
func (a *API) Close() error {
	a.http.CloseIdleConnections()
	return nil
}

// Raw sends a request and returns the body of a good answer, as it came. It is for what has no
// method here. path has the query too. Body goes as JSON; nil: none. What fails to reach a node, and
// what that answers with 502, 503 or 504, is sent to the next one: it must be safe to send twice,
// or Rounds is 1 and there is one address.
func (a *API) Raw(ctx context.Context, method, path string, body []byte) (answer []byte, err error) {
	answer, _, err = a.from(ctx, &a.nodes, method, path, body)
	return answer, err
}

// from has one of some nodes answer, and tells which.
func (a *API) from(ctx context.Context, some *nodes, method, path string, body []byte) (answer []byte, by node, err error) {
	err = some.call(ctx, method+" "+route(path), func(ctx context.Context, to node) (err error) {
		answer, err = a.send(ctx, to, method, path, body)
		by = to
		return err
	})
	return answer, by, err
}

// route is a path without its query.
func route(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// get reads a JSON answer.
func (a *API) get(ctx context.Context, path string, v any) error {
	return a.json(ctx, http.MethodGet, path, nil, v)
}

func (a *API) json(ctx context.Context, method, path string, body []byte, v any) error {
	text, err := a.Raw(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, route(path), err)
	}
	return nil
}

// send asks one node.
func (a *API) send(ctx context.Context, to node, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.nodes.config.Patience, errSilent)
	defer cancel()
	resp, err := a.open(ctx, to, method, path, body, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", cause(ctx, err))
	case len(text) > maxAnswer:
		return nil, fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return text, nil
}

// open asks one node and returns its answer if that is a good one. The caller owes it a Close.
func (a *API) open(ctx context.Context, to node, method, path string, body []byte, header http.Header) (*http.Response, error) {
	scheme := "http://"
	if a.nodes.config.TLS != nil {
		scheme = "https://"
		ctx = context.WithValue(ctx, asked{}, to)
	}
	req, err := http.NewRequestWithContext(ctx, method, scheme+to.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, final(err)
	}
	req.Host = to.name
	for name, values := range header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.nodes.config.Token != nil {
		token, err := a.nodes.config.Token()
		if err != nil {
			return nil, final(fmt.Errorf("get the token: %w", err))
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, cause(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	err = refusal(resp, to, method, path)
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, err // another node may
	}
	return nil, final(err)
}

// refusal is what a node says of a request that it does not take.
func refusal(resp *http.Response, to node, method, path string) error {
	var problem struct {
		Detail string `json:"detail"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10)) // what can't be read says nothing
	if json.Unmarshal(text, &problem) != nil {
		problem.Detail = ""
	}
	return &StatusError{cmp.Or(to.name, to.addr), method, route(path), resp.StatusCode, problem.Detail}
}

// cause is why a request failed, without what its address says already.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return innermost(err)
}

// Self describes the node that answers.
func (a *API) Self(ctx context.Context) (s Self, err error) {
	err = a.get(ctx, "/v1/self", &s)
	return s, err
}

// Members is the herd, as the node that answers sees it.
func (a *API) Members(ctx context.Context) (m Members, err error) {
	err = a.get(ctx, "/v1/members", &m)
	return m, err
}

// ClientAddrs are where clients reach the members that are alive and take new ones, so not those
// that are leaving: what [New] takes as Addrs.
func (a *API) ClientAddrs(ctx context.Context) ([]string, error) {
	m, err := a.Members(ctx)
	if err != nil {
		return nil, err
	}
	var addrs []string
	for _, member := range m.Members {
		if member.State == Alive && !member.Leaving {
			addrs = append(addrs, member.Client)
		}
	}
	return addrs, nil
}

// Stats are figures of the node that answers.
func (a *API) Stats(ctx context.Context) (s Stats, err error) {
	err = a.get(ctx, "/v1/stats", &s)
	return s, err
}
