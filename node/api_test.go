package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"herd/config"
	"herd/gossip"
	"herd/gossip/simnet"
)

// get asks the node over its HTTP port; if that is not served, its handler.
func (n testNode) get(t *testing.T, method, path string) (code int, body string) {
	t.Helper()
	return n.send(t, method, path, "")
}

// send is get with a body.
func (n testNode) send(t *testing.T, method, path, text string) (code int, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, addr string) (net.Conn, error) { return n.host.Dial(ctx, addr) },
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://10.0.0.1:4133"+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !n.serving() {
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, req)
		return w.Code, w.Body.String()
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// serving tells whether Run has begun and not ended.
func (n testNode) serving() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.ran:
		return false
	default:
		return n.ran != nil
	}
}

func TestMembers(t *testing.T) {
	n := newTestNode(t)
	since := time.Date(2026, 1, 2, 5, 4, 5, 0, time.FixedZone("", 2*60*60)) // answers are in UTC
	n.cluster.members = append(n.cluster.members, gossip.Member{
		Meta:  gossip.Meta{Name: "Bona", Origin: 0xb0, Client: "10.0.0.2:4131", HTTP: "10.0.0.2:4133", Version: "1.2.4"},
		State: gossip.Suspect, Since: since, Gossip: "10.0.0.2:4132", InSync: true, Leased: true, Acked: 7,
	})
	code, body := n.get(t, "GET", "/v1/members")
	var got struct {
		Self    string
		Members []map[string]any
	}
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil {
		t.Fatalf("got %d, %v, %s", code, err, body)
	}
	if got.Self != "Clark" || len(got.Members) != 2 {
		t.Fatalf("got %s", body)
	}
	for key, want := range map[string]any{
		"name": "Bona", "origin": "00000000000000b0", "state": "suspect", "since": "2026-01-02T03:04:05Z",
		"client": "10.0.0.2:4131", "gossip": "10.0.0.2:4132", "http": "10.0.0.2:4133",
		"version": "1.2.4", "in_sync": true, "leased": true, "acked": 7.0,
	} {
		if got.Members[1][key] != want {
			t.Errorf("%s: got %v, want %v", key, got.Members[1][key], want)
		}
	}
}

func TestSelf(t *testing.T) {
	n := newTestNode(t)
	n.cluster.sync = gossip.Sync{Behind: []string{"Bona"}}
	code, body := n.get(t, "GET", "/v1/self")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil {
		t.Fatalf("got %d, %v, %s", code, err, body)
	}
	if got["name"] != "Clark" || got["origin"] != "00000000000000c1" || got["ready"] != false || got["clients"] != 0.0 {
		t.Errorf("got %s", body)
	}
}

func TestReadyVerbose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.cluster.sync = gossip.Sync{Behind: []string{"Bona", "Campbell"}}
		member := func(name string, state gossip.MemberState, in, leased bool) gossip.Member {
			return gossip.Member{Meta: gossip.Meta{Name: name}, State: state, InSync: in, Leased: leased}
		}
		n.cluster.members = append(n.cluster.members, member("Bona", gossip.Alive, true, false),
			member("Campbell", gossip.Suspect, true, true), member("Gone", gossip.Failed, false, false), member("Jaquez", gossip.Alive, true, true))
		parting := member("Kodak", gossip.Alive, true, true)
		parting.Leaving = true
		n.cluster.members = append(n.cluster.members, parting)
		done := n.start(t.Context())
		synctest.Wait()
		const before = `[-] clients: not served at 10.0.0.1:4131
[-] table: catching up with Bona, Campbell
[-] member Bona: alive, in sync, not leased
[-] member Campbell: suspect, in sync, leased
[+] member Jaquez: alive, in sync, leased
[+] member Kodak: leaving, in sync, leased
not ready: catching up with Bona, Campbell
`
		if code, body := n.get(t, "GET", "/readyz?verbose"); code != 503 || body != before {
			t.Errorf("got %d\n%swant 503\n%s", code, body, before)
		}
		n.cluster.sync = gossip.Sync{CaughtUp: true}
		close(n.cluster.caughtUp)
		synctest.Wait()
		const after = `[+] clients: served at 10.0.0.1:4131
[+] table: caught up
`
		if code, body := n.get(t, "GET", "/readyz?verbose"); code != 200 || !strings.HasPrefix(body, after) || !strings.HasSuffix(body, "\nready\n") {
			t.Errorf("got %d\n%swant 200\n%s", code, body, after)
		}
		n.leave()
		<-done
	})
}

// What is wrong with a request is said in the form of RFC 9457.
func TestProblems(t *testing.T) {
	n := newTestNode(t)
	cases := []struct {
		method, path string
		header       [2]string
		code         int
		allow        string
	}{
		{"GET", "/v1/nothing", [2]string{}, 404, ""},
		{"GET", "/livez/", [2]string{}, 404, ""},
		{"DELETE", "/v1/members", [2]string{}, 405, "GET, HEAD"},
		{"GET", "/v1/leave", [2]string{}, 405, "POST"},
		{"POST", "/", [2]string{}, 405, "GET, HEAD"},
		{"POST", "/v1/leave", [2]string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"GET", "/v1/clients/kiwi/places", [2]string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"GET", "/v1/clients/kiwi/places?offline=1", [2]string{"Sec-Fetch-Site", "cross-site"}, 404, ""}, // no such client
		{"POST", "/v1/leave", [2]string{"Origin", "https://example.com"}, 403, ""},
	}
	for _, c := range cases {
		r := httptest.NewRequest(c.method, "http://10.0.0.1:4133"+c.path, nil)
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		var got struct {
			Title, Detail string
			Status        int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Status != c.code || got.Title != http.StatusText(c.code) || got.Detail == "" {
			t.Errorf("%s %s: %v: %s", c.method, c.path, err, w.Body)
		}
		if w.Code != c.code || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d %v, want %d", c.method, c.path, w.Code, w.Header(), c.code)
		}
	}
	if n.asked.Err() != nil {
		t.Error("a stranger's page made the node leave")
	}
}

