package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func fine(int, *fakeNode) error { return nil }

func TestNodeReadyFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	if err := os.WriteFile(file, []byte("of one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	made, written := make(chan struct{}), make(chan struct{})
	f := newFakeApp(func(_ int, n *fakeNode) error {
		n.begin = func() {
			defer close(made)
			if _, err := os.Stat(file); err == nil {
				t.Error("the file says ready before the node is")
			}
		}
		return nil
	})
	go func() { // the file appears in one step, so seeing it is seeing all of it
		defer close(written)
		<-made
		for range ticks(ctx, 0) {
			if _, err := os.Stat(file); err == nil {
				return
			}
		}
	}()
	code := f.start(ctx, "node", "--name", "Clark", "--client-addr", "127.0.0.1:5", "--ready-file", file)
	select {
	case <-written:
	case c := <-code:
		t.Fatalf("exit code %d: %s", c, &f.err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got readyNode
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	want := readyNode{"Clark", "127.0.0.1:5", "127.0.0.1:4132", "127.0.0.1:4133", os.Getpid()}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if !f.nodes[0].closed {
		t.Error("the node is not closed")
	}
}

// TestNodeEarlyHangup: a SIGHUP that comes before there is a node ends nothing and is
// not forgotten.
func TestNodeEarlyHangup(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	made := make(chan *fakeNode, 1)
	f := newFakeApp(func(_ int, n *fakeNode) error {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		made <- n
		return self.Signal(syscall.SIGHUP)
	})
	code := f.start(ctx, "node", "--name", "Clark", "--places-embedded-rank", "distance")
	if got := <-(<-made).reloaded; got.Embedded.Rank != "distance" {
		t.Errorf("reloaded %+v", got)
	}
	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
}

// A second node that can't have the ports leaves the file of the first alone.
func TestNodeReadyFileOfAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(file, []byte("of one that runs"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFakeApp(func(int, *fakeNode) error { return errFake })
	if code := f.run(t.Context(), []string{"node", "--name", "Clark", "--ready-file", file}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file of another node is gone: %v", err)
	}
}

func TestNodeFailures(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "no")
	cases := []struct {
		name    string
		prepare func(int, *fakeNode) error
		args    []string
		code    int
		say     string
	}{
		{"bind", func(int, *fakeNode) error { return errFake }, nil, exitFailed, "herd: the port is taken\n"},
		{"run", func(_ int, n *fakeNode) error { n.fail = errFake; return nil }, nil, exitFailed, "herd: the port is taken\n"},
		{"ready file", fine, []string{"--ready-file", filepath.Join(nowhere, "such")}, exitFailed, "write the ready file: " + filepath.Join(nowhere, "such") + ": there is no folder " + nowhere},
		{"log file", fine, []string{"--log-file", t.TempDir()}, exitFailed, "open the log file: "},
		{"address", fine, []string{"--gossip-addr", `{{ GetInterfaceIP "no-such-interface" }}:4132`}, exitFailed, "The template finds no address on this machine."},
		{"template", fine, []string{"--gossip-addr", `{{ GetInterfaceAddr }}:4132`}, exitUsage, "The template can't be used"},
		{"configuration", fine, []string{"--log-level", "loud"}, exitUsage, "Invalid value for log.level"},
	}
	for _, c := range cases {
		f := newFakeApp(c.prepare)
		code := f.run(t.Context(), append([]string{"node", "--name", "Clark"}, c.args...))
		if code != c.code || !strings.Contains(f.err.String(), c.say) {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", c.name, code, &f.err, c.code, c.say)
		}
	}
}

// Who reads the log file alone finds why a node ended there, and standard error says it
// once.
func TestNodeFailureInLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "herd.log")
	f := newFakeApp(func(_ int, n *fakeNode) error { n.fail = errFake; return nil })
	code := f.run(t.Context(), []string{"node", "--name", "Clark", "--log-file", file})
	text, err := os.ReadFile(file)
	if code != exitFailed || err != nil || strings.Count(string(text), "the port is taken") != 1 {
		t.Errorf("exit code %d, %v; the file says %q", code, err, text)
	}
	if strings.Count(f.err.String(), "the port is taken") != 1 {
		t.Errorf("standard error says %q", &f.err)
	}
}
