package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// mute takes a connection and says nothing; heard is closed when something has come over it.
func mute(t *testing.T) (addr string, heard <-chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1))
		close(first)
		l.Accept() // until the test is over
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), first
}

// A verb that is interrupted says that, and neither that no node answers nor how long it was to wait.
func TestInterrupted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "herd.ndjson")
	if err := os.WriteFile(file, []byte(`{"id":"a","position":"+1-2","time":"1"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says string }{
		{"members --http-addr ADDR", ""},
		{"members --wait 3 --http-addr ADDR", ""},
		{"ready --http-addr ADDR", ""},
		{"ready --wait 1h --http-addr ADDR", ""},
		{"leave --http-addr ADDR", ""},
		{"clients --http-addr ADDR", ""},
		{"chaos status --http-addr ADDR", ""},
		{"walk --http-addr ADDR", ""},
		{"send ADDR HELLO", ""},
		{"snapshot save --http-addr ADDR -", ""},
		{"snapshot restore --client-addr ADDR " + file, "restore " + file + ": after 0 clients: "},
	} {
		addr, heard := mute(t)
		ctx, interrupt := context.WithCancel(t.Context())
		f := newFakeApp(fine)
		code := f.start(ctx, strings.Fields(strings.ReplaceAll(c.args, "ADDR", addr))...)
		select {
		case <-heard:
			interrupt()
			if got := <-code; got != exitInterrupted || f.err.String() != "herd: "+c.says+"interrupted\n" {
				t.Errorf("herd %s: exit code %d: %q", c.args, got, &f.err)
			}
		case got := <-code:
			t.Errorf("herd %s: ended before, with exit code %d: %q", c.args, got, &f.err)
		}
		interrupt()
	}
}

// Who waits between questions is interrupted as well.
func TestInterruptedWait(t *testing.T) {
	for args, says := range map[string]string{
		"members --wait 3 --interval 10ms": "interrupted",
		"leave":                            "interrupted: the node at ADDR goes on leaving",
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		var touched atomic.Int32
		touch := func() {
			if touched.Add(1) == 4 {
				interrupt()
			}
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			touch()
			fmt.Fprint(w, `{"self":"Clark","members":[]}`)
		}))
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				touch()
			}
		}
		s.Start()
		f := newFakeApp(fine)
		addr := s.Listener.Addr().String()
		code := f.run(ctx, append(strings.Fields(args), "--timeout", "1h", "--http-addr", addr))
		if want := "herd: " + strings.ReplaceAll(says, "ADDR", addr) + "\n"; code != exitInterrupted || f.err.String() != want {
			t.Errorf("herd %s: exit code %d: %q", args, code, &f.err)
		}
		interrupt()
		s.Close()
	}
}
