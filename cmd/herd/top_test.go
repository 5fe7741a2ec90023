package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"herd/cmd/herd/internal/top"
)

// fakeScreen keeps what is shown.
type fakeScreen struct {
	mu            sync.Mutex // guards the fields below
	width, height int
	lines         []string
	fail          error
	redraws       int
}

func (s *fakeScreen) Size() (width, height int) { return s.width, s.height }
func (s *fakeScreen) Redraw()                   { s.redraws++ }
func (s *fakeScreen) Show(lines []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = lines
	return s.fail
}

func (s *fakeScreen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return styles.ReplaceAllString(strings.Join(s.lines, "\n"), "")
}

var styles = regexp.MustCompile("\x1b\\[[0-9;]*m")

// watched is herd top at a fake terminal, in a bubble.
type watched struct {
	t       *testing.T
	nodes   *fakeNodes
	screen  *fakeScreen
	keys    *io.PipeWriter
	end     chan os.Signal
	resized chan os.Signal
	stop    context.CancelFunc
	ended   chan any // an error, nil, or what was panicked with
}

func watchTop(t *testing.T, nodes *fakeNodes) *watched {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &watched{
		t: t, nodes: nodes, screen: &fakeScreen{width: 80, height: 24},
		end: make(chan os.Signal, 1), resized: make(chan os.Signal, 1), stop: stop, ended: make(chan any, 1),
	}
	v := &topVerb{client: client{addr: "http://" + fakeAddr(0), http: http.Client{Transport: nodes}}, interval: time.Second, noColour: true}
	first, err := sampleNode(ctx, &v.client)
	if err != nil {
		t.Fatal(err)
	}
	keys, in := io.Pipe()
	w.keys = in
	t.Cleanup(func() { stop(); in.Close() })
	go func() {
		defer func() {
			if v := recover(); v != nil {
				w.ended <- v
			}
		}()
		f := newTopFeed(ctx, v, first)
		defer f.stop()
		watch := &topWatch{verb: v, screen: w.screen, end: w.end, resized: w.resized}
		w.ended <- watch.run(ctx, f, f.model(first), keys)
	}()
	synctest.Wait()
	return w
}

// shows fails unless the screen does, and does not.
func (w *watched) shows(texts ...string) {
	w.t.Helper()
	synctest.Wait()
	shown := w.screen.text()
	for _, text := range texts {
		if bare, not := strings.CutPrefix(text, "!"); strings.Contains(shown, bare) == not {
			w.t.Errorf("%q is there: %v\n%s", bare, not, shown)
		}
	}
}

// When its node dies top goes on with another one, and comes back.
func TestTopMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchTop(t, newFakeNodes("Bailey", "Bona", "Clark"))
		w.shows("as seen by Bailey  3 alive", "from clients           –")
		time.Sleep(1500 * time.Millisecond)
		w.shows("from clients       100/s", "!does not answer", "!from here on")

		w.nodes.set(0, true)
		time.Sleep(time.Second)
		w.shows("as seen by Bona  2 alive, 1 failed", "127.0.0.1:10000 does not answer: connection refused. It is tried again.", "as seen by Bona from here on")
		w.nodes.set(1, true)
		time.Sleep(time.Second)
		w.shows("as seen by Clark  1 alive, 2 failed")
		w.nodes.set(2, true)
		time.Sleep(time.Second)
		w.shows("as seen by Clark", "No node answers: connection refused. What is shown is old.")
		w.nodes.set(1, false)
		time.Sleep(time.Second)
		w.shows("as seen by Bona", "!No node answers:")
		w.nodes.set(0, false)
		time.Sleep(topReturn + time.Second)
		w.shows("as seen by Bailey", "!It is tried again")
		w.nodes.hang(0)
		time.Sleep(time.Second + topPatience)
		w.shows("as seen by Bona", "127.0.0.1:10000 does not answer: no answer in 2s.")

		fmt.Fprint(w.keys, "q")
		if err := <-w.ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
}

// Events are shown as they come, and the hottest clients at the next look.
func TestTopEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchTop(t, newFakeNodes("Bailey", "Bona"))
		w.shows("nobody reports", "none since the start")
		w.nodes.send(0, ev("1-1", "fix", `{"id":"kiwi","node":"Bona","position":"+34-118"}`))
		time.Sleep(1100 * time.Millisecond)
		w.shows("kiwi ", "+34-118")
		for range 2 {
			w.nodes.send(0, ev("1-2", "member", `{"name":"Bona","state":"failed","was":"suspect"}`)) // in the wrong stream: not taken
		}
		w.shows("!suspect -> failed")

		// More than enough: the rest of the second is left out.
		fix := ev("1-3", "fix", `{"id":"emu","node":"Bona","position":"+34-118"}`)
		w.nodes.send(0, strings.Repeat(fix, topEvents))
		synctest.Wait()
		asked := w.nodes.count(0)
		w.nodes.send(0, fix) // to nobody
		time.Sleep(2 * time.Second)
		w.shows("HOTTEST OF SOME", "emu ")
		if w.nodes.count(0) == asked {
			t.Error("it does not follow again")
		}
		w.nodes.send(0, fix)
		time.Sleep(topTurn)
		w.nodes.send(0, fix)
		time.Sleep(topTurn)
		w.shows("!OF SOME")
	})
}

