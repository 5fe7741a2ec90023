package gossip

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Nodes that start again find each other without a seed: one after the other at another
// address, or all at once.
func TestNoSeedNeeded(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.books = t.TempDir()
		h.startFirst(3)
		known := func() { time.Sleep(2 * bookEvery) } // to disk
		for i := range 3 {
			known()
			n := h.nodes[0]
			h.kill(n)
			h.startAs(n.name, fmt.Sprintf("10.0.1.%d", i+1))
			h.await("one view", 30*time.Second, h.oneView)
		}
		known()
		all := slices.Clone(h.nodes)
		for _, n := range all {
			h.kill(n)
		}
		for _, n := range all {
			h.startAs(n.name, n.ip)
		}
		h.await("one view", 30*time.Second, h.oneView)
		for _, n := range h.nodes {
			h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
			if e := n.Stats().BookErrors; e > 0 {
				t.Errorf("%s: %d errors", n.name, e)
			}
		}
	})
}

// A book that can't be read is ignored, said and written anew; one that can't be written
// is said.
func TestDamagedBook(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.books = t.TempDir()
		if err := os.WriteFile(filepath.Join(h.books, "node0"), []byte(`{"version":1,"members":[{"addr":"10.`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(h.books, "node1", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		h.startFirst(2)
		time.Sleep(2 * bookEvery)
		if n := h.log.count("the address book can't be read"); n != 2 {
			t.Errorf("%d nodes say that they can't read their books, want 2", n)
		}
		if e, err := readBook(filepath.Join(h.books, "node0")); err != nil || len(e) != 1 || e[0].Addr != h.nodes[1].addr() {
			t.Errorf("the damaged book is now %v, %v", e, err)
		}
		if h.log.count("the address book can't be written") != 1 || h.nodes[1].Stats().BookErrors < 2 {
			t.Error("that a book can't be written is not said, or not counted")
		}
		if left, _ := filepath.Glob(filepath.Join(h.books, ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestParseBook(t *testing.T) {
	entry := func(addr string) string { return `{"addr":"` + addr + `","seen":"2026-01-02T03:04:05Z"}` }
	many := strings.Repeat(entry("10.0.0.1:1")+",", maxMembers) + entry("10.0.0.1:1")
	for _, c := range []struct {
		text string
		want int // entries; -1: refused
	}{
		{`{"version":1,"members":[]}`, 0},
		{`{"version":1,"members":[` + entry("10.0.0.1:4132") + `,` + entry("[::1]:4132") + `]}` + "\n", 2},
		{`{"version":1,"members":[` + entry("10.0.0.1:4132") + `],"later":"more"}`, 1},
		{"", -1},
		{"\x00\x00\x00\x00", -1},
		{`{"version":1,"members":[`, -1},
		{`{"version":2,"members":[]}`, -1},
		{`{"version":1,"members":[]} {}`, -1},
		{`{"version":1,"members":[` + entry("herd.example:4132") + `]}`, -1},
		{`{"version":1,"members":[` + entry("10.0.0.1") + `]}`, -1},
		{`{"version":1,"members":[` + entry("10.0.0.1:0") + `]}`, -1},
		{`{"version":1,"members":[` + entry("0.0.0.0:4132") + `]}`, -1},
		{`{"version":1,"members":[{"addr":"10.0.0.1:4132","seen":"yesterday"}]}`, -1},
		{`{"version":1,"members":[` + many + `]}`, -1},
		{`{"version":1,"members":[]}` + strings.Repeat(" ", maxBookFile), -1},
	} {
		got, err := parseBook([]byte(c.text))
		if (err != nil) != (c.want < 0) || err == nil && len(got) != c.want {
			t.Errorf("%.60q: %d entries, %v, want %d", c.text, len(got), err, c.want)
		}
	}
}

// What is recalled is no younger than it was, and not kept for longer.
func TestRecall(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *herd) {
		wall := time.Now()
		b := newBook("10.0.0.1:1", nil, net.DefaultResolver)
		b.recall([]bookEntry{
			{"10.0.0.1:1", wall}, // this node
			{"10.0.0.2:1", wall.Add(time.Hour)},
			{"10.0.0.3:1", wall.Add(-time.Hour)},
			{"10.0.0.4:1", wall.Add(-remember - time.Second)},
		}, wall)
		if want := []string{"10.0.0.2:1", "10.0.0.3:1"}; !slices.Equal(b.recalled, want) {
			t.Errorf("recalled %v, want %v", b.recalled, want)
		}
		time.Sleep(remember - time.Hour + time.Second)
		b.note(nil)
		if e := b.entries(time.Now()); len(e) != 1 || e[0].Addr != "10.0.0.2:1" {
			t.Errorf("kept %v", e)
		}
		name := filepath.Join(t.TempDir(), "book")
		if err := writeBook(name, b.entries(wall)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
		full := make([]bookEntry, maxMembers)
		for i := range full {
			full[i] = bookEntry{"[2001:db8:1111:2222:3333:4444:5555:6666]:65535", wall}
		}
		if err := writeBook(name, full); err != nil {
			t.Fatal(err)
		}
		if e, err := readBook(name); err != nil || len(e) != maxMembers {
			t.Errorf("a full book: %d entries, %v", len(e), err)
		}
	})
}
