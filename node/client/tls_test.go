package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"herd/config"
	"herd/config/certtest"
)

// pair is a certificate of an authority for names, as a server has it.
func pair(t *testing.T, ca *certtest.Authority, names ...string) *tls.Config {
	t.Helper()
	cert, key := ca.Sign(time.Hour, names...)
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// trust is what a client has that trusts an authority.
func trust(t *testing.T, ca *certtest.Authority) *tls.Config {
	t.Helper()
	c, err := config.ClientTLS(ca.File, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A node has to show a certificate for the name by which it is meant, of whom the client
// trusts; of several the one that can is taken.
func TestTLS(t *testing.T) {
	ca, stranger := certtest.New(t), certtest.New(t)
	serve := func(own *tls.Config) (addr string) {
		l, err := tls.Listen("tcp", "127.0.0.1:0", own)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					line := make([]byte, 100)
					if n, err := conn.Read(line); err == nil {
						io.WriteString(conn, "AT Clark +0.500000000 "+string(line[len("IAMAT "):n]))
						conn.Read(line) // until the client ends
					}
				}()
			}
		}()
		return l.Addr().String()
	}
	good, bad := serve(pair(t, ca, "herd.test")), serve(pair(t, stranger, "herd.test"))
	resolve := func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	named := func(addr string) string {
		_, port, _ := net.SplitHostPort(addr)
		return "herd.test:" + port
	}
	for _, c := range []struct {
		what  string
		addrs []string
		ok    bool
	}{
		{"by its name", []string{named(good)}, true},
		{"by a number", []string{good}, false},
		{"signed by a stranger", []string{named(bad)}, false},
		{"one of two", []string{named(bad), named(good)}, true},
	} {
		cl, err := New(Config{Addrs: c.addrs, Rounds: 1, TLS: trust(t, ca), Resolve: resolve})
		if err != nil {
			t.Fatal(err)
		}
		_, err = cl.Report(t.Context(), "kiwi", "+34-118", "100")
		cl.Close()
		var unknown x509.UnknownAuthorityError
		var name x509.HostnameError
		if (err == nil) != c.ok || !c.ok && !errors.As(err, &unknown) && !errors.As(err, &name) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// The same over HTTP.
func TestTLSOfAPI(t *testing.T) {
	ca, stranger := certtest.New(t), certtest.New(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	s.TLS, s.Config.ErrorLog = pair(t, ca, "herd.test"), log.New(io.Discard, "", 0) // who trusts nobody ends it
	s.StartTLS()
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for who, trusted := range map[string]*certtest.Authority{"herd.test:" + port: ca, "127.0.0.1:" + port: nil, "other.test:" + port: nil} {
		for _, by := range []*certtest.Authority{ca, stranger} {
			a, err := NewAPI(Config{Addrs: []string{who}, Rounds: 1, TLS: trust(t, by), Resolve: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Raw(t.Context(), "GET", "/v1/self", nil)
			a.Close()
			if (err == nil) != (by == trusted) {
				t.Errorf("%s: %v", who, err)
			}
		}
	}
}
