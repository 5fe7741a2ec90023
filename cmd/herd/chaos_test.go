package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/node/history"
)

// The same seed makes the same faults, all of them within the time, and never two
// nodes dead at once.
func TestSchedule(t *testing.T) {
	names := []string{"Bailey", "Bona", "Campbell", "Clark", "Jaquez"}
	kinds := map[string]int{}
	overlaps := 0
	for seed := range uint64(200) {
		total := time.Minute
		shots := schedule(seed, names, total)
		if !reflect.DeepEqual(shots, schedule(seed, names, total)) {
			t.Fatalf("seed %d makes two schedules", seed)
		}
		if len(shots) < 3 {
			t.Errorf("seed %d: %d faults in a minute", seed, len(shots))
		}
		var dead, end time.Duration
		for _, s := range shots {
			kinds[s.Kind]++
			if s.At < 0 || s.For <= 0 || s.At+s.For > total || len(s.Nodes) == 0 {
				t.Errorf("seed %d: %+v", seed, s)
			}
			for _, n := range s.Peers {
				if slices.Contains(s.Nodes, n) {
					t.Errorf("seed %d: %s is on both sides", seed, n)
				}
			}
			if s.At < end {
				overlaps++
			}
			end = max(end, s.At+s.For)
			if s.Kind == "kill" {
				if s.At < dead || len(s.Nodes) != 1 {
					t.Errorf("seed %d: two die at once", seed)
				}
				dead = s.At + s.For
			}
		}
	}
	if len(kinds) != 7 || overlaps == 0 {
		t.Errorf("kinds %v, overlaps %d", kinds, overlaps)
	}
	for _, few := range [][]string{{"Clark"}, {"Bona", "Clark"}} {
		schedule(1, few, minChaosRun) // a herd may be small, and the time short
	}
	if reflect.DeepEqual(schedule(1, names, time.Minute), schedule(2, names, time.Minute)) {
		t.Error("two seeds make one schedule")
	}
}

// chaosFake is the HTTP port of a node that knows some members.
type chaosFake struct {
	*httptest.Server
	name   string
	knows  []*chaosFake
	left   []*chaosFake
	killed []string // nodes that it can start again
	refuse bool
	tame   bool        // it allows no chaos
	ready  func() bool // nil: it is

	mu      sync.Mutex // guards bodies and deletes
	bodies  []string
	deletes []string
}

func newChaosFake(t *testing.T, name string) *chaosFake {
	f := &chaosFake{name: name}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *chaosFake) addr() string { return f.Listener.Addr().String() }

func (f *chaosFake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch body, _ := io.ReadAll(r.Body); {
	case r.URL.Path == "/v1/self":
		fmt.Fprintf(w, `{"name": %q, "origin": "1", "ready": %t}`, f.name, f.ready == nil || f.ready())
	case r.URL.Path == "/v1/members":
		list := memberList{Self: f.name, Members: []member{{Name: f.name, State: "alive", HTTP: f.addr()}}}
		for _, k := range f.knows {
			list.Members = append(list.Members, member{Name: k.name, State: "failed", HTTP: k.addr()})
		}
		for _, l := range f.left {
			list.Members = append(list.Members, member{Name: l.name, State: "left", HTTP: l.addr()})
		}
		json.NewEncoder(w).Encode(list)
	case f.tame:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"title": "Forbidden", "status": 403, "detail": "No chaos here."}`)
	case r.Method == "GET":
		json.NewEncoder(w).Encode(chaosState{Node: f.name, Killed: f.killed, Faults: []chaosFault{{Cut: true, Way: "in", Peers: []string{"Bona"}}}})
	case r.Method == "DELETE":
		f.deletes = append(f.deletes, r.URL.RawQuery)
		fmt.Fprint(w, `{"healed": 1}`)
	case f.refuse:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"title": "Conflict", "status": 409, "detail": "No more of that."}`)
	default:
		f.bodies = append(f.bodies, string(body))
		fmt.Fprintf(w, `{"added": [%d]}`, len(f.bodies)+40)
	}
}

// chaosFakes is a herd of three that has fallen apart: each knows but the next.
func chaosFakes(t *testing.T) (a, b, c *chaosFake) {
	a, b, c = newChaosFake(t, "Bailey"), newChaosFake(t, "Bona"), newChaosFake(t, "Clark")
	a.knows, b.knows = []*chaosFake{b}, []*chaosFake{c}
	return a, b, c
}

func (f *chaosFake) run(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	app := newFakeApp(fine)
	code = app.run(t.Context(), append(append([]string{"chaos"}, args...), "--http-addr", f.addr()))
	return code, app.out.String() + app.err.String()
}

