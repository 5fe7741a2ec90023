//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A fix is at every other node as soon as its AT line has been read: what a
// client is told at one node holds at all of them.
func TestE2EEveryPair(t *testing.T) {
	s := sizes()
	herd := startHerd(t, 5)
	before := syncOf(herd)
	pairs(t, herd, s.pairs)
	quiet := syncOf(herd).since(before)
	t.Logf("quiet: %v", quiet)
	if s.alone && (quiet.outs > 0 || quiet.outTime > 0) {
		t.Error("a member was out of sync in a quiet herd")
	}

	before = syncOf(herd)
	l := startLoad(t, herd, s.load)
	pairs(t, herd, s.pairs)
	acked := l.report(t)
	t.Logf("under load: %v", syncOf(herd).since(before))
	settle(t, herd)
	checkAll(t, herd, acked)
	ties(t, herd, s.ties)
}

// pairs sends n fixes, each to one node picked at random, and looks for it at
// another one by the next command.
func pairs(t *testing.T, herd []*process, n int) {
	t.Helper()
	at, before := sessions(herd), syncOf(herd)
	var missed []string
	from := time.Now()
	for i := range n {
		a := rand.IntN(len(herd))
		b := (a + 1 + rand.IntN(len(herd)-1)) % len(herd)
		f := fixNow(fmt.Sprintf("pair-%d", i%100))
		want, err := at[a].report(f)
		if err != nil {
			t.Fatalf("%s: %v", herd[a].spec.name, err)
		}
		got, err := at[b].locate(f.id)
		if err != nil {
			t.Fatalf("%s: %v", herd[b].spec.name, err)
		}
		if got != want {
			missed = append(missed, fmt.Sprintf("%s said %q, then %s said %q", herd[a].spec.name, want, herd[b].spec.name, got))
		}
	}
	t.Logf("%d of %d pairs in %v", n-len(missed), n, time.Since(from).Round(time.Millisecond))
	// On a machine that lets a node stand still for an ack_timeout that node is out
	// of sync, and nothing was promised of it meanwhile.
	if outs := syncOf(herd).since(before).outs; len(missed) > 0 && outs == 0 {
		t.Errorf("nobody was out of sync, and:\n%s", strings.Join(missed[:min(5, len(missed))], "\n"))
	}
}

// ties sends fixes with equal times to three nodes at once; then all nodes show
// the same one, at once if nobody was put out of sync.
func ties(t *testing.T, herd []*process, n int) {
	t.Helper()
	at, before := sessions(herd), syncOf(herd)
	show := func(id string) (lines []string) {
		for b, s := range at {
			line, err := s.locate(id)
			if err != nil {
				t.Fatalf("%s: %v", herd[b].spec.name, err)
			}
			lines = append(lines, line)
		}
		return lines
	}
	var differ []string
	for i := range n {
		f := fixNow(fmt.Sprintf("tie-%d", i))
		var wg sync.WaitGroup
		for _, a := range rand.Perm(len(herd))[:3] {
			g := fixNow(f.id)
			g.time = f.time
			wg.Go(func() {
				if _, err := at[a].report(g); err != nil {
					t.Errorf("%s: %v", herd[a].spec.name, err)
				}
			})
		}
		wg.Wait()
		if lines := show(f.id); len(slices.Compact(slices.Clone(lines))) != 1 {
			differ = append(differ, fmt.Sprintf("%q", lines))
		}
	}
	t.Logf("%d of %d clients with equal times at three nodes are the same everywhere", n-len(differ), n)
	if outs := syncOf(herd).since(before).outs; len(differ) > 0 && outs == 0 {
		t.Errorf("nobody was out of sync, but of equal times the nodes show\n%s", strings.Join(differ[:min(5, len(differ))], "\n"))
	}
	settle(t, herd)
	for i := range n {
		if lines := show(fmt.Sprintf("tie-%d", i)); len(slices.Compact(slices.Clone(lines))) != 1 {
			t.Fatalf("in the end, of equal times the nodes show %q", lines)
		}
	}
}

// syncCount is how in-sync a herd has been since its start.
type syncCount struct {
	outs          float64 // how often a node has put a member out
	outTime, time float64 // seconds: of members, added up over them and all nodes
}

func syncOf(herd []*process) (c syncCount) {
	for _, p := range herd {
		m := p.metrics()
		c.outs += m["herd_sync_outs_total"]
		c.outTime += m["herd_member_out_of_sync_seconds_total"]
		c.time += m["herd_member_seconds_total"]
	}
	return c
}

func (c syncCount) since(before syncCount) syncCount {
	return syncCount{c.outs - before.outs, c.outTime - before.outTime, c.time - before.time}
}

