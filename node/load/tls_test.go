package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/config"
	"herd/config/certtest"
)

// listenTLS serves the fake over TLS.
func (f *fakeHerd) listenTLS(t *testing.T, certFile, keyFile string) (addr string) {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serve := func(conn net.Conn) {
		defer conn.Close()
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if _, err := conn.Write([]byte(f.reply("", lines.Text()))); err != nil {
				return
			}
		}
	}
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

// All kinds of load speak TLS, with who is trusted alone.
func TestTLS(t *testing.T) {
	ca := certtest.New(t)
	trusted, err := config.ClientTLS(ca.File, "", "")
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeHerd()
	certFile, keyFile := ca.Sign(time.Hour, "127.0.0.1")
	c := Config{
		Addrs: []string{f.listenTLS(t, certFile, keyFile)}, Protocol: Herd, Connections: 4, Clients: 10,
		Updates: 1, Queries: 1, Limit: 5, Duration: 500 * time.Millisecond, TLS: trusted,
	}
	if r := run(t, t.Context(), c); !r.Good() || r.Commands == 0 {
		t.Errorf("closed loop: %+v", r)
	}
	c.Rate = 1000
	if r := run(t, t.Context(), c); !r.Good() || r.Commands == 0 {
		t.Errorf("open loop: %+v", r)
	}
	r, err := Reconnect(t.Context(), c)
	if err != nil || r.Failed() > 0 || r.Commands == 0 {
		t.Errorf("reconnecting: %+v, %v", r, err)
	}
	h, err := Hold(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if n, _, err := h.Ask(t.Context()); n != c.Connections || err != nil {
		t.Errorf("held: %d of %d answered: %v", n, c.Connections, err)
	}
	if trusted.ServerName != "" {
		t.Error("what all connections share was changed")
	}

	if c.TLS, err = config.ClientTLS(certtest.New(t).File, "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), c); !errors.Is(err, ErrHandshake) || !strings.Contains(err.Error(), c.Addrs[0]) {
		t.Errorf("with a certificate of a stranger: %v", err)
	}
}
