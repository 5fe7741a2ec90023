package node

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"herd/config"
	"herd/config/certtest"
)

// tlsOf is what a configuration with these files makes.
func tlsOf(t *testing.T, certFile, keyFile, caFile string) *tls.Config {
	t.Helper()
	l, err := config.Load(nil, []string{"HERD_TLS_CERT_FILE=" + certFile, "HERD_TLS_KEY_FILE=" + keyFile, "HERD_TLS_CLIENT_CA_FILE=" + caFile}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l.TLS
}

// trusting is what a client has that trusts an authority, and shows a certificate if there
// is one.
func trusting(t *testing.T, ca *certtest.Authority, name string, pair ...string) *tls.Config {
	t.Helper()
	pair = append(pair, "", "")
	c, err := config.ClientTLS(ca.File, pair[0], pair[1])
	if err != nil {
		t.Fatal(err)
	}
	c.ServerName = name
	return c
}

// serveTLS runs a node on loopback with a certificate of that authority.
func serveTLS(t *testing.T, own *tls.Config, change ...func(*Config)) testNode {
	t.Helper()
	n := newTestNode(t, append(change, func(c *Config) {
		c.Settings.Client.Addr, c.Settings.HTTP.Addr, c.Listen, c.TLS = "127.0.0.1:0", "127.0.0.1:0", nil, own
	})...)
	n.start(t.Context())
	close(n.cluster.caughtUp)
	<-n.Ready()
	return n
}

// reportTLS sends an IAMAT over TLS and gives the first line of the reply.
func reportTLS(addr string, c *tls.Config) (string, error) {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "IAMAT kiwi +34-118 100\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// askTLS gets a path over HTTPS.
func askTLS(addr, path string, c *tls.Config) (int, error) {
	client := http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
	resp, err := client.Get("https://" + addr + path)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// Both ports know a client by its certificate, and show one that it can know them by.
func TestTLS(t *testing.T) {
	ca, stranger := certtest.New(t), certtest.New(t)
	cert, key := ca.Sign(30*24*time.Hour, "herd.test", "127.0.0.1")
	jane, janeKey := ca.Sign(time.Hour, "Jane")
	late, lateKey := ca.Sign(-time.Hour, "Jane")
	joe, joeKey := stranger.Sign(time.Hour, "Joe")
	n := serveTLS(t, tlsOf(t, cert, key, ca.File))
	for _, c := range []struct {
		name   string
		config *tls.Config
		line   bool // the client port answers
		self   int  // /v1/self does; 0: nothing
		livez  int
	}{
		{"its certificate is known", trusting(t, ca, "herd.test", jane, janeKey), true, 200, 200},
		{"it has none", trusting(t, ca, "herd.test"), false, 403, 200},
		{"its certificate has expired", trusting(t, ca, "herd.test", late, lateKey), false, 0, 0},
		{"its certificate is a stranger's", trusting(t, ca, "herd.test", joe, joeKey), false, 0, 0},
		{"it trusts somebody else", trusting(t, stranger, "herd.test", jane, janeKey), false, 0, 0},
		{"it looks for another name", trusting(t, ca, "other.test", jane, janeKey), false, 0, 0},
		{"it speaks too old a TLS", func() *tls.Config {
			c := trusting(t, ca, "herd.test", jane, janeKey)
			c.MaxVersion = tls.VersionTLS12
			return c
		}(), false, 0, 0},
	} {
		line, err := reportTLS(n.Addrs().Client, c.config)
		if got := strings.HasPrefix(line, "AT Clark "); got != c.line {
			t.Errorf("%s: an IAMAT is answered %q, %v", c.name, line, err)
		}
		for path, want := range map[string]int{"/v1/self": c.self, "/livez": c.livez} {
			if got, err := askTLS(n.Addrs().HTTP, path, c.config); got != want {
				t.Errorf("%s: %s is answered %d, %v; want %d", c.name, path, got, err, want)
			}
		}
	}
	conn, err := net.Dial("tcp", n.Addrs().Client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "IAMAT kiwi +34-118 100\n")
	if reply, err := io.ReadAll(conn); strings.Contains(string(reply), "kiwi") {
		t.Errorf("in the clear: %q, %v", reply, err)
	}
	if got := n.Stats(); got.Server.Handshakes == 0 || got.HTTPHandshakes == 0 {
		t.Errorf("handshakes that failed: %d and %d", got.Server.Handshakes, got.HTTPHandshakes)
	}
	if strings.Contains(n.log.String(), "[WARN]") {
		t.Errorf("the log warns of handshakes of strangers:\n%s", n.log)
	}
}

// An expired certificate is told of, and so is one that soon will be.
func TestCertificateEnds(t *testing.T) {
	ca := certtest.New(t)
	for good, want := range map[time.Duration]string{-time.Minute: "has expired", time.Hour: "expires soon", 30 * 24 * time.Hour: ""} {
		cert, key := ca.Sign(good, "herd.test")
		n := serveTLS(t, tlsOf(t, cert, key, ""))
		if log := n.log.String(); want == "" && strings.Contains(log, "certificate") || !strings.Contains(log, want) {
			t.Errorf("good for %v: want %q:\n%s", good, want, log)
		}
		if left := time.Until(time.Unix(n.Stats().CertificateEnds, 0)); left > good || left < good-time.Minute {
			t.Errorf("good for %v: ends in %v", good, left)
		}
	}
}

// A new certificate is shown to whoever comes next; connections go on with the old one.
func TestNewCertificate(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "old.test")
	n := serveTLS(t, tlsOf(t, cert, key, ""))
	conn, err := tls.Dial("tcp", n.Addrs().Client, trusting(t, ca, "old.test"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	replies := bufio.NewReader(conn)
	lives := func(i int) {
		t.Helper()
		fmt.Fprintf(conn, "IAMAT kiwi +34-118 %d\n", 100+i)
		if line, err := replies.ReadString('\n'); err != nil || !strings.HasPrefix(line, "AT Clark ") {
			t.Fatalf("line %d: %q, %v", i, line, err)
		}
	}
	lives(0)
	cert, key = ca.Sign(time.Hour, "new.test")
	if err := n.ReloadTo(&config.Loaded{Config: n.config.Settings, TLS: tlsOf(t, cert, key, "")}); err != nil {
		t.Fatal(err)
	}
	lives(1)
	for name, want := range map[string]bool{"old.test": false, "new.test": true} {
		line, err := reportTLS(n.Addrs().Client, trusting(t, ca, name))
		if got := strings.HasPrefix(line, "AT "); got != want {
			t.Errorf("%s: %q, %v", name, line, err)
		}
		if got, err := askTLS(n.Addrs().HTTP, "/livez", trusting(t, ca, name)); (got == 200) != want {
			t.Errorf("%s over HTTPS: %d, %v", name, got, err)
		}
	}
	lives(2)
}

// A port may be left in the clear.
func TestHalfTLS(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "herd.test")
	n := serveTLS(t, tlsOf(t, cert, key, ""), func(c *Config) { c.Settings.TLS.Clients = false })
	conn, err := net.Dial("tcp", n.Addrs().Client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "IAMAT kiwi +34-118 100\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "AT Clark ") {
		t.Errorf("got %q, %v", line, err)
	}
	if got, err := askTLS(n.Addrs().HTTP, "/livez", trusting(t, ca, "herd.test")); got != 200 {
		t.Errorf("over HTTPS: %d, %v", got, err)
	}
}
