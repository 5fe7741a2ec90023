//go:build unix

package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	flagDiskClients  = flag.Int("disk-clients", 0, "how many silent clients are on disk when nodes are started again; 0: none, or as HERD_E2E says")
	flagDiskInterval = flag.Bool("disk-interval", false, "the herd that is cut off has its disks synced once a second, not always")
	flagMissed       = flag.Int("missed", 0, "how many updates a node misses that is away; 0: as HERD_E2E says")
)

// startDurable starts n nodes with data folders of their own.
func startDurable(t *testing.T, n int, flags ...string) (herd []*process, folders []string) {
	t.Helper()
	for i := range n {
		folders = append(folders, filepath.Join(t.TempDir(), "data"))
		s := spec{name: devName(i), key: testKey(t.Name()), flags: append([]string{"--data-dir", folders[i]}, flags...)}
		if i > 0 {
			s.join = []string{herd[i-1].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	return herd, folders
}

// relaunch starts nodes that were all killed. They have seeds: an address book may lack
// whom a node has met in its last second.
func relaunch(t *testing.T, herd []*process) (slowest time.Duration) {
	t.Helper()
	for i, p := range herd {
		s := p.same()
		s.join = nil
		for _, other := range herd {
			s.join = append(s.join, other.Ready.Gossip)
		}
		herd[i] = launch(t, s)
	}
	for _, p := range herd {
		slowest = max(slowest, p.waitReady())
	}
	return slowest
}

// All nodes are killed at once under load, and each time one data folder is deleted, one
// has a file cut short and one a wrong bit: what was acknowledged is there. A disk that is late by
// ack_timeout is not waited for, so that is longer than a busy machine has a sync take.
//
//	HERD_E2E=full go test ./cmd/herd -run PowerCut -v -disk-clients 1000000 -timeout 1h
//
// With -disk-interval what was acknowledged a second before is there, and how much of the newest
// is not is logged.
func TestE2EPowerCut(t *testing.T) {
	s, sync := sizes(), "always"
	if *flagDiskInterval {
		sync = "interval"
	}
	herd, folders := startDurable(t, 5, "--sync", sync, "--ack-timeout", "10s")
	known := book{}
	if *flagDiskClients > 0 {
		known = fill(t, herd[0], *flagDiskClients)
		until(t, "all is on disk", func() bool { return onDisk(herd, *flagDiskClients) })
	}
	for round := range s.cuts {
		l := startLoad(t, herd, s.load)
		until(t, "the load is on", func() bool { return l.answered.Load() > int64(s.load) })
		if *flagDiskInterval {
			maps.Copy(known, l.soFar())
			<-time.After(time.Second)
		}
		each(herd, (*process).stand) // else the last one to go would acknowledge alone
		each(herd, (*process).kill)
		newest := l.report(t, herd...)
		if !*flagDiskInterval {
			maps.Copy(known, newest)
		}
		hurt := rand.Perm(len(herd))
		if err := os.RemoveAll(folders[hurt[0]]); err != nil {
			t.Fatal(err)
		}
		damage(t, folders[hurt[1]], func(b []byte) []byte { return b[:rand.IntN(len(b))] })
		damage(t, folders[hurt[2]], func(b []byte) []byte { b[rand.IntN(len(b))] ^= 1 << rand.IntN(8); return b })
		ready := relaunch(t, herd)
		settled := settle(t, herd)
		checkAll(t, herd, known)
		if *flagDiskInterval {
			lost, err := herd[0].missing(newest)
			t.Logf("round %d: the last fixes of %d of %d clients are lost, %v", round, lost, len(newest), err)
		}
		t.Logf("round %d: all ready after %v, all in sync after %v more", round, ready.Round(time.Millisecond), settled.Round(time.Millisecond))
	}
}

// onDisk tells whether each node has so many clients at least, and has written them.
func onDisk(herd []*process, clients int) bool {
	for _, p := range herd {
		m := p.metrics()
		if sum(m, "herd_table_clients") < float64(clients) || sum(m, "herd_journal_queue_bytes") > 0 {
			return false
		}
	}
	return true
}

// damage changes one file of a journal.
func damage(t *testing.T, folder string, change func([]byte) []byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "journal", "*.*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no journal in %s: %v", folder, err)
	}
	name := names[rand.IntN(len(names))]
	b, err := os.ReadFile(name)
	if err == nil && len(b) > 0 {
		err = os.WriteFile(name, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A node that was away brings what it has on disk, and gets what it has missed.
//
//	go test ./cmd/herd -run AwayAndBack -v -disk-clients 1000000 -missed 50000 -timeout 1h
func TestE2EAwayAndBack(t *testing.T) {
	s := sizes()
	herd, _ := startDurable(t, 3, "--sync-interval", "50ms")
	if *flagDiskClients > 0 {
		s.clients = *flagDiskClients
	}
	known := fill(t, herd[0], s.clients)
	until(t, "all is on disk", func() bool { return onDisk(herd[2:], s.clients) })
	code, _ := herd[2].stop(os.Interrupt)
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	missed := max(20, s.clients/100)
	if *flagMissed > 0 {
		missed = *flagMissed
	}
	at := herd[0].session()
	for i := range missed {
		f := fixNow(fmt.Sprintf("client-%d", i))
		if _, err := at.report(f); err != nil {
			t.Fatal(err)
		}
		known[f.id] = f
	}
	again := herd[2].same()
	again.join = []string{herd[0].Ready.Gossip}
	herd[2] = launch(t, again)
	took := herd[2].waitReady()
	checkAll(t, herd[2:], known)
	m := herd[2].metrics()
	if loaded := m["herd_journal_loaded_fixes"]; loaded < float64(s.clients) {
		t.Errorf("%.0f fixes loaded, want %d", loaded, s.clients)
	}
	came := sum(m, "herd_updates_received_total")
	if came > 3*float64(missed) {
		t.Errorf("%.0f fixes came from others, %d were missed", came, missed)
	}
	t.Logf("ready after %v: %.0f fixes came, %d were missed", took.Round(time.Millisecond), came, missed)
}

// A folder has one node at a time, and one that no node can use is said.
func TestE2EDataFolder(t *testing.T) {
	herd, folders := startDurable(t, 1)
	info, err := os.Stat(folders[0])
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v: want a folder of this user alone", info.Mode(), err)
	}
	for _, c := range []struct{ folder, says string }{
		{folders[0], "in use by another process"},
		{filepath.Join(herd[0].log, "data"), "not a directory"},
	} {
		code, out := herdVerb(t, "node", "--name", "Other", "--client-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--data-dir", c.folder)
		if code != exitFailed || !strings.Contains(out, c.says) || !strings.Contains(out, "storage.data_dir") {
			t.Errorf("%s: exit code %d, says %q", c.folder, code, out)
		}
	}
}
