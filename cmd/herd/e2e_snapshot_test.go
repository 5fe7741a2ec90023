//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// snapshotLines are the clients of a snapshot, without what the node that took them says of them.
func snapshotLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		var c struct {
			ID       string `json:"id"`
			Bytes    []byte `json:"id_base64"`
			Position string `json:"position"`
			Time     string `json:"time"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.ID != "" {
			all = append(all, fmt.Sprintf("%q %q %s %s", c.ID, c.Bytes, c.Position, c.Time))
		}
	}
	slices.Sort(all)
	return all
}

// What is saved from one herd and brought back to another is there as clients sent it; who
// has reported since stays where he is.
func TestE2ESnapshot(t *testing.T) {
	from := startHerd(t, 2)
	const n = 2500
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("IAMAT client-%d +%02d.500-%03d.2500 16214648%02d.%03d", i, i%90, i%180, i%100, i%1000))
	}
	lines = append(lines, "IAMAT \xff\xfe +1-2 5", `IAMAT "<&>" +0-0 0`)
	code, out := herdVerb(t, append([]string{"send", from[0].Ready.Client}, lines...)...)
	if code != exitDone || strings.Contains(out, "?") {
		t.Fatalf("send: exit code %d:\n%.300s", code, out)
	}
	settle(t, from) // the other one may have been put out of sync meanwhile
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	save := func(p *process, args ...string) {
		t.Helper()
		args = append([]string{"snapshot", "save", "--http-addr", p.Ready.HTTP}, args...)
		if code, out := herdVerb(t, args...); code != exitDone || !strings.Contains(out, fmt.Sprintf("saved %d clients", n+2)) {
			t.Fatalf("%s: exit code %d:\n%s", args, code, out)
		}
	}
	save(from[0], file("a.ndjson"))
	save(from[1], "--format", "geojson", file("a.geojson"))
	info, err := os.Stat(file("a.ndjson"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode is %v, error %v", info.Mode(), err)
	}
	want := snapshotLines(t, file("a.ndjson"))
	if len(want) != n+2 {
		t.Fatalf("%d clients were saved, want %d", len(want), n+2)
	}
	each(from, (*process).kill)

	for _, name := range []string{"a.ndjson", "a.geojson"} {
		to := start(t, spec{name: "Jaquez"})
		if status, answer := to.ask("PUT", "/v1/clients/client-7", `{"position":"+7-7","time":"1999999999"}`); status != http.StatusCreated {
			t.Fatalf("PUT: %d %s", status, answer)
		}
		code, out := herdVerb(t, "snapshot", "restore", "--http-addr", to.Ready.HTTP, file(name))
		if code != exitDone || !strings.Contains(out, fmt.Sprintf("restored %d, stale 1, refused 0, damaged 0", n+1)) {
			t.Fatalf("restore %s: exit code %d:\n%s", name, code, out)
		}
		save(to, file("b.ndjson"))
		got := snapshotLines(t, file("b.ndjson"))
		for i := range want {
			if got[i] != want[i] && got[i] != `"client-7" "" +7-7 1999999999` {
				t.Fatalf("from %s there is %s, want %s", name, got[i], want[i])
			}
		}
		to.kill()
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d files are left, want 3, error %v", len(entries), err)
	}
}