// The picture is held, and what has come meanwhile is there afterwards.
func TestTopPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchTop(t, newFakeNodes("Bailey", "Bona"))
		fmt.Fprint(w.keys, "p")
		w.shows("PAUSED")
		w.nodes.set(1, true)
		time.Sleep(3 * time.Second)
		w.shows("2 alive", "!failed")
		fmt.Fprint(w.keys, "p")
		w.shows("1 alive, 1 failed", "!PAUSED")
		w.screen.width = 20
		w.resized <- nil
		w.shows("The herd as seen by…")
		fmt.Fprint(w.keys, "\x0c?")
		w.shows("KEYS")
		if w.screen.redraws != 2 {
			t.Errorf("drawn anew %d times, want 2", w.screen.redraws)
		}
		w.keys.Close() // the terminal sends nothing more
		time.Sleep(2 * time.Second)
		w.shows("KEYS")
	})
}

// It ends when told to, by whatever, and when something is wrong with it.
func TestTopEnds(t *testing.T) {
	for name, end := range map[string]func(w *watched){
		"Ctrl-C": func(w *watched) { fmt.Fprint(w.keys, "\x03") },
		"SIGHUP": func(w *watched) { w.end <- os.Interrupt },
		"done":   func(w *watched) { w.stop() },
		"no terminal": func(w *watched) {
			w.screen.mu.Lock()
			w.screen.fail = io.ErrClosedPipe
			w.screen.mu.Unlock()
		},
		"a bug": func(w *watched) {
			w.nodes.mu.Lock()
			w.nodes.answer["/v1/stats"] = "panic"
			w.nodes.mu.Unlock()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := watchTop(t, newFakeNodes("Bailey"))
			end(w)
			time.Sleep(2*time.Second + topPatience) // timers of requests that panicked too
			synctest.Wait()
			select {
			case got := <-w.ended:
				if want := name == "a bug" || name == "no terminal"; want != (got != nil) || want && !strings.Contains(fmt.Sprint(got), map[bool]string{true: "a bug", false: "draw on the terminal"}[name == "a bug"]) {
					t.Errorf("%s: it ends with %v", name, got)
				}
			default:
				t.Errorf("%s: it goes on", name)
			}
		})
	}
}

// Whoever is no node, or is none any more, is told of with what to do.
func TestTopWrongNode(t *testing.T) {
	answers := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		code   int
		want   []string
	}{
		{"no JSON", answers("\x1b[2Jhello"), exitFailed, []string{"read the answer of", "Is 127.0.0.1", "the HTTP address of a node?"}},
		{"JSON of something else", answers(`{"name":7}`), exitFailed, []string{"read the answer of", "the HTTP address of a node?"}},
		{"no name", answers(`{}`), exitFailed, []string{"does not say who it is", "the HTTP address of a node?"}},
		{"not found", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, exitFailed, []string{"answers 404", "the HTTP address of a node?"}},
		{"a client's port", func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				io.WriteString(conn, "? GET / HTTP/1.1\n")
				conn.Close()
			}
		}, exitUnreachable, []string{"127.0.0.1:", ": what is there speaks no HTTP", "the HTTP address of a node?"}},
		{"nobody", nil, exitUnreachable, []string{"no node answers at", "connection refused", `Start a herd by "herd dev"`, "--http-addr"}},
	} {
		s := httptest.NewServer(c.handle)
		if c.handle == nil {
			s.Close()
		}
		f := newFakeApp(fine)
		code := f.run(t.Context(), []string{"top", "--once", "--http-addr", s.Listener.Addr().String()})
		if code != c.code || f.out.String() != "" {
			t.Errorf("%s: exit code %d, want %d; %s", c.name, code, c.code, &f.out)
		}
		for _, want := range c.want {
			if !strings.Contains(f.err.String(), want) {
				t.Errorf("%s: no %q in %s", c.name, want, &f.err)
			}
		}
		if strings.ContainsRune(f.err.String(), '\x1b') {
			t.Errorf("%s: it speaks to the terminal: %q", c.name, &f.err)
		}
		s.Close()
	}
	for _, args := range [][]string{{"--interval", "1ms"}, {"--interval", "1h"}, {"127.0.0.1:4133"}} {
		f := newFakeApp(fine)
		if code := f.run(t.Context(), append([]string{"top"}, args...)); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// Members are gone to where they can be reached, best first, never on another machine's
// loopback.
func TestTopOthers(t *testing.T) {
	f := &topFeed{home: "10.0.0.1:4133", at: "10.0.0.1:4133", members: []top.Member{
		{Name: "home", State: "alive", HTTP: "10.0.0.1:4133"},
		{Name: "down", State: "failed", HTTP: "10.0.0.2:4133"},
		{Name: "gone", State: "left", HTTP: "10.0.0.3:4133"},
		{Name: "shut", State: "alive", HTTP: "127.0.0.1:4133"},
		{Name: "open", State: "alive", HTTP: "0.0.0.0:4133", Gossip: "10.0.0.5:4132"},
		{Name: "odd", State: "alive", HTTP: "nonsense"},
		{Name: "dull", State: "suspect", HTTP: "10.0.0.6:4133"},
	}}
	const want = "[{open 10.0.0.5:4133} {dull 10.0.0.6:4133} {down 10.0.0.2:4133}]"
	if got := fmt.Sprint(f.others()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.at, f.home = "localhost:4143", "localhost:4143"
	if got := fmt.Sprint(f.others()); !strings.Contains(got, "{shut 127.0.0.1:4133}") {
		t.Errorf("got %s", got)
	}
	for i := range 100 {
		f.members = append(f.members, top.Member{Name: fmt.Sprint(i), State: "alive", HTTP: fmt.Sprintf("10.0.1.%d:4133", i)})
	}
	if got := len(f.others()); got != topOthers {
		t.Errorf("%d are asked at a time", got)
	}
}
