//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"herd/node/load"
)

// benchOf runs bench with --json and a tiny load, and reads its report.
func benchOf[T any](t *testing.T, args ...string) T {
	t.Helper()
	args = append([]string{"bench", "--json", "--duration", "300ms", "--warmup", "50ms", "--connections", "4"}, args...)
	cmd := exec.CommandContext(t.Context(), herdBinary(t), args...)
	cmd.Env = environ()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v: %s%s", args, err, &stderr, out)
	}
	var r T
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return r
}

// Bench starts a herd, loads it, and leaves nothing behind.
func TestE2EBench(t *testing.T) {
	r := benchOf[loadReport](t, "--nodes", "2", "--rate", "200", "--clients", "50", "--mix", "50:50")
	if r.Commands == 0 || r.Updates == 0 || r.Queries == 0 || !r.Good() || r.Filled != 50 || r.Nodes != 2 || len(r.Addrs) != 2 || r.Lateness == nil {
		t.Errorf("open loop: %+v", r)
	}
	if canMeter && (r.Server == nil || r.Generator == nil) {
		t.Errorf("what was spent: %+v, %+v", r.Server, r.Generator)
	}
	for _, addr := range r.Addrs {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("the node at %s is left behind", addr)
		}
	}

	p := start(t, spec{name: "Clark", key: testKey("bench")})
	r = benchOf[loadReport](t, "--pipeline", "16", "--clients", "1000", "--source", "127.0.0.1,127.0.0.1", "--pid", fmt.Sprint(p.Ready.PID), p.Ready.Client)
	if r.Commands == 0 || !r.Good() || r.Rate != 0 || r.Pipeline != 16 || r.Lateness != nil {
		t.Errorf("closed loop: %+v", r)
	}
}

func TestE2EBenchConverge(t *testing.T) {
	r := benchOf[convergeReport](t, "--mode", "converge", "--nodes", "2", "--rate", "100", "--clients", "50")
	if r.Writes == 0 || r.Polls == 0 || !r.Good() || r.Servers != 2 || r.Load == nil || r.Load.Commands == 0 || !r.Load.Good() {
		t.Errorf("%+v", r)
	}
	if r.Seen.P50 < r.SeenLower.P50 || r.Everywhere.Max < r.Seen.Max {
		t.Errorf("the bounds are not in order: %+v", r)
	}
}

func TestE2EBenchJoin(t *testing.T) {
	r := benchOf[joinReport](t, "--mode", "join", "--nodes", "2", "--rate", "100", "--clients", "2000")
	if r.Held < 2000 || r.Asked != 2000 || r.Known != 2000 || r.Ready <= 0 || !r.Before.Good() || !r.During.Good() {
		t.Errorf("%+v", r)
	}
}

// Ctrl-C ends a run early; the report comes, and the herd goes.
func TestE2EBenchInterrupted(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), herdBinary(t), "bench", "--nodes", "1", "--rate", "200", "--warmup", "0s", "--duration", "1h", "--json")
	cmd.Env = append(environ(), "TMPDIR="+dir)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	node := &process{t: t}
	until(t, "the load is on", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "herd-bench-*", "*.json"))
		if err != nil || len(files) != 1 {
			return false
		}
		text, err := os.ReadFile(files[0])
		if err == nil {
			err = json.Unmarshal(text, &node.Ready)
		}
		return err == nil && sum(node.metrics(), "herd_updates_accepted_total") > 10
	})
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	var r loadReport
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil || !r.Good() || r.Commands == 0 || r.Seconds > 3000 {
		t.Errorf("%v: %s", err, out)
	}
	if c, err := net.Dial("tcp", node.Ready.Client); err == nil {
		c.Close()
		t.Error("the node is left behind")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A reply that is not what was sent makes the exit code 1, and is shown.
func TestE2EBenchWrong(t *testing.T) {
	addr := serveLines(t, func(line string) string { return "? " + line + "\n" })
	code, out := herdVerb(t, "bench", "--duration", "500ms", "--warmup", "0s", "--connections", "2", "--rate", "20", addr)
	if code != exitFailed || !strings.Contains(out, "herd: 10 wrong replies") || !strings.Contains(out, "no AT line: \"IAMAT bench-") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestE2EBenchRedis(t *testing.T) {
	addr := serveRedis(t)
	for _, p := range load.Protocols()[1:] {
		r := benchOf[loadReport](t, "--protocol", string(p), "--pipeline", "4", "--clients", "20", addr)
		if r.Commands == 0 || !r.Good() || r.Protocol != string(p) || (r.Queries > 0) != (p == load.RedisGeoSearch) {
			t.Errorf("%s: %+v", p, r)
		}
	}
	r := benchOf[convergeReport](t, "--mode", "converge", "--protocol", "redis-set", addr, addr)
	if r.Writes == 0 || !r.Good() {
		t.Errorf("%+v", r)
	}
}
