package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A node is asked whether it is ready, again if that is wanted; what it says is passed on.
func TestReadyVerb(t *testing.T) {
	var asked atomic.Int32
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL)
		}
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("not ready: catching up with Bona\n"))
			return
		}
		w.Write([]byte("ready\n"))
	}))
	defer node.Close()
	for _, c := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{[]string{"ready"}, exitUnmet, "", "is not ready: catching up with Bona"},
		{[]string{"ready", "--json"}, exitUnmet, `"ready": false,` + "\n" + `  "says": "not ready: catching up with Bona"`, "not ready"},
		{[]string{"ready", "--wait", "1m"}, exitDone, "is ready.\n", ""},
		{[]string{"ready", "--json"}, exitDone, `"ready": true,` + "\n" + `  "says": "ready"`, ""},
	} {
		f := newFakeApp(fine)
		code := f.run(t.Context(), append(c.args, "--http-addr", node.Listener.Addr().String()))
		if code != c.code || !strings.Contains(f.out.String(), c.out) || !strings.Contains(f.err.String(), c.err) {
			t.Errorf("%s: exit code %d, %q and %q", c.args, code, &f.out, &f.err)
		}
	}
}

// The variable of the node's address serves the verbs, though it is a template.
func TestReadyAtTemplate(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	f := newFakeApp(fine)
	f.environ = []string{`HERD_HTTP_ADDR={{ "` + host + `" }}:` + port}
	if code := f.run(t.Context(), []string{"ready"}); code != exitDone || f.out.String() != "The node at "+s.Listener.Addr().String()+" is ready.\n" {
		t.Errorf("exit code %d: %s%s", code, &f.out, &f.err)
	}
}
