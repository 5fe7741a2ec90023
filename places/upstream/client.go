package upstream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"herd/places"
)

const (
	maxRedirects = 3
	maxHeader    = 64 << 10 // bytes of a reply's header
	maxIdle      = 64       // connections kept: as many as a chain has calls in flight
	idleTimeout  = 90 * time.Second

	// An HTTP/2 connection that died in silence would take every request with it
	// until TCP gives up, so a silent one is asked whether it lives.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
)

// Config is what a [Client] is made of. Zero fields take the default.
type Config struct {
	// BaseURL is what the paths of requests are added to: a scheme, a host and
	// perhaps a path. http is only for the loopback.
	BaseURL string

	// UserAgent is the header of that name. Default "herd".
	UserAgent string

	// ConnectTimeout bounds the look-up of the host with the dial, and the TLS
	// handshake likewise. Default 2 s.
	ConnectTimeout time.Duration

	// MaxBody is how many bytes a reply's body may have, decompressed. Default
	// 2 MiB.
	MaxBody int64

	// RootCAs are whom to believe that the host is the host. Default: those of
	// the system.
	RootCAs *x509.CertPool

	// DialContext makes the connections. Default: TCP.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client asks one server. Its methods may be called by many goroutines.
type Client struct {
	base    *url.URL
	agent   string
	maxBody int64
	http    http.Client
}

// New makes a client. It connects nowhere yet.
func New(c Config) (*Client, error) {
	base, err := parseBase(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	timeout := cmp.Or(c.ConnectTimeout, 2*time.Second)
	dial := c.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t := &once{Transport: &http.Transport{
		Proxy:                  proxy,
		DialContext:            dialIn(timeout, dial),
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeout,
		ForceAttemptHTTP2:      true, // own dialler and TLS would turn it off
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}}
	return &Client{
		base:    base,
		agent:   cmp.Or(c.UserAgent, "herd"),
		maxBody: cmp.Or(c.MaxBody, 2<<20),
		http:    http.Client{Transport: t, CheckRedirect: checkRedirect},
	}, nil
}

// parseBase repeats nothing of the URL in an error: it may hold a password.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("not a URL")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.User != nil:
		return nil, errors.New("it holds a user or a password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("it holds a query or a fragment")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("http is only for a host on the loopback; use https")
	}
	return nil, errors.New("its scheme is not https")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// proxy is http.ProxyFromEnvironment without its errors, which repeat the proxy's
// URL and a password in it.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errProxy
	}
	return u, nil
}

func dialIn(timeout time.Duration, dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return dial(ctx, network, addr)
	}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > maxRedirects:
		return redirectError("too often")
	case r.URL.Host != first.URL.Host:
		return redirectError("to another host")
	case r.URL.Scheme != first.URL.Scheme:
		return redirectError("to another scheme")
	case r.Method != first.Method:
		return redirectError("without the body")
	}
	r.Header.Del("Referer") // the URL before, and with it a key
	return nil
}

// Request is one question.
type Request struct {
	Path   string // added to the base URL's path; begins with a slash
	Query  url.Values
	Header http.Header
	Body   []byte // the method is POST if it is not nil, else GET

	// Secret is the key in the query or the header, if there is one. No error
	// holds it, and a reply that does is refused.
	Secret string
}

// Reply is what the server said, whatever its status.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte

	at time.Time // when its header came
}

// Do sends one request and reads the reply, until ctx is done at the latest. The
// error is a *[places.Error]; a status of failure is none: see [Reply.Err].
//
// A deadline of ctx that has passed makes it TimedOut and not Again: whether
// there is time for more is the caller's to know.
func (c *Client) Do(ctx context.Context, r Request) (*Reply, error) {
	req, err := c.request(ctx, r)
	if err != nil { // its text holds the URL
		return nil, &places.Error{Kind: places.Invalid, Err: errors.New("no request can be made of it")}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failure(ctx, err, r.Secret)
	}
	defer resp.Body.Close()
	reply := &Reply{Status: resp.StatusCode, Header: resp.Header, at: time.Now()}
	if reply.Body, err = c.read(resp); err != nil {
		return nil, failure(ctx, err, r.Secret)
	}
	if reply.Err() == nil && contains(reply.Body, r.Secret) {
		return nil, &places.Error{Kind: places.Unavailable, Err: ErrSecret}
	}
	return reply, nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+r.Path, ""
	u.RawQuery = r.Query.Encode()
	method, body := http.MethodGet, io.Reader(nil)
	if r.Body != nil {
		method, body = http.MethodPost, bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.Header)
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

func (c *Client) read(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > c.maxBody {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if int64(len(body)) > c.maxBody {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, &cutError{err}
	}
	return body, nil
}

// CloseIdle closes the connections that no request uses. The client may be used
// on.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }
