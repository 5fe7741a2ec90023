//go:build unix

package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"herd/node/load"
)

// Clients walk on, with no report lost, while a node is killed, the one that was asked for
// the members at that, and another one joins; Ctrl-C ends the walk.
func TestE2EWalk(t *testing.T) {
	herd := startHerd(t, 3)
	first, other := herd[0], herd[1]
	cmd := exec.CommandContext(t.Context(), herdBinary(t), "walk", "--clients", "200", "--every", "500ms", "--connections", "12", "--json",
		"--http-addr", first.Ready.HTTP)
	cmd.Env = environ()
	out, stderr := &output{}, &output{}
	cmd.Stdout, cmd.Stderr = out, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	took := func(p *process, n float64) {
		until(t, p.spec.name+" takes reports", func() bool { return sum(p.metrics(), "herd_updates_accepted_total") >= n })
	}
	each(herd, func(p *process) { took(p, 10) })
	until(t, "all clients are known", func() bool {
		return other.clients("walker-")+other.clients("cyclist-")+other.clients("driver-")+other.clients("flyer-") == 200
	})
	first.kill()
	joined := start(t, spec{name: "Jaquez", key: first.spec.key, join: []string{other.Ready.Gossip}})
	took(joined, 10)
	cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	var r walkReport
	if json.Unmarshal([]byte(out.String()), &r) != nil || r.Good() != (err == nil) {
		t.Fatalf("%v: %s%s", err, stderr, out)
	}
	// On a busy machine reports may be late, and outdated by the next.
	t.Logf("%d of %d never sent", r.Unsent, r.Reports+r.Unsent)
	if r.Wrong > 0 || r.Missing > 0 || r.Clients != 200 || len(r.Nodes) != 4 || r.Nodes[joined.Ready.Client] < 10 {
		t.Errorf("%s", out)
	}
}

// clients is how many clients the node knows, up to 1,000, whose IDs begin so.
func (p *process) clients(prefix string) int {
	status, body := p.ask("GET", "/v1/clients?limit=1000&prefix="+prefix, "")
	if status != 200 {
		p.t.Fatalf("%d %s", status, body)
	}
	return strings.Count(body, `"id":`)
}

// What is printed fits a terminal, and says what went wrong.
func TestWalkReport(t *testing.T) {
	f := newFakeApp(fine)
	w := &walkVerb{app: &f.app}
	r := &walkReport{Clients: 10_000, Every: 5e9, Connections: 50, Walked: load.Walked{
		Reports: 24_000, Seconds: 12, PerSecond: 2000, Latency: load.Latency{P50: 893_000, P90: 1_830_000, P99: 7_040_000, P999: 35_900_000, Max: 40e6},
		Nodes: map[string]uint64{"127.0.0.1:4141": 11_000, "127.0.0.1:4131": 13_000},
	}}
	const good = `10000 clients, each reporting every 5s over 50 connections, 12.0 s

REPORTS  PER SECOND  P50       P90      P99      P99.9    MAX      ERRORS
24000    2000        0.893 ms  1.83 ms  7.04 ms  35.9 ms  40.0 ms  0

NODE            REPORTS
127.0.0.1:4131  13000
127.0.0.1:4141  11000
`
	if err := w.show(r); err != nil || f.out.String() != good {
		t.Errorf("%v: %s", err, &f.out)
	}
	r.Wrong, r.Unsent, r.Missing, r.Repeated = 1, 2, 3, 4
	r.Errors, r.Samples = map[string]uint64{"reset": 5, "refused": 6}, []string{"no AT line"}
	f = newFakeApp(fine)
	w.app = &f.app
	err := w.show(r)
	if err == nil || err.Error() != "1 wrong replies, 2 reports never sent, 3 reports without a reply" {
		t.Errorf("got the error %v", err)
	}
	const bad = `
connections    6 refused, 5 reset
sent again     4 reports, to another node
error          no AT line
`
	if !strings.HasSuffix(f.out.String(), "11000\n"+bad) || !strings.Contains(f.out.String(), "  6\n") {
		t.Errorf("got %s", &f.out)
	}
	if got, want := walkLine(load.Second{Second: 7, Commands: 2000, P50: 1500, P99: 1e9, Wrong: 2}, 1), "7 s: 2000 reports to 1 node, p50 0.002 ms, p99 1000 ms, 2 wrong"; got != want {
		t.Errorf("got %q", got)
	}
}

// The towns of the world are known, and how many people live in them.
func TestTowns(t *testing.T) {
	all, err := towns()
	if err != nil {
		t.Fatal(err)
	}
	people, large := 0.0, 0
	for _, town := range all {
		people += town.People
		if town.People > 5e6 {
			large++
		}
	}
	if len(all) < 50_000 || people < 1e9 || people > 10e9 || large < 50 {
		t.Errorf("%.0f people in %d towns, %d of them large", people, len(all), large)
	}
}