// All nodes are found, through whoever knows them, and each is told its part.
func TestChaosPartition(t *testing.T) {
	a, b, c := chaosFakes(t)
	if code, out := a.run(t, "partition", "Clark,", "Bailey", "--for", "20s"); code != exitDone || out != "Partition Clark,Bailey | Bona for 20s.\n" {
		t.Fatalf("got %d %s", code, out)
	}
	for f, want := range map[*chaosFake]string{
		a: `{"faults":[{"peers":["Bona"],"for":"20s","cut":true}]}`,
		b: `{"faults":[{"peers":["Clark","Bailey"],"for":"20s","cut":true}]}`,
		c: `{"faults":[{"peers":["Bona"],"for":"20s","cut":true}]}`,
	} {
		if !slices.Equal(f.bodies, []string{want}) {
			t.Errorf("%s: got %q, want %q", f.name, f.bodies, want)
		}
	}
}

// What acts on some nodes acts on all traffic with them once, at whoever sends.
func TestChaosSpread(t *testing.T) {
	a, b, _ := chaosFakes(t)
	if code, out := a.run(t, "loss", "7%", "Bailey"); code != exitDone || out != "Loss of 7% at Bailey until \"herd chaos heal\".\n" {
		t.Fatalf("got %d %s", code, out)
	}
	if got := a.bodies[0]; got != `{"faults":[{"way":"out","loss":0.07}]}` {
		t.Errorf("got %s", got)
	}
	if got := b.bodies[0]; got != `{"faults":[{"peers":["Bailey"],"way":"out","loss":0.07}]}` {
		t.Errorf("got %s", got)
	}
}

// One way: the one is mute, the other deaf.
func TestChaosCut(t *testing.T) {
	a, b, c := chaosFakes(t)
	if code, out := a.run(t, "cut", "Bailey", "Bona", "--one-way"); code != exitDone || out != "Cut from Bailey to Bona until \"herd chaos heal\".\n" {
		t.Fatalf("got %d %s", code, out)
	}
	if a.bodies[0] != `{"faults":[{"peers":["Bona"],"way":"out","cut":true}]}` ||
		b.bodies[0] != `{"faults":[{"peers":["Bailey"],"way":"in","cut":true}]}` || len(c.bodies) != 0 {
		t.Errorf("got %s %s %s", a.bodies, b.bodies, c.bodies)
	}
}

// If one node refuses, the others are as they were, and its reason is told.
func TestChaosRefused(t *testing.T) {
	a, b, c := chaosFakes(t)
	c.refuse = true
	code, out := a.run(t, "delay", "50ms")
	if code != exitFailed || !strings.Contains(out, "No more of that") {
		t.Errorf("got %d %s", code, out)
	}
	for _, f := range []*chaosFake{a, b} {
		if !slices.Equal(f.deletes, []string{"id=41"}) {
			t.Errorf("%s: taken back: %q", f.name, f.deletes)
		}
	}
}

// Who has killed the node that he asks is told of another one; and who is dead, if one is not.
func TestChaosKill(t *testing.T) {
	a, b, c := chaosFakes(t)
	if code, out := a.run(t, "kill", "Bona"); code != exitDone || out != "Killed Bona.\n" {
		t.Errorf("got %d %s", code, out)
	}
	want := fmt.Sprintf("Killed Bailey, Bona.\nThat was the node at %s: ask another one, by --http-addr %s.\n", a.addr(), c.addr())
	if code, out := a.run(t, "kill", "Bailey,Bona"); code != exitDone || out != want {
		t.Errorf("got %d %s, want %s", code, out, want)
	}
	if code, out := a.run(t, "cut", "Bona", "all"); code != exitDone || out != "Cut between Bona and Bailey,Clark until \"herd chaos heal\".\n" {
		t.Errorf("got %d %s", code, out)
	}
	c.refuse = true
	if code, out := a.run(t, "kill", "all"); code != exitFailed || !strings.Contains(out, "killed Bailey, Bona, but not Clark: "+c.addr()+" says: No more of that") {
		t.Errorf("got %d %s", code, out)
	}
	b.refuse = true
	if code, out := a.run(t, "kill", "Bona"); code != exitFailed || strings.Contains(out, "killed") {
		t.Errorf("got %d %s", code, out)
	}
}

// A node that is down is left out, and shown as such.
func TestChaosDown(t *testing.T) {
	a, b, c := chaosFakes(t)
	c.Close()
	if code, out := a.run(t, "pause", "all", "--json"); code != exitDone || len(b.bodies) != 1 || strings.Contains(out, "Clark") {
		t.Errorf("got %d %s", code, out)
	}
	code, out := a.run(t, "status")
	if code != exitDone || !strings.Contains(out, "Clark   does not answer") || !strings.Contains(out, "Bailey  deaf towards Bona") {
		t.Errorf("got %d\n%s", code, out)
	}
	if code, out := a.run(t, "kill", "Clark"); code != exitUnreachable || !strings.Contains(out, "dead already") {
		t.Errorf("got %d %s", code, out)
	}
	if code, out := a.run(t, "kill", "Bona,Clark"); code != exitUnreachable || !strings.HasPrefix(out, "herd: killed Bona, but not Clark: Clark does not answer at ") {
		t.Errorf("got %d %s", code, out)
	}
}

