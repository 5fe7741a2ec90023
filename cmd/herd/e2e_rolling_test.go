//go:build unix

package main

import (
	"fmt"
	"maps"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	api "herd/node/client"
)

// travellers are programs that use the Go client: some of each node when they set out.
type travellers struct {
	answered atomic.Int64
	stop     chan struct{}
	once     sync.Once
	running  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	acked book
	first error // that a program saw
}

const (
	travelClients = 4                     // programs of each node
	travelBeat    = 20 * time.Millisecond // between two reports of one goroutine
	travelAsks    = 10                    // one of so many reports is followed by a question
)

// travel has so many updates a second reported in all. It ends with end, or with the test.
func travel(t *testing.T, herd []*process, perSecond int) *travellers {
	t.Helper()
	var c api.Config
	for _, p := range herd {
		c.Addrs = append(c.Addrs, p.Ready.Client)
	}
	tr := &travellers{stop: make(chan struct{}), acked: book{}}
	t.Cleanup(tr.end)
	walkers := max(1, perSecond*int(travelBeat)/int(time.Second)/(travelClients*len(herd)))
	of := make(map[string]int)
	for n := 0; n < travelClients*len(herd); {
		user, err := api.New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { user.Close() })
		// Which node it is of is drawn at random: one that is of a node with enough is not used.
		fix, err := user.Report(t.Context(), "scout", "+1+1", api.SecondsOf(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		if of[fix.Node] == travelClients {
			user.Close()
			continue
		}
		of[fix.Node]++
		for w := range walkers {
			id, lat := fmt.Sprintf("traveller-%d-%d", n, w), float64(n)
			tr.running.Go(func() { tr.walk(t, user, id, lat) })
		}
		n++
	}
	return tr
}

// walk reports one client, and asks for it now and then, until the end or a fault.
func (tr *travellers) walk(t *testing.T, user *api.Client, id string, lat float64) {
	beat := time.NewTicker(travelBeat)
	defer beat.Stop()
	for n := 1; ; n++ {
		select {
		case <-tr.stop:
			return
		case <-beat.C:
		}
		at, when := api.PositionOf(lat, float64(n%180)), api.SecondsOf(time.Now())
		took, err := user.Report(t.Context(), id, at, when)
		if err != nil || took.ID != id || took.Position != at || took.Time != when {
			tr.fail(fmt.Errorf("%s reports %s %s and is told %v, %v", id, at, when, took, err))
			return
		}
		tr.mu.Lock()
		tr.acked[id] = fix{id, string(at), string(when)}
		tr.mu.Unlock()
		tr.answered.Add(1)
		if n%travelAsks > 0 {
			continue
		}
		p, err := user.Places(t.Context(), id, 1, 1)
		if err != nil || p.Fix.ID != id || p.Fix.Position != at || p.Fix.Time != when || p.Status == "" {
			tr.fail(fmt.Errorf("%s is told %v and then shown %v, %v", id, took, p.Fix, err))
			return
		}
		tr.answered.Add(1)
	}
}

func (tr *travellers) fail(err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.first == nil {
		tr.first = err
	}
}

// known is what has been acknowledged until now.
func (tr *travellers) known() book {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.acked)
}

// more returns when much has been answered, since now, or something is wrong.
func (tr *travellers) more(t *testing.T) {
	t.Helper()
	from := tr.answered.Load()
	until(t, "travellers are answered", func() bool {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return tr.first != nil || tr.answered.Load() > from+int64(len(tr.acked))
	})
	if tr.first != nil {
		t.Fatal(tr.first)
	}
}

func (tr *travellers) end() {
	tr.once.Do(func() { close(tr.stop) })
	tr.running.Wait()
}

// goneLine is what a node logs of the clients that it had when it left.
var goneLine = regexp.MustCompile(`clients are gone.*\bdrained=(\d+) cut=(\d+)`)

// All nodes of a herd start again one after the other, as they do for a new release: each is
// drained, by "herd leave --drain" or by a signal, while programs report and ask all the time.
// None of them sees an error, nothing that was acknowledged is lost, no session is cut off.
func TestE2ERollingRestart(t *testing.T) {
	s := sizes()
	var herd []*process
	for i := range 5 {
		p := spec{name: devName(i), key: testKey(t.Name()), env: []string{"HERD_CLIENT_DRAIN=" + s.drain.String()}}
		if i > 0 {
			p.join = []string{herd[0].Ready.Gossip}
		}
		herd = append(herd, launch(t, p))
		if i == 0 {
			herd[i].waitReady()
		}
	}
	for _, p := range herd[1:] {
		p.waitReady()
	}
	herd[0].spec.join = []string{herd[1].Ready.Gossip} // when it starts again
	settle(t, herd)
	tr := travel(t, herd, s.load/2)
	began, before := time.Now(), tr.answered.Load()
	for i, p := range herd {
		tr.more(t)
		from := time.Now()
		if i%2 > 0 {
			p.cmd.Process.Signal(syscall.SIGTERM)
		} else if code, out := herdVerb(t, "leave", "--drain", s.drain.String(), "--http-addr", p.Ready.HTTP); code != exitDone {
			t.Errorf("herd leave: exit code %d: %s", code, out)
		}
		if code := p.exitCode(); code != exitDone {
			t.Errorf("%s ends with %d", p.spec.name, code)
		}
		left := time.Since(from)
		known := tr.known()
		herd[i] = start(t, p.same()) // that it is ready is all that the next one waits for
		checkAll(t, herd, known)
		line := goneLine.FindStringSubmatch(p.logText())
		if line == nil || line[1] == "0" || line[2] != "0" {
			t.Errorf("%s says of its clients: %q, want some that are drained and none that are cut", p.spec.name, line)
			continue
		}
		t.Logf("%s: left after %s, ready again after %s; %s sessions drained, %s cut", p.spec.name,
			left.Round(time.Millisecond), time.Since(from).Round(time.Millisecond), line[1], line[2])
	}
	tr.more(t)
	answers, took := tr.answered.Load()-before, time.Since(began)
	tr.end()
	if tr.first != nil {
		t.Error(tr.first)
	}
	checkAll(t, herd, tr.acked)
	t.Logf("%d answers, %.0f a second, while all five started again: 0 errors wanted", answers, float64(answers)/took.Seconds())
}
