//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"herd/node/history"
)

// devProcess is a herd of herd dev in a process of its own.
type devProcess struct {
	t     *testing.T
	nodes map[string]readyNode
	first string // HTTP address of Bailey
}

// startDevHerd starts one and waits until it is ready. It must end well when it is told to. Its ports
// are none that the system hands out: a node that comes back wants those that it had.
func startDevHerd(t *testing.T) *devProcess {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	log := &output{}
	cmd := exec.Command(herdBinary(t), "dev", "--base-port", strconv.Itoa(freeBase(t)), "--ready-file", file)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("herd dev: %v", err)
		}
		if t.Failed() {
			t.Logf("log of herd dev:\n%s", log)
		}
	})
	d := &devProcess{t: t, nodes: map[string]readyNode{}}
	until(t, "herd dev is ready", func() bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		var all []readyNode
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			d.nodes[n.Name] = n
		}
		d.first = all[0].HTTP
		return true
	})
	return d
}

// chaos runs a verb of herd chaos, which must succeed.
func (d *devProcess) chaos(args ...string) string {
	d.t.Helper()
	code, out := herdVerb(d.t, append(append([]string{"chaos"}, args...), "--http-addr", d.first)...)
	if code != exitDone {
		d.t.Fatalf("herd chaos %q: exit code %d\n%s", args, code, out)
	}
	return out
}

// send sends a line to a node and gives the first line of the reply.
func (d *devProcess) send(name, line string) string {
	d.t.Helper()
	_, out := herdVerb(d.t, "send", d.nodes[name].Client, line)
	first, _, _ := strings.Cut(out, "\n")
	return first
}

// oneHerd waits until all see all and are in sync.
func (d *devProcess) oneHerd() {
	d.t.Helper()
	until(d.t, "they are one herd", func() bool {
		for _, n := range d.nodes {
			c := &chaosNode{name: n.Name, http: client{addr: n.HTTP}}
			list, err := membersOf(d.t.Context(), &c.http)
			if err != nil {
				return false
			}
			self, err := c.self(d.t.Context())
			if v := (view{list: list, self: self}); err != nil || !v.oneWith(n.Name, len(d.nodes)) {
				return false
			}
		}
		return true
	})
}

// sees waits until a node sees so many members alive.
func (d *devProcess) sees(name string, alive int) {
	d.t.Helper()
	until(d.t, fmt.Sprintf("%s sees %d alive", name, alive), func() bool {
		list, err := membersOf(d.t.Context(), &client{addr: d.nodes[name].HTTP})
		if err != nil {
			return false
		}
		n := 0
		for _, m := range list.Members {
			if m.State == "alive" {
				n++
			}
		}
		return n == alive
	})
}

// TestE2EChaos breaks a herd in the ways that there are: each fault acts, and is over
// when it is healed.
func TestE2EChaos(t *testing.T) {
	d := startDevHerd(t)
	d.oneHerd()

	const early, late = "IAMAT kiwi +34-118 1621464827.5", "IAMAT kiwi +35-118 1621464828.5"
	if out := d.chaos("partition", "Bailey,Bona", "|", "Campbell,Clark,Jaquez"); !strings.Contains(out, "Bailey,Bona | Campbell,Clark,Jaquez") {
		t.Errorf("got %s", out)
	}
	d.sees("Bailey", 2)
	d.sees("Clark", 3)
	d.send("Clark", late)
	d.send("Bailey", early)
	if got := d.send("Bona", "WHATSAT kiwi 10 0"); !strings.HasPrefix(got, "AT Bailey ") {
		t.Errorf("on one side: %s", got)
	}
	if got := d.send("Jaquez", "WHATSAT kiwi 10 0"); !strings.HasPrefix(got, "AT Clark ") {
		t.Errorf("on the other: %s", got)
	}
	if out := d.chaos("status"); strings.Count(out, "cut towards") != 5 {
		t.Errorf("got\n%s", out)
	}
	d.chaos("heal")
	d.oneHerd()
	until(t, "the later report is everywhere", func() bool {
		return strings.HasPrefix(d.send("Bona", "WHATSAT kiwi 10 0"), "AT Clark ")
	})

	d.chaos("kill", "Clark")
	d.sees("Bailey", 4)
	if out := d.chaos("status"); !strings.Contains(out, "Clark     does not answer") {
		t.Errorf("got\n%s", out)
	}
	if got := d.send("Bona", "WHATSAT kiwi 10 0"); !strings.HasPrefix(got, "AT Clark ") {
		t.Errorf("after the kill: %s", got)
	}
	d.chaos("restart", "Clark")
	d.oneHerd()
	d.chaos("kill", "Bona,Jaquez", "--for", "1s")
	until(t, "they have been away", func() bool { // and are back, of their own accord
		return strings.Count(d.chaos("status"), "does not answer") == 0
	})
	d.oneHerd()

	// Asked while it is paused, a node answers when it no longer is.
	conn, err := net.DialTimeout("tcp", d.nodes["Clark"].Client, hang)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d.chaos("pause", "Clark")
	if _, err := io.WriteString(conn, "HELLO\n"); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 8)
	conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := conn.Read(reply); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused node: %d bytes, %v", n, err)
	}
	d.chaos("heal", "Clark")
	conn.SetReadDeadline(time.Now().Add(hang))
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != "? HELLO\n" {
		t.Errorf("got %q, %v", reply, err)
	}
	d.oneHerd()
}

// TestE2EChaosRun: the herd keeps its promises, and the report says so; what was
// recorded says the same again.
func TestE2EChaosRun(t *testing.T) {
	d := startDevHerd(t)
	d.oneHerd()
	file := filepath.Join(t.ArtifactDir(), "history.ndjson")
	out := d.chaos("run", "--for", "3s", "--seed", "7", "--rate", "200", "--out", file, "--json")
	var tale chaosTale
	if err := json.Unmarshal([]byte(out), &tale); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if tale.Seed != 7 || len(tale.Nodes) != 5 || len(tale.Schedule) == 0 || tale.Settled == nil || tale.Sent == 0 || len(tale.TimeLine) < 3 {
		t.Errorf("got %s", out)
	}
	for _, p := range []history.Promise{history.Convergence, history.AckedLoss, history.InSync, history.OwnWrites, history.Monotonic, history.Invention} {
		if tally := tale.Report.Tally(p); tally.Tested == 0 || tally.Broken > 0 {
			t.Errorf("%s: %+v", p, tally)
		}
	}
	if code, out := herdVerb(t, "chaos", "check", file); code != exitDone || !strings.HasPrefix(out, "Seed 7. Updates sent: ") {
		t.Errorf("check: %d %s", code, out)
	}

	// Faults of others are in the time line of a report.
	reported := make(chan string, 1)
	go func() {
		_, out := herdVerb(t, "chaos", "report", "--for", "4s", "--rate", "100", "--http-addr", d.first)
		reported <- out
	}()
	d.chaos("delay", "20ms", "--for", "2s")
	if out := <-reported; !strings.Contains(out, "delay 20ms at Bailey,Bona,Campbell,Clark,Jaquez") || !strings.Contains(out, "no more delay") || !strings.Contains(out, "one herd again") {
		t.Errorf("got\n%s", out)
	}
}

// TestE2EChaosExamples runs every example of the help of herd chaos that is over soon and
// is not what TestE2EChaos does.
func TestE2EChaosExamples(t *testing.T) {
	d := startDevHerd(t)
	d.oneHerd()
	slow := []string{"kill", "random", "run", "report", "check", "restart"}
	for _, cmd := range newFakeApp(fine).root().Commands() {
		if cmd.Name() != "chaos" {
			continue
		}
		for _, verb := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
			for line := range strings.Lines(verb.Example) {
				words := strings.Fields(strings.ReplaceAll(line, "'", ""))
				if len(words) < 3 || slices.Contains(slow, words[2]) {
					continue
				}
				d.chaos(words[2:]...)
				d.chaos("heal")
			}
		}
	}
}

// TestE2EChaosNode: a process dies as it is told to, and only if that was allowed.
func TestE2EChaosNode(t *testing.T) {
	p := start(t, spec{name: "Clark", flags: []string{"--chaos"}})
	if !strings.Contains(p.logText(), "CHAOS is allowed") {
		t.Error("nobody is warned")
	}
	if code, out := herdVerb(t, "chaos", "kill", "Clark", "--for", "1s", "--http-addr", p.Ready.HTTP); code != exitFailed || !strings.Contains(out, "can't start itself again") {
		t.Errorf("got %d %s", code, out)
	}
	if code, out := herdVerb(t, "chaos", "kill", "Clark", "--http-addr", p.Ready.HTTP); code != exitDone || out != "Killed Clark.\n" {
		t.Errorf("got %d %s", code, out)
	}
	if code := p.exitCode(); code != exitKilled {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(p.logText(), "leaving") {
		t.Error("it said goodbye")
	}

	p = start(t, spec{name: "Clark"})
	if code, out := herdVerb(t, "chaos", "report", "--for", "2s", "--http-addr", p.Ready.HTTP); code != exitDone || !strings.Contains(out, "read your writes") {
		t.Errorf("a report needs no leave: got %d %s", code, out)
	}
	for _, args := range [][]string{{"status"}, {"kill", "Clark"}, {"pause", "Clark"}, {"heal"}, {"random"}, {"run"}} {
		if code, out := herdVerb(t, append([]string{"chaos", "--http-addr", p.Ready.HTTP}, args...)...); code != exitFailed && code != exitUsage || !strings.Contains(out, "allows no chaos") {
			t.Errorf("%q: got %d %s", args, code, out)
		}
	}
}
