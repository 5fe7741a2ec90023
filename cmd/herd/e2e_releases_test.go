//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// releaseBefore is the commit of the release that herds are upgraded from: 0.1.0, which speaks the
// first version of sessions. When it moves on is in gossip/DESIGN.md, under Versions.
const releaseBefore = "003f6d7f149fa215b2bd77d319a27fb53dc44ae6"

// buildRelease builds the program as it was at a commit, from the history of this checkout. Where
// that has no such commit (an archive, a shallow clone) the test is skipped, in CI too: a checkout is
// no less sound for that.
func buildRelease(t *testing.T, commit string) (binary string) {
	t.Helper()
	git, from := needTool(t, "git", "git"), time.Now()
	dir := t.TempDir()
	src, binary := filepath.Join(dir, "src"), filepath.Join(dir, "herd")
	run := func(in, name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir = in
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+filepath.Join(dir, "index")) // nothing is written in the checkout
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		return err
	}
	history := []string{"-c", "safe.directory=*"} // the checkout may belong to another user
	if run(root, git, append(history, "read-tree", commit)...) != nil {
		t.Skipf("commit %s is not in the history of this checkout", commit)
	}
	// Without paths, so that the build cache has it the next time, wherever it is built.
	if run(root, git, append(history, "checkout-index", "--all", "--prefix="+src+"/")...) != nil ||
		run(src, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "./cmd/herd") != nil {
		t.FailNow()
	}
	t.Logf("built in %s", time.Since(from).Round(time.Millisecond))
	return binary
}

// A herd of the release before is upgraded node by node, and goes back by one, while programs report
// and ask all the time. Of either release nodes leave, and are killed, in a herd of both. No program
// sees an error, nothing that was acknowledged is lost, a fix is everywhere as soon as it is
// acknowledged, and no node says what another one does not understand.
func TestE2ETwoReleases(t *testing.T) {
	before := buildRelease(t, releaseBefore)
	s := sizes()
	var herd []*process
	for i := range 3 {
		p := spec{binary: before, name: devName(i), key: testKey(t.Name())}
		if i > 0 {
			p.join = []string{herd[0].Ready.Gossip}
		}
		herd = append(herd, start(t, p))
	}
	herd[0].spec.join = []string{herd[1].Ready.Gossip} // when it starts again
	settle(t, herd)
	if all := releases(herd); strings.Contains(all, release) {
		t.Fatalf("the herd is of the releases %s, want those before %s", all, release)
	}
	everyone := append([]*process(nil), herd...)
	tr := travel(t, herd, s.load/2)
	began, answers := time.Now(), tr.answered.Load()
	for _, step := range []struct {
		node   int
		end    string
		binary string // that it is started with again; empty: the one under test
	}{
		{0, "verb", ""},
		{1, "kill", ""}, // what it took is with one node of each release
		{0, "kill", ""}, // and now
		{2, "signal", ""},
		{1, "verb", before}, // it goes back
	} {
		tr.more(t)
		p, from := herd[step.node], time.Now()
		switch step.end {
		case "verb":
			if code, out := herdVerb(t, "leave", "--http-addr", p.Ready.HTTP); code != exitDone {
				t.Errorf("herd leave: exit code %d: %s", code, out)
			}
		case "signal":
			p.cmd.Process.Signal(syscall.SIGTERM)
		case "kill":
			p.kill()
		}
		if code := p.exitCode(); code != exitDone && step.end != "kill" {
			t.Errorf("%s ends with %d", p.spec.name, code)
		}
		known := tr.known()
		again := p.same()
		again.binary = step.binary
		herd[step.node] = start(t, again)
		everyone = append(everyone, herd[step.node])
		checkAll(t, herd, known) // one that is ready has all
		settle(t, herd)
		took := time.Since(from)
		pairs(t, herd, s.pairs/10)
		t.Logf("%s: %s, in sync again after %s: %s", p.spec.name, step.end, took.Round(time.Millisecond), releases(herd))
	}
	tr.more(t)
	took := time.Since(began)
	tr.end()
	if tr.first != nil {
		t.Error(tr.first)
	}
	t.Logf("%d answers, %.0f a second", tr.answered.Load()-answers, float64(tr.answered.Load()-answers)/took.Seconds())
	checkAll(t, herd, tr.acked)
	if all := releases(herd); strings.Count(all, release) != len(herd)-1 {
		t.Errorf("the herd is of the releases %s, want one before %s", all, release)
	}
	for _, p := range everyone {
		if line := grudge.FindString(p.logText()); line != "" {
			t.Errorf("%s: %s", p.spec.name, line)
		}
	}
}

// grudge is a line of the log about another node that does what it should not.
var grudge = regexp.MustCompile(`(?m)^.*(\[ERROR\]|(member|session|stream) refused).*$`)

// self is what the node says of itself.
func (p *process) self() (m member) {
	p.t.Helper()
	_, body, err := p.get("/v1/self")
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", p.spec.name, err)
	}
	return m
}

// releases are those that nodes are of.
func releases(herd []*process) string {
	var all []string
	for _, p := range herd {
		all = append(all, p.self().Version)
	}
	return strings.Join(all, " ")
}