// Who is told to stand still and is not there is not said to.
func TestChaosPauseDown(t *testing.T) {
	a, b, c := chaosFakes(t)
	c.Close()
	if code, out := a.run(t, "pause", "Clark"); code != exitUnreachable || !strings.Contains(out, "Clark does not answer") {
		t.Errorf("got %d %s", code, out)
	}
	v := &chaosVerb{}
	herd := chaosHerd{{name: "Clark", http: client{addr: c.addr()}}}
	if skipped, err := v.fire(t.Context(), herd, &shot{Kind: "pause", Nodes: []string{"Clark"}}); skipped == nil || err != nil {
		t.Errorf("a random fault at a dead node is to be left out: got %v, %v", skipped, err)
	}
	if code, out := a.run(t, "pause", "Bona,Clark", "--for", "1s"); code != exitDone || out != "Paused Bona for 1s.\n" || len(b.bodies) != 1 {
		t.Errorf("got %d %s", code, out)
	}
}

// A killed node is started by one that can, whether it is named or all are; another one
// that is named is none of that.
func TestChaosHeal(t *testing.T) {
	for _, tt := range []struct {
		name string
		want string
		code int
	}{
		{"", "Healed 2 faults. Started Clark, Dora again. No answer from Erna.\n", exitDone},
		{"Clark", "Healed 0 faults. Started Clark again.\n", exitDone},
		{"Bona", "Healed 1 fault.\n", exitDone},
		{"Erna", "Erna does not answer", exitUnreachable},
	} {
		a, b, c := chaosFakes(t)
		d, e := newChaosFake(t, "Dora"), newChaosFake(t, "Erna")
		b.knows = append(b.knows, d, e)
		for _, f := range []*chaosFake{c, d, e} {
			f.Close()
		}
		a.killed = []string{"Dora", "Clark"}
		b.killed = a.killed
		args := []string{"heal"}
		if tt.name != "" {
			args = append(args, tt.name)
		}
		if code, out := a.run(t, args...); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("heal %s: got %d %s", tt.name, code, out)
		}
	}
}

// Who has left is no part of the herd, for as long as others remember him.
func TestChaosLeft(t *testing.T) {
	a, b, c := chaosFakes(t)
	d := newChaosFake(t, "Dora")
	a.left, b.left, c.left = []*chaosFake{d}, []*chaosFake{d}, []*chaosFake{d}
	code, out := a.run(t, "status")
	if code != exitDone || strings.Contains(out, "Dora") || !strings.Contains(out, "Clark") {
		t.Errorf("got %d\n%s", code, out)
	}
	if code, out := a.run(t, "pause", "Dora"); code != exitUsage || !strings.Contains(out, "the herd has Bailey, Bona, Clark") {
		t.Errorf("got %d %s", code, out)
	}
	c.left, c.knows = nil, []*chaosFake{d} // it is back, and one knows it
	if code, out := a.run(t, "status"); code != exitDone || !strings.Contains(out, "Dora") {
		t.Errorf("got %d\n%s", code, out)
	}
}

