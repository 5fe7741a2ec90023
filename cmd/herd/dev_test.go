package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDev(t *testing.T) {
	f := newFakeApp(fine)
	ready := filepath.Join(t.TempDir(), "ready.json")
	ctx, stop := context.WithCancel(t.Context())
	code := f.start(ctx, "dev", "--nodes", "6", "--base-port", "5000", "--ready-file", ready)
	f.out.wait(t, "Try: herd send 127.0.0.1:5000")

	const table = `
NODE      CLIENTS         GOSSIP          HTTP
Bailey    127.0.0.1:5000  127.0.0.1:5001  http://127.0.0.1:5002
Bona      127.0.0.1:5010  127.0.0.1:5011  http://127.0.0.1:5012
Campbell  127.0.0.1:5020  127.0.0.1:5021  http://127.0.0.1:5022
Clark     127.0.0.1:5030  127.0.0.1:5031  http://127.0.0.1:5032
Jaquez    127.0.0.1:5040  127.0.0.1:5041  http://127.0.0.1:5042
Node6     127.0.0.1:5050  127.0.0.1:5051  http://127.0.0.1:5052
`
	if !strings.Contains(f.out.String(), table) {
		t.Errorf("got:\n%s\nwant in it:%s", &f.out, table)
	}
	text, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	var all []readyNode
	if err := json.Unmarshal(text, &all); err != nil || len(all) != 6 || all[5].Name != "Node6" {
		t.Errorf("ready file: %v, %s", err, text)
	}
	for i, n := range f.nodes {
		if len(n.loaded.Keys) != 1 || len(n.loaded.Keys[0]) != 32 || !bytes.Equal(n.loaded.Keys[0], f.nodes[0].loaded.Keys[0]) {
			t.Errorf("node %d: the key is not the herd's", i)
		}
		if join := n.loaded.Config.Gossip.Join; i > 0 && (len(join) != 1 || join[0] != f.nodes[i-1].Addrs().Gossip) {
			t.Errorf("node %d joins %v", i, join)
		}
	}

	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
	f.out.wait(t, "All 6 nodes have left.")
	if _, err := os.Stat(ready); err == nil {
		t.Error("the ready file is left behind")
	}
}

// Whatever fails, all that was opened is closed and the exit code says so.
func TestDevFailures(t *testing.T) {
	for name, prepare := range map[string]func(int, *fakeNode) error{
		"bind": func(i int, _ *fakeNode) error {
			if i == 2 {
				return errFake
			}
			return nil
		},
		"run": func(i int, n *fakeNode) error {
			if i == 2 {
				n.fail = errFake
			}
			return nil
		},
	} {
		f := newFakeApp(prepare)
		if code := f.run(t.Context(), []string{"dev"}); code != exitFailed || !strings.Contains(f.err.String(), "the port is taken") {
			t.Errorf("%s: got exit code %d and %q", name, code, &f.err)
		}
		for i, n := range f.nodes {
			if !n.closed {
				t.Errorf("%s: node %d is not closed", name, i)
			}
		}
	}
}

func TestDevJSON(t *testing.T) {
	f := newFakeApp(fine)
	ctx, stop := context.WithCancel(t.Context())
	code := f.start(ctx, "dev", "--json", "--nodes", "1", "--base-port", "0")
	f.out.wait(t, "]\n")
	stop()
	<-code
	var all []readyNode
	if err := json.Unmarshal([]byte(f.out.String()), &all); err != nil || all[0].Client != "127.0.0.1:0" {
		t.Errorf("got %v from %s", err, &f.out)
	}
}

// TestDevPlaces: flag and variables make the same chain for all nodes.
func TestDevPlaces(t *testing.T) {
	f := newFakeApp(fine)
	f.environ = []string{"HERD_PLACES_EMBEDDED_RANK=distance", "HERD_NAME=no one", "HERD_CLIENT_ADDR=nowhere"}
	ctx, stop := context.WithCancel(t.Context())
	code := f.start(ctx, "dev", "--nodes", "2", "--places-order", "./campus.csv,embedded")
	f.out.wait(t, "Try: herd send")
	for i, n := range f.nodes {
		p := n.loaded.Config.Places
		if file, ok := p.File("campus"); !slices.Equal(p.Order, []string{"file.campus", "embedded"}) || !ok || file.Path != "./campus.csv" || p.Embedded.Rank != "distance" {
			t.Errorf("node %d: %+v", i, p)
		}
	}
	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}

	f = newFakeApp(fine)
	if c := <-f.start(t.Context(), "dev", "--places-order", "gogle"); c != exitUsage || !strings.Contains(f.err.String(), "places_order") {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
}