func (c syncCount) String() string {
	return fmt.Sprintf("%.0f times a member was put out of sync, it was so %.3f %% of the time", c.outs, 100*c.outTime/c.time)
}

// Each AT line waits for the members in sync, and a node's trace names them.
func TestE2ETrace(t *testing.T) {
	first := start(t, spec{name: "Bailey"})
	p := start(t, spec{name: "Clark", join: []string{first.Ready.Gossip}, flags: []string{"--log-level", "trace"}})
	settle(t, []*process{first, p})
	if _, err := p.session().report(fixNow("kiwi.cs.ucla.edu")); err != nil {
		t.Fatal(err)
	}
	p.waitLog("acknowledged: batch=1 in_sync=Bailey")
}

// An acknowledged fix outlives the node that took it, even if that is killed
// before it does anything more.
//
//	go test ./cmd/herd -run KillAfterAT -v -kills 1000 -timeout 1h
func TestE2EKillAfterAT(t *testing.T) {
	herd := startHerd(t, 3)
	n, lost, slowest := sizes().originals, 0, time.Duration(0)
	if *flagKills > 0 {
		n = *flagKills
	}
	want := book{}
	for i := range n {
		victim := i % len(herd)
		s, err := herd[victim].open()
		if err != nil {
			t.Fatal(err)
		}
		f := fixNow(fmt.Sprintf("orphan-%d", i))
		_, err = s.report(f)
		herd[victim].kill()
		s.conn.Close()
		if err != nil {
			t.Fatalf("%s: %v", herd[victim].spec.name, err)
		}
		want[f.id] = f
		for j, p := range herd {
			if j == victim {
				continue
			}
			if missing, err := p.missing(book{f.id: f}); missing > 0 || err != nil {
				lost++
				t.Errorf("%s lacks what %s acknowledged before it was killed (%v)", p.spec.name, herd[victim].spec.name, err)
			}
		}
		herd[victim] = launch(t, again(herd, victim, true))
		slowest = max(slowest, herd[victim].waitReady())
		checkAll(t, herd[victim:victim+1], want) // it starts empty, and is ready when it knows all
		settle(t, herd)
	}
	t.Logf("%d kills, %d fixes lost; slowest to be ready again after %v", n, lost, slowest.Round(time.Millisecond))
}

// again is how to start a killed node: with the ports it had or with new ones,
// through the first other node that runs.
func again(herd []*process, i int, samePorts bool) spec {
	s := herd[i].spec
	if samePorts {
		s = herd[i].same()
	}
	s.join = nil
	for j, p := range herd {
		select {
		case <-p.ended:
		default:
			if j != i && s.join == nil {
				s.join = []string{p.Ready.Gossip}
			}
		}
	}
	return s
}

// Any one node and any two at once may be killed: the others answer all the
// time, and lose nothing. Killed nodes start again empty, with the same name and
// the same ports or new ones, and are ready when they know everything.
func TestE2EKills(t *testing.T) {
	s := sizes()
	herd := startHerd(t, 5)
	known := book{}
	for round := range 2 * s.kills {
		victims := rand.Perm(len(herd))[:1+round%2]
		var names []string
		var killed []*process
		l := startLoad(t, herd, 500)
		until(t, "the load is on", func() bool { return l.answered.Load() > 250 })
		for _, v := range victims {
			killed = append(killed, herd[v])
			names = append(names, herd[v].spec.name)
		}
		each(killed, (*process).kill)
		var alive []*process
		for i, p := range herd {
			if !slices.Contains(victims, i) {
				alive = append(alive, p)
			}
		}
		seen := until(t, "the others see the kill", func() bool {
			return !slices.ContainsFunc(alive, func(p *process) bool { return !p.sees(alive) })
		})
		acked := l.report(t, killed...)
		for id, f := range acked {
			known[id] = f
		}
		checkAll(t, alive, known)

		var ready []time.Duration
		for i, v := range victims {
			herd[v] = launch(t, again(herd, v, (round/2+i)%2 == 0))
			ready = append(ready, herd[v].waitReady())
			checkAll(t, herd[v:v+1], known)
		}
		settled := settle(t, herd)
		t.Logf("killed %s: seen by all after %v, ready again after %v, all in sync after %v more",
			strings.Join(names, " and "), seen.Round(time.Millisecond), ready, settled.Round(time.Millisecond))
	}
}

