//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"herd/config/certtest"
	"herd/node/load"
)

// benchOf runs bench, or a mode of it, with --json and a tiny load, and reads its report.
func benchOf[T any](t *testing.T, mode string, args ...string) T {
	t.Helper()
	words := []string{"bench"}
	if mode != modeLoad {
		words = append(words, mode)
	}
	words = append(words, "--json", "--duration", "1500ms", "--warmup", "50ms", "--connections", "4") // a machine may stand still for a while
	args = append(words, args...)
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
	r := benchOf[loadReport](t, modeLoad, "--nodes", "2", "--rate", "200", "--clients", "50", "--mix", "50:50")
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
	r = benchOf[loadReport](t, modeLoad, "--pipeline", "16", "--clients", "1000", "--source", "127.0.0.1,127.0.0.1", "--pid", fmt.Sprint(p.Ready.PID), p.Ready.Client)
	if r.Commands == 0 || !r.Good() || r.Rate != 0 || r.Pipeline != 16 || r.Lateness != nil {
		t.Errorf("closed loop: %+v", r)
	}
}

func TestE2EBenchConverge(t *testing.T) {
	r := benchOf[convergeReport](t, modeConverge, "--nodes", "2", "--rate", "100", "--clients", "50")
	if r.Writes == 0 || r.Polls == 0 || !r.Good() || r.Servers != 2 || r.Load == nil || r.Load.Commands == 0 || !r.Load.Good() {
		t.Errorf("%+v", r)
	}
	if b := benchOf[convergeReport](t, modeConverge, "--nodes", "2", "--burst", "10", "--clients", "50"); !b.Good() || b.Writes == 0 || b.Writes%10 != 0 || b.Watched != 10 {
		t.Errorf("%+v", b)
	}
	if r.Seen.P50 < r.SeenLower.P50 || r.Everywhere.Max < r.Seen.Max {
		t.Errorf("the bounds are not in order: %+v", r)
	}
}

func TestE2EBenchJoin(t *testing.T) {
	r := benchOf[joinReport](t, modeJoin, "--nodes", "2", "--rate", "100", "--clients", "2000")
	if r.Held < 2000 || r.Asked != 2000 || r.Known != 2000 || r.Ready <= 0 || !r.Before.Good() || !r.During.Good() {
		t.Errorf("%+v", r)
	}
}

// Ctrl-C ends a run early; the report comes, and the herd goes.
func TestE2EBenchInterrupted(t *testing.T) {
	out, node := benchInterrupted(t, 1, "bench", "--nodes", "1", "--rate", "200")
	var r loadReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Good() || r.Commands == 0 || r.Seconds > 3000 {
		t.Errorf("%v: %s", err, out)
	}
	if c, err := net.Dial("tcp", node.Client); err == nil {
		c.Close()
		t.Error("the node is left behind")
	}

	out, _ = benchInterrupted(t, 2, "bench", "converge", "--nodes", "2")
	var c convergeReport
	if err := json.Unmarshal([]byte(out), &c); err != nil || !c.Good() || c.Writes == 0 || c.Spread == nil {
		t.Errorf("%v: %s", err, out)
	}
}

// benchInterrupted interrupts a bench that starts so many nodes when the first one has taken
// some reports. It returns what was printed, and that node.
func benchInterrupted(t *testing.T, nodes int, args ...string) (printed string, first readyNode) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), herdBinary(t), append(args, "--warmup", "0s", "--duration", "1h", "--json")...)
	cmd.Env = append(environ(), "TMPDIR="+dir)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	node := &process{t: t}
	until(t, "the load is on", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "herd-bench-*", "*.json"))
		if err != nil || len(files) != nodes {
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
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return out.String(), node.Ready
}

// A reply that is not what was sent makes the exit code 1, and is shown.
func TestE2EBenchWrong(t *testing.T) {
	addr := serveLines(t, func(line string) string { return "? " + line + "\n" })
	code, out := herdVerb(t, "bench", "--duration", "500ms", "--warmup", "0s", "--connections", "2", "--rate", "20", addr)
	if code != exitFailed || !regexp.MustCompile(`herd: [1-9]\d* wrong replies`).MatchString(out) || !strings.Contains(out, "no AT line: \"IAMAT bench-") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestE2EBenchRedis(t *testing.T) {
	addr := serveRedis(t)
	for _, p := range load.Protocols()[1:] {
		r := benchOf[loadReport](t, modeLoad, "--protocol", string(p), "--pipeline", "4", "--clients", "20", addr)
		if r.Commands == 0 || !r.Good() || r.Protocol != string(p) || (r.Queries > 0) != (p == load.RedisGeoSearch) {
			t.Errorf("%s: %+v", p, r)
		}
	}
	r := benchOf[convergeReport](t, modeConverge, "--protocol", "redis-set", addr, addr)
	if r.Writes == 0 || !r.Good() {
		t.Errorf("%+v", r)
	}
}

// Without an address a Redis is started, and replicas where they have a use.
func TestE2EBenchStartsRedis(t *testing.T) {
	r := benchOf[loadReport](t, modeLoad, "--protocol", "redis-set", "--rate", "100", "--clients", "20")
	if r.Commands == 0 || !r.Good() || r.Nodes != 1 || len(r.Addrs) != 1 {
		t.Errorf("%+v", r)
	}
	c := benchOf[convergeReport](t, modeConverge, "--protocol", "redis-geoadd", "--rate", "100", "--clients", "20")
	if c.Writes == 0 || !c.Good() || c.Servers != 3 || !c.Load.Good() {
		t.Errorf("%+v", c)
	}
	j := benchOf[joinReport](t, modeJoin, "--protocol", "redis-geoadd", "--nodes", "1", "--rate", "100", "--clients", "200")
	if j.Held < 200 || j.Known != 200 || j.Ready <= 0 || !j.Before.Good() || !j.During.Good() {
		t.Errorf("%+v", j)
	}
	for _, addr := range append(r.Addrs, c.Addrs...) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("the server at %s is left behind", addr)
		}
	}
}

