package upstream

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"herd/places"
)

const canary = "canary-+/=&<key>"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBaseURL(t *testing.T) {
	for _, tt := range []struct{ url, want string }{ // want is in the error
		{"https://places.example", ""},
		{"https://places.example/under/here/", ""},
		{"http://localhost:80", ""},
		{"http://127.1.2.3", ""},
		{"http://[::1]:1", ""},
		{"", "no host"},
		{"https:places.example", "not a URL"},
		{"https://", "no host"},
		{"https://:443", "no host"},
		{"http://places.example", "use https"},
		{"http://localhost.example", "use https"},
		{"http://10.0.0.1", "use https"},
		{"ftp://places.example", "scheme"},
		{"https://me:" + canary + "@places.example", "not a URL"},
		{"https://me:canary-@places.example", "password"},
		{"https://places.example/?key=canary-", "query"},
		{"https://places.example/#canary-", "fragment"},
		{"https://places.example:canary-", "not a URL"},
	} {
		_, err := New(Config{BaseURL: tt.url})
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", tt.url, err, tt.want)
		}
	}
}

// serve gives a client of a server that answers with the handler.
func serve(t *testing.T, secure bool, h http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	c := Config{}
	if secure {
		s.StartTLS()
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(s.Certificate())
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	c.BaseURL = s.URL + "/base/"
	return newClient(t, c), s
}

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client
}

// ask puts the canary wherever a key may be.
func ask(ctx context.Context, c *Client) (*Reply, error) {
	return c.Do(ctx, Request{
		Path: "/near", Query: url.Values{"key": {canary}}, Header: http.Header{"X-Key": {canary}}, Secret: canary,
	})
}

func TestDo(t *testing.T) {
	c, _ := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Proto", r.Proto)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Method, " ", r.URL, " ", r.UserAgent(), " ", r.Header.Get("X-Key") == canary, " ", string(body))
	})
	reply, err := ask(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if want := "GET /base/near?key=" + url.QueryEscape(canary) + " herd true "; string(reply.Body) != want || reply.Status != http.StatusTeapot {
		t.Errorf("got %d %s, want 418 %s", reply.Status, reply.Body, want)
	}
	if proto := reply.Header.Get("X-Proto"); proto != "HTTP/2.0" {
		t.Errorf("spoke %s", proto)
	}
	reply, err = c.Do(t.Context(), Request{Path: "/v1/places:near", Body: []byte("{}")})
	if err != nil || string(reply.Body) != "POST /base/v1/places:near herd false {}" {
		t.Errorf("got %+v, %v", reply, err)
	}
}

// fails asks and sees what comes of it, and that no secret and no URL is in it.
func fails(t *testing.T, c *Client, ctx context.Context, kind places.Kind, again bool, cause error) {
	t.Helper()
	_, err := ask(ctx, c)
	var e *places.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *places.Error", err)
	}
	if e.Kind != kind || e.Again != again || !errors.Is(err, cause) {
		t.Errorf("got %v (again %t), want %s (again %t): %v", err, e.Again, kind, again, cause)
	}
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "canary") || strings.Contains(text, "://") {
			t.Errorf("the error tells too much: %s", text)
		}
	}
}

