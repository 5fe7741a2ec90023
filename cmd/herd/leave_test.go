package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A node that drains for longer than a verb is told to wait is waited for, whoever said how long.
func TestLeaveWaitsForDrain(t *testing.T) {
	for answer, want := range map[string]int{
		`{"state":"leaving","drain":"1m0s"}`: exitDone,
		`{"state":"leaving"}`:                exitUnmet,
		`{"state":"leaving","drain":"soon"}`: exitFailed,
	} {
		for _, form := range []string{"%s", "http://%s", "http://%s/", "http://%s/herd"} {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
			var conns atomic.Int32
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew && conns.Add(1) == 2 { // of the verb, that looks whether it is gone
					s.Listener.Close()
				}
			}
			s.Start()
			f := newFakeApp(fine)
			code := f.run(t.Context(), []string{"leave", "--timeout", "1ms", "--http-addr", fmt.Sprintf(form, s.Listener.Addr())})
			if code != want || (want == exitDone) != strings.Contains(f.out.String(), "has left") {
				t.Errorf("%s, %s: exit code %d: %s%s", form, answer, code, &f.out, &f.err)
			}
			s.Close()
		}
	}
}

// That a node can't be asked is not that it has ended.
func TestLeaveWithoutPort(t *testing.T) {
	for addr, want := range map[string]string{
		"http://herd.invalid": "herd.invalid:80", "https://herd.invalid/": "herd.invalid:443", "https://herd.invalid/a": "herd.invalid:443",
		"http://[::1]": "[::1]:80", "http://[::1]:4133/a/": "[::1]:4133", "127.0.0.1:4133": "127.0.0.1:4133",
	} {
		c := client{addr: addr}
		if got, err := c.port(); err != nil || got != want {
			t.Errorf("%s is at %q, %v", addr, got, err)
		}
	}
	c := client{addr: "http://herd.invalid"}
	var e *exit
	if err := c.waitGone(t.Context(), time.Millisecond); !errors.As(err, &e) || e.code != exitUnmet {
		t.Errorf("got %v", err)
	}
}