// On loopback a name that a DNS server has pointed here is refused.
func TestRebinding(t *testing.T) {
	n := newTestNode(t, func(c *Config) {
		c.Settings.Client.Addr, c.Settings.HTTP.Addr = "127.0.0.1:0", "127.0.0.1:0"
		c.Listen = nil
	})
	for host, want := range map[string]int{
		"127.0.0.1:4133": 200, "127.0.0.1": 200, "localhost:4133": 200, "LOCALHOST": 200, "[::1]:4133": 200, "10.1.2.3:80": 200, "": 200,
		"evil.example:4133": 421, "evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:4133": 421,
	} {
		r := httptest.NewRequest("GET", "/livez", nil)
		r.Host = host
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: got %d, want %d", host, w.Code, want)
		}
	}
}

// Beyond loopback a page that changes something is refused under a name that a site may have, as long as
// there is neither a token nor TLS.
func TestRebindingBeyondLoopback(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	named := func(c *Config) {
		c.Settings.Gossip.AdvertiseAddr = "clark.example.com:4132"
	}
	secret := func(c *Config) { c.ReadTokens = []config.Secret{"read-0123456789abcdef"} }
	for _, test := range []struct {
		host   string
		config func(*Config)
		tls    bool
		want   int
	}{
		{host: "10.0.0.1:4133", want: 200},
		{host: "[fd00::1]:4133", want: 200},
		{host: "localhost", want: 200},
		{host: "", want: 200},
		{host: strings.ToUpper(machine) + ":4133", want: 200},
		{host: "clark:4133", want: 200},
		{host: "clark.internal:4133", want: 200},
		{host: "herd.default.svc:4133", want: 200},
		{host: "herd-0.herd.default.svc.cluster.local.:4133", want: 200},
		{host: "Clark.example.com:4133", config: named, want: 200},
		{host: "clark.example.com:4133", want: 421},
		{host: "evil.example:4133", config: named, want: 421},
		{host: "clark.internal.evil.example", want: 421},
		{host: "10.0.0.1.evil.example:4133", want: 421},
		{host: "notinternal.evilinternal:4133", want: 421},
		{host: "evil.example:4133", config: secret, want: 200},
		{host: "evil.example:4133", tls: true, want: 200}, // whose certificate this node does not have
	} {
		n := newTestNode(t, func(c *Config) {
			if test.config != nil {
				test.config(c)
			}
		})
		for origin, want := range map[string]int{"": 200, "http://" + test.host: test.want} {
			r := httptest.NewRequest("GET", "/livez", nil)
			if r.Host = test.host; test.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			w := httptest.NewRecorder()
			n.api.Handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("host %q, origin %q: got %d, want %d: %s", test.host, origin, w.Code, want, w.Body)
			}
		}
	}
}

// The list at "/" is what there is.
func TestIndex(t *testing.T) {
	n := newTestNode(t, func(c *Config) { c.Settings.Chaos = true })
	code, body := n.get(t, "GET", "/")
	if code != 200 {
		t.Fatalf("got %d", code)
	}
	for _, r := range n.routes() {
		if !strings.Contains(body, r.method+" ") || !strings.Contains(body, " "+r.path+" ") {
			t.Errorf("%s %s is not listed:\n%s", r.method, r.path, body)
		}
		if r.method == "GET" && !strings.Contains(r.path, "{") {
			method, target := "GET", r.path
			switch target {
			case "/v1/events":
				method = "HEAD" // the answer has no end
			case "/v1/near":
				target += "?lat=1&lon=1"
			}
			if code, _ := n.get(t, method, target); code != 200 && code != 503 {
				t.Errorf("%s: got %d", r.path, code)
			}
		}
	}
}

// The connection one too many is closed, and counted: of one host, and of all.
func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		done := n.start(t.Context())
		connect := func(from *simnet.Host) (conn net.Conn, refused bool) {
			before := n.Stats().HTTPRefused
			conn, err := from.Dial(t.Context(), "10.0.0.1:4133")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			synctest.Wait()
			return conn, n.Stats().HTTPRefused > before
		}
		var first net.Conn
		for i := range 4 {
			host := n.network.Host(fmt.Sprintf("10.0.1.%d", i))
			for j := range maxAPIConns / 4 {
				conn, refused := connect(host)
				if refused {
					t.Fatalf("connection %d of host %d is refused", j, i)
				}
				if first == nil {
					first = conn
				}
			}
			if i == 0 { // there is room for others alone
				if conn, refused := connect(host); !refused {
					t.Error("a host may have more than a quarter")
				} else if _, err := conn.Read(make([]byte, 1)); err == nil {
					t.Error("the one too many is served")
				}
			}
		}
		if _, refused := connect(n.host); !refused {
			t.Error("there is no bound of all")
		}
		first.Close()
		synctest.Wait()
		if code, _ := n.get(t, "GET", "/livez"); code != 200 {
			t.Errorf("got %d though there is room", code)
		}
		synctest.Wait() // until that one has ended
		if got := n.Stats(); got.HTTPConns != maxAPIConns-1 || got.HTTPRefused != 2 {
			t.Errorf("%d are open, %d were refused", got.HTTPConns, got.HTTPRefused)
		}
		n.leave()
		<-done
	})
}