func TestFailures(t *testing.T) {
	deny := func(conn net.Conn, text string) { _, _ = io.WriteString(conn, text); _ = conn.Close() }
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			deny(conn, text)
		}
	}
	for _, tt := range []struct {
		name  string
		reply string
		again bool
		cause error
	}{
		{"closed", "", true, ErrBroken},
		{"no HTTP", "220 " + canary + " https://x.example/?key=" + canary + "\r\n", true, ErrBroken},
		{"cut header", "HTTP/1.1 200 OK\r\nContent-Le", true, ErrBroken},
		{"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", true, ErrBroken},
		{"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nshort", true, ErrBroken},
		{"said to be large", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", false, ErrTooLarge},
		{"large", "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 2<<20+1), false, ErrTooLarge},
		{"large header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), true, ErrBroken},
		{"repeats the key", "HTTP/1.1 200 OK\r\n\r\n" + url.QueryEscape(canary), false, ErrSecret},
		{"to another host", "HTTP/1.1 302 Found\r\nLocation: http://evil.example/?key=" + canary + "\r\n\r\n", false, ErrRedirect},
		{"to another port", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", false, ErrRedirect},
		{"to another scheme", "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1:1/\r\n\r\n", false, ErrRedirect},
		{"in a circle", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", false, ErrRedirect},
		{"to nowhere", "HTTP/1.1 302 Found\r\nLocation: http://[" + canary + "\r\n\r\n", true, ErrBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := serve(t, false, hijack(tt.reply))
			fails(t, c, t.Context(), places.Unavailable, tt.again, tt.cause)
		})
	}
	t.Run("refused", func(t *testing.T) {
		c, s := serve(t, false, nil)
		s.Close()
		fails(t, c, t.Context(), places.Unavailable, true, ErrConnect)
	})
	t.Run("untrusted", func(t *testing.T) {
		_, s := serve(t, true, nil)
		fails(t, newClient(t, Config{BaseURL: s.URL}), t.Context(), places.Unavailable, false, ErrTLS)
	})
	t.Run("no TLS", func(t *testing.T) {
		_, s := serve(t, false, hijack(""))
		fails(t, newClient(t, Config{BaseURL: "https" + strings.TrimPrefix(s.URL, "http")}), t.Context(), places.Unavailable, false, ErrTLS)
	})
	t.Run("unknown host", func(t *testing.T) {
		c := newClient(t, Config{BaseURL: "https://places.example", DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "places.example", IsNotFound: true}}
		}})
		fails(t, c, t.Context(), places.Unavailable, false, ErrUnknownHost)
	})
}

// TestSameHost: a redirect within the host is followed, the method kept.
func TestSameHost(t *testing.T) {
	c, _ := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/near" {
			w.Header().Set("Location", "/there?"+r.URL.RawQuery)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprint(w, r.Method, r.URL.Path, r.Referer())
	})
	for range 2 { // on a new connection, on a kept one
		reply, err := ask(t.Context(), c)
		if err != nil || string(reply.Body) != "GET/there" {
			t.Errorf("got %+v, %v", reply, err)
		}
	}
}

// TestOnce: a request on a kept connection that breaks is not sent again, and
// nothing but its header is.
func TestOnce(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var calls atomic.Int32
		c, _ := serve(t, secure, func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
				t.Errorf("a body of %d, %q", r.ContentLength, r.TransferEncoding)
			}
			if calls.Add(1)%2 == 0 {
				panic(http.ErrAbortHandler)
			}
		})
		for range 2 {
			if _, err := ask(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			fails(t, c, t.Context(), places.Unavailable, true, ErrBroken)
		}
		if n := calls.Load(); n != 4 {
			t.Errorf("TLS %t: %d calls, want 4", secure, n)
		}
	}
}

// inMemory dials the handler through pipes; a nil one takes the connection and is
// silent.
func inMemory(t *testing.T, h http.Handler) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			if h == nil {
				_, _ = io.Copy(io.Discard, far)
			} else {
				_ = http.Serve(&oneConn{conn: far}, h)
			}
		}()
		t.Cleanup(func() { _ = far.Close() })
		return near, nil
	}
}

type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}
func (*oneConn) Close() error   { return nil }
func (*oneConn) Addr() net.Addr { return &net.UnixAddr{} }

func TestDeadlines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		base  string
		dial  func(*testing.T) func(context.Context, string, string) (net.Conn, error)
		after time.Duration // when the context is done
		take  time.Duration
		again bool
		cause error
	}{
		{"dial", "https://places.example", func(*testing.T) func(context.Context, string, string) (net.Conn, error) {
			return func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}, time.Minute, 2 * time.Second, true, ErrConnect},
		{"TLS", "https://places.example", func(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
			return inMemory(t, nil)
		}, time.Minute, 2 * time.Second, true, ErrConnect},
		{"header", "http://localhost", func(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
			return inMemory(t, nil)
		}, 5 * time.Second, 5 * time.Second, false, context.DeadlineExceeded},
		{"body", "http://localhost", func(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
			return inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
					}
				}
			}))
		}, 5 * time.Second, 5 * time.Second, false, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, Config{BaseURL: tt.base, DialContext: tt.dial(t)})
				ctx, cancel := context.WithTimeout(t.Context(), tt.after)
				defer cancel()
				start := time.Now()
				fails(t, c, ctx, places.TimedOut, tt.again, tt.cause)
				if took := time.Since(start); took != tt.take {
					t.Errorf("took %s, want %s", took, tt.take)
				}
			})
		})
	}
}

func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, Config{BaseURL: "http://localhost", DialContext: inMemory(t, nil)})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		fails(t, c, ctx, places.Canceled, false, context.Canceled)
	})
}