func TestE2EBenchIdle(t *testing.T) {
	r := benchOf[idleReport](t, modeIdle, "--connections", "40", "--rate", "100", "--clients", "20")
	if r.Connections != 40 || r.Answered != 40 || r.Nodes != 1 || r.Before.Lively.Commands == 0 || !r.During.Lively.Good() {
		t.Errorf("%+v", r)
	}
	if canMeter && (r.Before.Resident < 1<<20 || r.During.Resident < 1<<20 || r.During.Cores == nil) {
		t.Errorf("before %+v, during %+v", r.Before, r.During)
	}
	r = benchOf[idleReport](t, modeIdle, "--protocol", "redis-set", "--rate", "100", "--clients", "20", serveRedis(t))
	if r.Answered != 4 || r.Before.Resident != 0 || r.Each != 0 {
		t.Errorf("%+v", r)
	}
}

func TestE2EBenchReconnect(t *testing.T) {
	r := benchOf[reconnectReport](t, modeReconnect, "--rate", "100", "--clients", "20", "--source", "127.0.0.1,127.0.0.1")
	if r.Commands != 150 || !r.Good() || r.Ports == 0 || uint64(r.Ports)+r.Reused != 150 {
		t.Errorf("%+v", r)
	}
	r = benchOf[reconnectReport](t, modeReconnect, "--protocol", "redis-geoadd", "--rate", "100", "--clients", "20", serveRedis(t))
	if r.Commands != 150 || !r.Good() {
		t.Errorf("%+v", r)
	}
}

// Who is near is asked over HTTP, of a herd that is started and of one that is there, and
// answered like a Redis does.
func TestE2EBenchNear(t *testing.T) {
	node := start(t, spec{name: "Clark", key: testKey("bench")})
	for _, args := range [][]string{
		{"--pipeline", "4"},
		{"--rate", "100", node.Ready.HTTP},
		{"--pipeline", "4", "--protocol", "redis-geosearch", serveRedis(t)},
	} {
		r := benchOf[loadReport](t, modeNear, append(args, "--clients", "3000", "--radius", "50")...)
		if r.Queries == 0 || r.Filled != 3000 || !r.Good() || r.Results == 0 || r.Mix != "" {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// Nodes with tokens and TLS are asked as other verbs ask them, at both ports.
func TestE2EBenchNearSecured(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "127.0.0.1")
	token := tokenFile(t, "canary-of-a-token-0123456789")
	node := start(t, spec{name: "Clark", flags: []string{
		"--tls-cert-file", cert, "--tls-key-file", key, "--http-write-token-file", token,
	}})
	r := benchOf[loadReport](t, modeNear, "--pipeline", "4", "--clients", "300", "--ca-file", ca.File, "--token-file", token, node.Ready.HTTP)
	if r.Queries == 0 || r.Filled != 300 || !r.Good() {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--ca-file", ca.File, node.Ready.HTTP}, exitFailed, "A token is needed"},
		{[]string{"--token-file", token, node.Ready.HTTP}, exitUsage, "It speaks TLS"},
		{[]string{"--token-file", token}, exitUsage, "--token-file goes with the HTTP-ADDR of a node"},
	} {
		if code, out := herdVerb(t, append([]string{"bench", "near"}, c.args...)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%q: exit code %d:\n%s", c.args, code, out)
		}
	}
}

// A server that answers wrong, or hangs, fails every mode, and the JSON is whole where
// there is something to tell.
func TestE2EBenchBadServers(t *testing.T) {
	wrong := serveLines(t, func(line string) string { return "? " + line + "\n" })
	quick := []string{"--duration", "300ms", "--warmup", "0s", "--connections", "2", "--rate", "20", "--json"}
	for _, tt := range []struct {
		mode  string
		addrs []string
		json  bool
		want  string
	}{
		{modeConverge, []string{wrong, wrong}, true, "wrong replies"},
		{modeIdle, []string{wrong}, false, "no AT line"},
		{modeReconnect, []string{wrong}, true, "6 commands failed"},
	} {
		cmd := exec.CommandContext(t.Context(), herdBinary(t), append(append([]string{"bench", tt.mode}, quick...), tt.addrs...)...)
		cmd.Env = environ()
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, _ := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%s: exit code %d: %s", tt.mode, code, &stderr)
		}
		if json.Valid(out) != tt.json || !tt.json && len(out) > 0 {
			t.Errorf("%s: printed %s", tt.mode, out)
		}
	}
}
