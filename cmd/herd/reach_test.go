package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"herd/node/load"
)

// An address on loopback is that of another machine, unless the one that said it is on this one.
func TestReaches(t *testing.T) {
	for _, tt := range []struct {
		asked, addr string
		want        bool
	}{
		{"127.0.0.1:4133", "127.0.0.1:4131", true},
		{"127.0.0.1:4133", "10.0.0.1:4131", true},
		{"http://localhost", "[::1]:4131", true},
		{"[::1]:4133", "127.0.0.1:4131", true},
		{"0.0.0.0:4133", "127.0.0.1:4131", true},
		{":4133", "127.0.0.1:4131", true},
		{"10.0.0.1:4133", "10.0.0.1:4131", true},
		{"10.0.0.1:4133", "127.0.0.1:4131", false},
		{"10.0.0.1:4133", "localhost:4131", false},
		{"https://herd.example.com", "[::1]:4131", false},
	} {
		c := client{addr: tt.asked}
		if got := c.reaches(tt.addr); got != tt.want {
			t.Errorf("through %s, %s: got %t", tt.asked, tt.addr, got)
		}
	}
}

// answers stands in for the network of HTTP.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// What another machine has on loopback is not looked for on this one.
func TestElsewhere(t *testing.T) {
	list := memberList{Self: "Clark", Members: []member{{Name: "Clark", State: "alive", Client: "127.0.0.1:4131", HTTP: "127.0.0.1:4133"}}}
	asked := []string{}
	far := client{addr: "10.0.0.1:4133", http: http.Client{Transport: answers(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		asked = append(asked, r.URL.Host)
		json.NewEncoder(w).Encode(list)
		return w.Result(), nil
	})}}
	f := newFakeApp(fine)
	restore := &restoreVerb{app: &f.app, client: far}
	walk := &walkVerb{app: &f.app, client: far, walk: load.WalkConfig{Every: 1e9, Connections: 1, Duration: 1e9}}
	walk.crowd.Clients, walk.crowd.Speed = 1, 1
	chaos := &chaosRunVerb{chaosVerb: chaosVerb{app: &f.app, client: far}, rate: 10}
	for name, do := range map[string]func() error{
		"restore": func() error { _, err := restore.dial(t.Context()); return err },
		"walk":    func() error { return walk.complete(t.Context(), nil) },
		"chaos":   func() error { _, err := chaos.begin(t.Context()); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "clients connect to 127.0.0.1:4131, which is on loopback") {
			t.Errorf("%s: got %v", name, err)
		}
	}

	// Others of the herd may be reached.
	list.Members = append(list.Members, member{Name: "Bona", State: "alive", Client: "10.0.0.2:4131", HTTP: "127.0.0.1:4143"})
	if err := walk.complete(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "10.0.0.2:4131 is not on loopback") {
		t.Errorf("got %v", err)
	}
	herd, err := chaos.find(t.Context())
	if err != nil || len(herd) != 2 || len(herd.up()) != 1 {
		t.Errorf("got %v, %v", herd.names(), err)
	}
	if slices.ContainsFunc(asked, func(host string) bool { return host != far.addr }) {
		t.Errorf("asked %q", asked)
	}
}

// Through a tunnel the asked node is on loopback, and its address of clients leads to another
// node, of this machine. That gets one report and no more.
func TestTunnel(t *testing.T) {
	var name atomic.Value // of the node that has the port of clients
	var reports atomic.Int32
	lines := serveLines(t, func(line string) string {
		tail, ok := strings.CutPrefix(line, "IAMAT")
		if ok {
			reports.Add(1)
		} else {
			tail = " client-0 +1-2 5" // WHATSAT
			tail = strings.Replace(tail, "client-0", strings.Fields(line)[1], 1)
		}
		reply := fmt.Sprintf("AT %s +0.000000001%s\n", name.Load(), tail)
		if !ok {
			reply += "{\"results\":[],\"status\":\"OK\"}\n\n"
		}
		return reply
	})
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/self" {
			io.WriteString(w, `{"name":"Clark","origin":"0000000000000001","ready":true}`)
			return
		}
		at := r.Context().Value(http.LocalAddrContextKey)
		json.NewEncoder(w).Encode(memberList{Self: "Clark", Members: []member{
			{Name: "Clark", Origin: "0000000000000001", State: "alive", Client: lines, HTTP: fmt.Sprint(at)},
		}})
	}))
	t.Cleanup(node.Close)
	file := filepath.Join(t.TempDir(), "herd.ndjson")
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "{\"id\":\"client-%d\",\"position\":\"+1-2\",\"time\":\"5\"}\n", i)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	verbs := [][]string{
		{"snapshot", "restore", file},
		{"walk", "--clients", "1", "--duration", "100ms", "--every", "50ms", "--connections", "1"},
		{"chaos", "report", "--for", "2s", "--clients", "1", "--rate", "10"},
	}
	for _, args := range verbs {
		name.Store("Bona")
		reports.Store(0)
		f := newFakeApp(fine)
		code := f.run(t.Context(), append(args, "--http-addr", node.Listener.Addr().String()))
		if code != exitUsage || reports.Load() != 1 || !strings.Contains(f.err.String(), "Bona took a report, and is no member of the herd") {
			t.Errorf("%q: exit code %d after %d reports: %s", args[0], code, reports.Load(), &f.err)
		}
	}

	name.Store("Clark")
	for _, args := range verbs[:2] {
		reports.Store(0)
		f := newFakeApp(fine)
		if code := f.run(t.Context(), append(args, "--http-addr", node.Listener.Addr().String())); code != exitDone || reports.Load() < 2 {
			t.Errorf("%q: exit code %d after %d reports: %s", args[0], code, reports.Load(), &f.err)
		}
	}
}
