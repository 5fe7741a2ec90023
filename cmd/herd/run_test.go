package main

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
)

// realApp is an app whose nodes are real.
func realApp() *fakeApp {
	f := newFakeApp(fine)
	f.newNode = nodeMaker()
	return f
}

// do runs a verb to its end and returns what it prints.
func do(t *testing.T, args ...string) string {
	t.Helper()
	f := realApp()
	if code := f.run(t.Context(), args); code != exitDone {
		t.Fatalf("herd %s: exit code %d: %s", strings.Join(args, " "), code, &f.err)
	}
	return f.out.String()
}

// A whole herd and the verbs that talk to it, in one process.
func TestHerdInProcess(t *testing.T) {
	f := realApp()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := f.start(ctx, "dev", "--nodes", "3", "--base-port", "0", "--json")
	f.out.wait(t, "]\n")
	var herd []readyNode
	if err := json.Unmarshal([]byte(f.out.String()), &herd); err != nil || len(herd) != 3 {
		t.Fatalf("%v: %s", err, &f.out)
	}

	do(t, "members", "--wait", "3", "--interval", "10ms", "--http-addr", herd[2].HTTP)
	at := do(t, "send", herd[0].Client, "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503")
	if !strings.HasPrefix(at, "AT Bailey +") || !strings.HasSuffix(at, " kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503\n") {
		t.Errorf("got %q", at)
	}
	for _, n := range herd {
		got := do(t, "send", n.Client, "WHATSAT kiwi.cs.ucla.edu 10 3", "HELLO")
		body, first := strings.CutPrefix(got, at)
		body, last := strings.CutSuffix(body, "\n\n? HELLO\n")
		if !first || !last || !json.Valid([]byte(body)) || !strings.Contains(body, "California") {
			t.Errorf("%s answers %q", n.Name, got)
		}
	}

	do(t, "leave", "--http-addr", herd[1].HTTP)
	var list memberList
	for range ticks(t.Context(), 0) { // until the news has come
		text := do(t, "members", "--json", "--http-addr", herd[0].HTTP)
		if err := json.Unmarshal([]byte(text), &list); err != nil || list.Self != "Bailey" || len(list.Members) != 3 {
			t.Fatalf("%v: %s", err, text)
		}
		if list.Members[1].State == "left" {
			break
		}
	}
	for i, want := range []string{"alive", "left", "alive"} {
		if m := list.Members[i]; m.Name != herd[i].Name || m.State != want || m.Version != release {
			t.Errorf("got %+v, want it %s", m, want)
		}
	}

	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
}

// The message for a port in use has its flag, its address, and nothing twice.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, flag := range []string{"--client-addr", "--gossip-addr", "--http-addr"} {
		args := []string{"node", "--name", "Clark", "--client-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
		f := realApp()
		code := f.run(t.Context(), append(args, flag, addr))
		if want := "herd: " + flag + " " + addr + ": address already in use\n"; code != exitFailed || f.err.String() != want {
			t.Errorf("got exit code %d and %q, want %q", code, &f.err, want)
		}
	}
}
