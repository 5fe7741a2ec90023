package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"herd/cmd/herd/internal/netlab"
)

// troubleDisk is how many bytes the disk of TestE2EDiskTrouble has.
const troubleDisk = 16 << 20

// A disk that is full, or can't be written to, or whose folder is removed, stops no client. The node says so, once
// a minute in its log, and when the disk works again has all on it that it took meanwhile, which is there after kill -9.
func TestE2EDiskTrouble(t *testing.T) {
	lab := newLab(t, 2)
	disk, folder := lab.Hosts[0], t.TempDir()
	if err := disk.Disk(folder, troubleDisk); err != nil {
		t.Fatal(err)
	}
	data, filler := filepath.Join(folder, "data"), filepath.Join(folder, "filler")
	flags := []string{"--data-dir", data, "--sync", "always"}
	var herd []*process
	for i, at := range lab.Hosts {
		ip := at.Addr.String()
		s := spec{
			name: devName(i), key: testKey(t.Name()), flags: []string{"--insecure-http"},
			client: ip + ":4131", gossip: ip + ":4132", http: ip + ":4133",
			host: &host{start: at.Start, dial: func(addr string) (net.Conn, error) { return at.Dial(t.Context(), "tcp", addr) }},
		}
		if i == 0 {
			s.flags = append(s.flags, flags...)
		} else {
			s.join = []string{herd[0].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	p := herd[0]
	onDisk := func() bool {
		m := p.metrics()
		return m["herd_journal_degraded"] == 0 && m["herd_journal_in_sync"] == 1 && m["herd_journal_lag_batches"] == 0 && m["herd_journal_queue_bytes"] == 0
	}
	until(t, "all is on disk", onDisk)

	began := time.Now()
	l := startLoad(t, herd, min(sizes().load, 1000))
	answered := func() {
		t.Helper()
		before := l.answered.Load()
		until(t, "clients are answered", func() bool { return l.answered.Load() > before+200 })
	}
	for _, c := range []struct {
		what, why  string
		make, mend func() error // mend nil: the node sees to it
	}{
		{"a full disk", "no space left on device", func() error {
			if os.WriteFile(filler, make([]byte, 2*troubleDisk), 0o600) == nil {
				t.Error("the disk is not full")
			}
			return nil
		}, func() error { return os.Remove(filler) }},
		{"a read-only disk", "read-only file system", func() error {
			return unix.Mount("netlab", data, "tmpfs", unix.MS_RDONLY, "size=4096")
		}, func() error { return unix.Unmount(data, unix.MNT_DETACH) }},
		{"a folder that is gone", "gone from its folder", func() error { return os.RemoveAll(data) }, nil},
	} {
		answered()
		made := time.Now()
		if err := disk.Do(c.make); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		said := until(t, c.what+" is said", func() bool {
			status, body, err := p.get("/readyz?verbose")
			if err != nil || status != http.StatusOK {
				t.Fatalf("%s: the node is not ready: %d, %v", c.what, status, err)
			}
			return strings.Contains(string(body), "[-] journal: behind: ") && strings.Contains(string(body), c.why)
		})
		if c.mend != nil {
			until(t, "reports wait for the disk no longer", func() bool {
				m := p.metrics()
				return m["herd_journal_degraded"] == 1 && m["herd_journal_in_sync"] == 0
			})
			answered()
			code, out := verbIn(t, disk, p, append([]string{"doctor", "--insecure-http"}, flags...)...)
			if code != exitFailed || !strings.Contains(out, "its journal in "+data+" is not well: behind: ") || !strings.Contains(out, c.why) {
				t.Errorf("%s: doctor says, with exit code %d:\n%s", c.what, code, out)
			}
			made = time.Now()
			if err := disk.Do(c.mend); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
		}
		until(t, c.what+" is over", func() bool {
			m := p.metrics()
			return m["herd_journal_degraded"] == 0 && m["herd_journal_in_sync"] == 1
		})
		t.Logf("%s: said after %v, over after %v", c.what, said.Round(time.Millisecond), time.Since(made).Round(time.Millisecond))
	}
	answered()
	known := l.report(t)
	if n, most := strings.Count(p.logText(), "the disk fails: "), 1+int(time.Since(began)/time.Minute); n == 0 || n > most {
		t.Errorf("%d lines of the log say that the disk fails, want 1 a minute", n)
	}
	until(t, "all is on disk", onDisk)
	each(herd, (*process).kill)
	s := p.same()
	s.join = nil
	p = start(t, s)
	checkAll(t, []*process{p}, known)
	if m := p.metrics(); m["herd_journal_loaded_fixes"] < float64(len(known)) || sum(m, "herd_updates_received_total") > 0 {
		t.Errorf("%v fixes were loaded, %d are known", m["herd_journal_loaded_fixes"], len(known))
	}
}

// verbIn runs a verb in a host, with the addresses of a node and its key.
func verbIn(t *testing.T, at *netlab.Host, p *process, args ...string) (code int, out string) {
	t.Helper()
	args = append(args, "--name", p.spec.name, "--client-addr", p.Ready.Client, "--gossip-addr", p.Ready.Gossip, "--http-addr", p.Ready.HTTP)
	cmd := exec.Command(herdBinary(t), args...)
	cmd.Env = append(environ(), "HERD_GOSSIP_KEY="+p.spec.key)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := at.Start(cmd); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // how it ended is in ProcessState
	return cmd.ProcessState.ExitCode(), text.String()
}