// A node that refuses keeps nobody else broken, and nobody says that all is healed.
func TestChaosHealRefused(t *testing.T) {
	a, b, c := chaosFakes(t)
	a.tame = true
	code, out := a.run(t, "heal")
	if code != exitFailed || !strings.Contains(out, "Healed 2 faults.\n") || !strings.Contains(out, "heal Bailey: "+a.addr()+" says: No chaos here") {
		t.Errorf("got %d %s", code, out)
	}
	if len(b.deletes) != 1 || len(c.deletes) != 1 {
		t.Errorf("healed at Bona %d times, at Clark %d times", len(b.deletes), len(c.deletes))
	}
	code, out = a.run(t, "status")
	if code != exitFailed || !strings.Contains(out, "Bailey  does not say") || !strings.Contains(out, "Clark   deaf") || !strings.Contains(out, "No chaos here") {
		t.Errorf("got %d %s", code, out)
	}

	herd := func() (all chaosHerd) {
		for _, f := range []*chaosFake{a, b, c} {
			all = append(all, &chaosNode{name: f.name, http: client{addr: f.addr()}})
		}
		return all
	}
	if text, err := healAll(t.Context(), herd()); text != "not all is healed" || err == nil {
		t.Errorf("got %q, %v", text, err)
	}
	a.tame = false
	if text, err := healAll(t.Context(), herd()); text != "all is healed" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	c.Close()
	if text, err := healAll(t.Context(), herd()); text != "all is healed but Clark, from whom there is no answer" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

// A run looks again at a herd that is not one for a moment, until it is told to end.
func TestChaosBegin(t *testing.T) {
	for want, ready := range map[error]bool{nil: true, context.Canceled: false} {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		clark, looked := newChaosFake(t, "Clark"), 0
		clark.ready = func() bool {
			if looked++; looked > 3 && !ready {
				interrupt()
			}
			return looked > 3 && ready
		}
		f := newFakeApp(fine)
		r := &chaosRunVerb{chaosVerb: chaosVerb{app: &f.app, client: client{addr: clark.addr()}}, clients: 1, rate: 1}
		tr, err := r.begin(ctx)
		if !errors.Is(err, want) || looked < 4 {
			t.Errorf("got %v after %d looks, want %v", err, looked, want)
		}
		if err == nil {
			tr.send.close()
		}
	}
}

// What would do nothing is a mistake.
func TestChaosNothing(t *testing.T) {
	a, _, _ := chaosFakes(t)
	for _, args := range [][]string{{"loss", "0"}, {"delay", "0s"}} {
		if code, out := a.run(t, args...); code != exitUsage || !strings.Contains(out, "does nothing") {
			t.Errorf("%q: got %d %s", args, code, out)
		}
	}
}

// storm is a history: what Clark has acknowledged, and what both hold in the end.
func storm(held ...string) *history.History {
	const line = "AT Clark +1.000000000 kiwi +34-118 100"
	clark, bona := history.Process{Node: "Clark", Boot: 1}, history.Process{Node: "Bona", Boot: 2}
	return &history.History{
		Settings: history.Settings{Wall: 1, Ahead: time.Minute, Shared: true, Seed: 9},
		Ops:      []history.Op{{Kind: history.Write, At: clark, Client: "kiwi", Position: "+34-118", Time: "100", Line: line, Inv: 1, Ret: 2}},
		Dumps:    []history.Dump{{At: clark, Lines: []string{line}, Inv: 5, Ret: 6}, {At: bona, Lines: held, Inv: 5, Ret: 6}},
	}
}

// A broken promise is exit code 1, and told; so is a file that is none exit code 2.
func TestChaosCheck(t *testing.T) {
	check := func(text []byte, flags ...string) (int, string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "history.ndjson")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f := newFakeApp(fine)
		code := f.run(t.Context(), append([]string{"chaos", "check", file}, flags...))
		return code, f.out.String() + f.err.String()
	}
	file := func(h *history.History) []byte {
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good, bad := storm("AT Clark +1.000000000 kiwi +34-118 100"), storm()
	if code, out := check(file(good)); code != exitDone || !strings.HasPrefix(out, "Seed 9. Updates sent: 1.\n") {
		t.Errorf("got %d %s", code, out)
	}
	if code, out := check(file(bad)); code != exitFailed || !strings.Contains(out, "herd: promises were broken: convergence (1)") {
		t.Errorf("got %d %s", code, out)
	}
	code, out := check(file(bad), "--json")
	var r history.Report
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&r); code != exitFailed || err != nil || r.Tally(history.Convergence).Broken != 1 {
		t.Errorf("got %d %v %s", code, err, out)
	}
	for _, text := range []string{"", "{", "[]\n", "hello\n", string(file(bad)[:40])} {
		if code, out := check([]byte(text)); code != exitUsage || !strings.Contains(out, "history.ndjson: ") {
			t.Errorf("%q: got %d %s", text, code, out)
		}
	}
}

// What a run found decides its exit code.
func TestChaosVerdict(t *testing.T) {
	soon := time.Second
	for name, c := range map[string]struct {
		h       *history.History
		settled *time.Duration
		want    string
	}{
		"good":      {storm("AT Clark +1.000000000 kiwi +34-118 100"), &soon, ""},
		"broken":    {storm(), &soon, "promises were broken: convergence (1)"},
		"not one":   {storm("AT Clark +1.000000000 kiwi +34-118 100"), nil, "not one herd again in 1m0s"},
		"no answer": {&history.History{}, &soon, "nothing is proved"},
	} {
		f := newFakeApp(fine)
		r := &chaosRunVerb{chaosVerb: chaosVerb{app: &f.app}, seed: 7, settle: time.Minute}
		tr := &trial{chaosRunVerb: r, rec: history.NewRecorder(history.Settings{}, 0), tale: chaosTale{Settled: c.settled}}
		err := tr.verdict(c.h)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) && err != nil {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if !strings.Contains(f.out.String(), "Seed 7. Updates sent: ") {
			t.Errorf("%s: got %s", name, &f.out)
		}
	}
}