// A node that joins with an empty table is ready when it can answer for every
// client, whatever goes on meanwhile.
func TestE2EEmptyNodeJoins(t *testing.T) {
	s := sizes()
	herd := startHerd(t, 3)
	known := fill(t, herd[0], s.clients)
	l := startLoad(t, herd, s.joinLoad)
	until(t, "the load is on", func() bool { return l.answered.Load() > int64(s.joinLoad) })
	newcomer := launch(t, spec{name: "Newcomer", key: testKey(t.Name()), join: []string{herd[1].Ready.Gossip}})
	took := newcomer.waitReady()
	checkAll(t, []*process{newcomer}, known)
	acked := l.report(t)
	all := append(herd, newcomer)
	settle(t, all) // who was put out of sync may lack something until it is in again
	checkAll(t, all, acked)
	t.Logf("ready with %d clients %v after its start", s.clients, took.Round(time.Millisecond))
}

// fill reports n clients to a node.
func fill(t *testing.T, p *process, n int) book {
	t.Helper()
	s := p.session()
	all := make([]fix, n)
	for i := range all {
		all[i] = fixNow(fmt.Sprintf("client-%d", i))
	}
	sent := make(chan error, 1)
	go func() {
		for part := range slices.Chunk(all, 500) {
			var b strings.Builder
			for _, f := range part {
				fmt.Fprintf(&b, "IAMAT %s\n", f)
			}
			if _, err := s.conn.Write([]byte(b.String())); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	known := book{}
	for _, f := range all {
		at, err := s.line()
		if err != nil || !f.in(at) {
			t.Fatalf("IAMAT %s is answered by %q, %v", f, at, err)
		}
		known[f.id] = f
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return known
}

// One herd in one process answers what is near with real places.
func TestE2EPlaces(t *testing.T) {
	p := start(t, spec{name: "Clark"})
	s := p.session()
	for _, c := range []struct{ position, town string }{
		{"+34.068930-118.445127", "Beverly Hills"},
		{"+48.8566+002.3522", "Paris"},
		{"+6.5244+3.3792", "Lagos"},
	} {
		f := fixNow("kiwi.cs.ucla.edu")
		f.position = c.position
		want, err := s.report(f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(s.conn, "WHATSAT %s 10 20\n", f.id)
		at, err := s.line()
		if err != nil || at != want {
			t.Errorf("got %q, %v, want %q", at, err, want)
		}
		body, err := s.body()
		if err != nil || !strings.Contains(body, `"status" : "OK"`) || !strings.Contains(body, c.town) {
			t.Errorf("near %s: want a place of the name %s, got %v\n%s", c.position, c.town, err, body)
		}
	}
}

// SIGTERM and SIGINT make a node leave: it ends with exit code 0, the others
// see it as left, not as failed, and have all that it took.
func TestE2ELeave(t *testing.T) {
	herd := startHerd(t, 4)
	code, took := herd[3].stop(syscall.SIGTERM)
	if code != exitDone {
		t.Errorf("idle: exit code %d", code)
	}
	t.Logf("SIGTERM, idle: ended after %v", took.Round(time.Millisecond))
	gone(t, herd[:3], herd[3])

	l := startLoad(t, herd[:3], 1000)
	until(t, "the load is on", func() bool { return l.answered.Load() > 500 })
	code, took = herd[2].stop(syscall.SIGINT)
	if code != exitDone {
		t.Errorf("with work: exit code %d", code)
	}
	t.Logf("SIGINT, with work: ended after %v", took.Round(time.Millisecond))
	gone(t, herd[:2], herd[2])
	checkAll(t, herd[:2], l.report(t, herd[2]))

	if code, out := herdVerb(t, "leave", "--http-addr", herd[1].Ready.HTTP); code != exitDone {
		t.Errorf("herd leave: exit code %d: %s", code, out)
	}
	if code := herd[1].exitCode(); code != exitDone {
		t.Errorf("herd leave: the node's exit code is %d", code)
	}
}

// gone checks that the others know that a node has left.
func gone(t *testing.T, others []*process, left *process) {
	t.Helper()
	for _, p := range others {
		until(t, p.spec.name+" knows who left", func() bool {
			states := p.view()[left.spec.name]
			return len(states) == 0 || slices.Equal(states, []string{"left"})
		})
	}
}

// While one node is stopped the others answer, and afterwards it has what it
// missed.
func TestE2EPause(t *testing.T) {
	herd := startHerd(t, 3)
	paused := herd[2].cmd.Process
	paused.Signal(syscall.SIGSTOP)
	at := sessions(herd[:2])
	known := book{}
	for i := range 20 {
		f := fixNow(fmt.Sprintf("pause-%d", i))
		if _, err := at[i%2].report(f); err != nil {
			t.Fatal(err)
		}
		known[f.id] = f
	}
	paused.Signal(syscall.SIGCONT)
	t.Logf("in sync again after %v", settle(t, herd).Round(time.Millisecond))
	checkAll(t, herd, known)
}
