//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Nodes keep the clients that reported last, as many as may be and the same ones; who
// joins later does, too, even if it was told to keep next to nothing: most of the herd say
// otherwise. What is too old is answered, and nobody shows it.
func TestE2EBounds(t *testing.T) {
	const most, clients = 20, 60
	spec := func(name string, join ...string) spec {
		return spec{name: name, join: join, key: testKey(t.Name()), flags: []string{"--max-clients", fmt.Sprint(most), "--ttl", "1h", "--memory-limit", "64MiB"}}
	}
	first := start(t, spec("Bailey"))
	herd := []*process{first, start(t, spec("Bona", first.Ready.Gossip))}
	settle(t, herd)
	at := sessions(herd)
	for i := range clients {
		if _, err := at[i%2].report(fixNow(fmt.Sprint("client-", i))); err != nil {
			t.Fatal(err)
		}
	}
	strict := spec("Campbell", first.Ready.Gossip)
	strict.flags = []string{"--max-clients", "1", "--ttl", "1s", "--memory-limit", "1GiB"}
	herd = append(herd, start(t, strict))
	settle(t, herd)
	until(t, "all nodes keep as many clients as may be", func() bool {
		for _, p := range herd {
			if m := p.metrics(); m["herd_table_clients"] != most || m["herd_table_clients_limit"] != most { // that as of its last look
				return false
			}
		}
		return true
	})
	for i, p := range herd {
		s := p.session()
		for n := range clients {
			line, err := s.locate(fmt.Sprint("client-", n))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "AT ") != (n >= clients-most) {
				t.Errorf("%s: client %d: %q", p.spec.name, n, line)
			}
		}
		m := p.metrics()
		if m["herd_max_clients"] != most || m["herd_ttl_seconds"] != 3600 || m["herd_table_bytes_limit"] != 48<<20 || m["herd_table_clients_limit"] != most || m["herd_members_with_other_limits"] != []float64{1, 1, 2}[i] || m["herd_eviction_floor_timestamp_seconds"] == 0 {
			t.Errorf("%s: metrics show other limits: %v, %v, %v, %v, %v, floor %v", p.spec.name, m["herd_max_clients"], m["herd_ttl_seconds"], m["herd_table_bytes_limit"], m["herd_table_clients_limit"], m["herd_members_with_other_limits"], m["herd_eviction_floor_timestamp_seconds"])
		}
		want := "members are configured to other limits"
		if i == 2 {
			want = "this node is configured to other limits than most of the herd"
		}
		if !strings.Contains(p.logText(), want) {
			t.Errorf("%s does not say %q", p.spec.name, want)
		}
	}
	if n := herd[0].metrics()[`herd_clients_removed_total{reason="evicted"}`]; n != clients-most {
		t.Errorf("%v clients were removed, want %d", n, clients-most)
	}
	for id, age := range map[string]time.Duration{"client-0": time.Minute, "expired": 2 * time.Hour} {
		f := fixNow(id)
		f.time = fmt.Sprint(time.Now().Add(-age).Unix())
		if _, err := at[0].report(f); err != nil { // it is answered
			t.Error(err)
		}
		if line, err := at[0].locate(id); err != nil || line != "? WHATSAT "+id+" 0 0" {
			t.Errorf("%s is shown: %q, %v", id, line, err)
		}
	}
	if n := herd[0].metrics()["herd_updates_refused_total"]; n == 0 {
		t.Error("what is not kept is not counted")
	}
}

// Limits that make no sense are refused before a port is bound.
func TestE2EBadBounds(t *testing.T) {
	for flag, value := range map[string]string{"--max-clients": "-1", "--ttl": "1d"} {
		if code, out := herdVerb(t, "node", "--name", "Clark", flag, value); code != exitUsage || !strings.Contains(out, "herd."+strings.ReplaceAll(flag[2:], "-", "_")) {
			t.Errorf("%s %s: exit code %d: %s", flag, value, code, out)
		}
	}
}

// acks = a number waits for so many members, whichever are first; with fewer there it waits
// for those, and counts it.
func TestE2EAcks(t *testing.T) {
	const acks = 2
	var herd []*process
	for i := range acks + 2 {
		s := spec{name: devName(i), key: testKey(t.Name()), flags: []string{"--acks", fmt.Sprint(acks), "--ack-timeout", "1m"}}
		if i > 0 {
			s.join = []string{herd[0].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	s := herd[0].session()
	stopped := herd[1]
	if err := stopped.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// It is in sync for a minute yet, or until it is seen to be gone: longer than a test waits.
	f := fixNow("kiwi")
	if _, err := s.report(f); err != nil {
		t.Fatal(err)
	}
	if n := herd[0].metrics()["herd_batches_short_total"]; n != 0 {
		t.Errorf("%v batches were short with %d members there", n, acks)
	}
	herd[0].kill()
	for _, p := range herd[2:] {
		if missing, err := p.missing(book{f.id: f}); missing > 0 || err != nil {
			t.Errorf("%s lacks what was acknowledged (%v)", p.spec.name, err)
		}
	}
	stopped.kill()
	herd[2].kill()
	left := herd[3]
	until(t, "all others are known to be gone", func() bool { return left.metrics()["herd_links"] == 0 })
	if _, err := left.session().report(fixNow("emu")); err != nil {
		t.Fatal(err)
	}
	if n := left.metrics()["herd_batches_short_total"]; n == 0 {
		t.Error("acknowledged alone, and not counted")
	}
}

// Nodes with a disk that are killed all at once, or that start again at other ports one by
// one, find each other without a seed.
func TestE2ENoSeed(t *testing.T) {
	dir := t.TempDir()
	var herd []*process
	for i := range 3 {
		s := spec{name: devName(i), key: testKey(t.Name()), flags: []string{"--data-dir", filepath.Join(dir, devName(i))}}
		if i > 0 {
			s.join = []string{herd[0].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	known := func() { // on every disk is where all are
		until(t, "the address books are written", func() bool {
			for i, p := range herd {
				text, _ := os.ReadFile(filepath.Join(dir, p.spec.name, "members.json"))
				for j, other := range herd {
					if i != j && !strings.Contains(string(text), `"`+other.Ready.Gossip+`"`) {
						return false
					}
				}
			}
			return true
		})
	}
	known()
	each(herd, (*process).kill)
	for i, p := range herd {
		s := p.same()
		s.join = nil
		herd[i] = launch(t, s)
	}
	for _, p := range herd {
		p.waitReady()
	}
	settle(t, herd)
	for i, p := range herd {
		known()
		p.kill()
		s := p.spec
		s.join, s.client, s.gossip, s.http = nil, "", "", ""
		herd[i] = start(t, s)
		settle(t, herd)
	}
}
