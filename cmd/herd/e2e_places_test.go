//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"herd/places/google/fakegoogle"
)

// canary is a key that must show nowhere.
const canary = "AIzaSyCanary-0123456789_abcdefghijklmno"

// startGoogle starts a fake Google for the time of the test.
func startGoogle(t *testing.T, o fakegoogle.Options) *fakegoogle.Server {
	t.Helper()
	s, err := fakegoogle.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// calls are those of either API.
func calls(g *fakegoogle.Server) int { return g.Calls("new") + g.Calls("legacy") }

// askGoogle has a node ask a server as Google, and embedded after it.
func askGoogle(g *fakegoogle.Server, flags ...string) spec {
	return spec{
		flags: append([]string{"--places-order", "google,embedded", "--places-google-base-url", g.URL}, flags...),
		env:   []string{"HERD_PLACES_GOOGLE_KEY=" + canary},
	}
}

func (s spec) named(name string, join ...string) spec {
	s.name, s.join = name, join
	return s
}

// whatsAt asks and gives the AT line and the JSON.
func (s *session) whatsAt(id string, radius string, n int) (at, body string, err error) {
	if _, err := fmt.Fprintf(s.conn, "WHATSAT %s %s %d\n", id, radius, n); err != nil {
		return "", "", err
	}
	if at, err = s.line(); err != nil {
		return "", "", err
	}
	body, err = s.body()
	return at, body, err
}

// placesReply is what the tests look at of an answer.
type placesReply struct {
	Status   string            `json:"status"`
	Error    string            `json:"error_message"`
	Messages []string          `json:"info_messages"`
	Results  []json.RawMessage `json:"results"`
}

func parseReply(t *testing.T, body string) placesReply {
	t.Helper()
	var r placesReply
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Errorf("%v: %q", err, body)
	}
	return r
}

// TestE2EGoogleBytes: a legacy answer comes through as Google's own bytes but for
// what is cut from its results, in one write.
func TestE2EGoogleBytes(t *testing.T) {
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	p := start(t, askGoogle(g, "--places-google-api", "legacy").named("Clark"))
	s := p.session()
	at, err := s.report(fix{"kiwi", "+34.068930-118.445127", "1621464827.959498503"})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(g.URL + "/maps/api/place/nearbysearch/json?location=34.06893,-118.445127&radius=10000&key=" + canary)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	whole, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	whole = regexp.MustCompile("\n+").ReplaceAll(whole, []byte("\n"))
	head, tail, _ := bytes.Cut(whole, []byte(`"results" : [`))
	_, tail, _ = bytes.Cut(tail, []byte("\n   ],"))
	var all placesReply
	if err := json.Unmarshal(whole, &all); err != nil || len(all.Results) != 20 {
		t.Fatalf("google itself: %v, %d results", err, len(all.Results))
	}

	for _, n := range []int{0, 1, 5, 20} {
		conn, err := net.Dial("tcp", p.Ready.Client)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "WHATSAT kiwi 10 %d\n", n)
		once := make([]byte, 1<<20)
		read, err := conn.Read(once) // one write is one read, on loopback and of this size
		if err != nil {
			t.Fatal(err)
		}
		got := string(once[:read])
		body, ok := strings.CutSuffix(got, "\n\n")
		gotAt, body, ok2 := strings.Cut(body, "\n")
		if !ok || !ok2 || gotAt != at || strings.Contains(body, "\n\n") || strings.HasSuffix(body, "\n") {
			t.Errorf("n = %d: not an AT line, JSON, two newlines, in one write: %q", n, got)
			continue
		}
		r := parseReply(t, body)
		if len(r.Results) != n {
			t.Errorf("n = %d: %d results", n, len(r.Results))
		}
		if n == 0 {
			continue // nobody is asked
		}
		if !strings.HasPrefix(body, string(head)) || !strings.HasSuffix(body, strings.TrimRight(string(tail), "\n")) {
			t.Errorf("n = %d: changed outside of results:\n%s", n, body)
		}
		for i := range r.Results {
			if !bytes.Equal(r.Results[i], all.Results[i]) {
				t.Errorf("n = %d: result %d is changed", n, i)
			}
		}
	}
}

// TestE2ESharedCall: a thousand clients that ask the same at once cost one call.
func TestE2ESharedCall(t *testing.T) {
	const clients = 1000
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	g.SetFault(fakegoogle.Slow(2 * time.Second))
	p := start(t, askGoogle(g).named("Clark"))
	if _, err := p.session().report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
		t.Fatal(err)
	}
	conns := make([]*session, clients)
	for i := range conns {
		conns[i] = p.session()
	}
	var wg sync.WaitGroup
	for _, s := range conns {
		wg.Go(func() {
			_, body, err := s.whatsAt("kiwi", "10", 5)
			if r := parseReply(t, body); err != nil || r.Status != "OK" || len(r.Results) != 5 || r.Messages != nil {
				t.Errorf("%v: %+v", err, r)
			}
		})
	}
	wg.Wait()
	m := p.metrics()
	t.Logf("%d questions, %d calls; the node counts %.0f coalesced", clients, calls(g), m[`herd_places_calls_saved_total{how="coalesced",provider="google"}`])
	if calls(g) != 1 || m[`herd_places_calls_total{provider="google"}`] != 1 {
		t.Errorf("%d calls, want 1", calls(g))
	}
}

// TestE2EBudget: three nodes spend one budget, and the calls that begin before
// word has gone round; then embedded answers and says why.
func TestE2EBudget(t *testing.T) {
	const budget, questions = 100, 400
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	g.SetFault(fakegoogle.Slow(10 * time.Millisecond)) // as a real one is: word goes round much faster
	var herd []*process
	for i, name := range []string{"Bailey", "Clark", "Jaquez"} {
		var join []string
		if i > 0 {
			join = []string{herd[i-1].Ready.Gossip}
		}
		herd = append(herd, start(t, askGoogle(g, "--places-google-budget-day", fmt.Sprint(budget), "--places-google-rate-per-minute", "0").named(name, join...)))
	}
	settle(t, herd)
	if _, err := herd[0].session().report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
		t.Fatal(err)
	}
	var fallbacks atomic.Int64
	var wg sync.WaitGroup
	for i, s := range sessions(herd) {
		wg.Go(func() {
			for j := range questions / 3 {
				_, body, err := s.whatsAt("kiwi", fmt.Sprintf("10.%d%03d", i, j), 5)
				r := parseReply(t, body)
				switch {
				case err != nil || r.Status != "OK" || len(r.Results) == 0:
					t.Errorf("%v: %+v", err, r)
				case r.Messages != nil && !strings.Contains(r.Messages[0], "google (budget_spent)"):
					t.Errorf("%q", r.Messages)
				case r.Messages != nil:
					fallbacks.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("budget %d: %d calls for %d questions at three nodes at once, %d answered by embedded", budget, calls(g), questions/3*3, fallbacks.Load())
	// On a machine that has its mind elsewhere word may take the time of more than a
	// call. Nodes that heard nothing of each other would spend three budgets.
	if n := calls(g); n < budget || n > budget*3/2 {
		t.Errorf("%d calls, want %d, and those that began before word had gone round", n, budget)
	}
	for _, p := range herd {
		until(t, p.spec.name+" knows what was spent", func() bool {
			return p.metrics()[`herd_places_spent_calls{period="day",provider="google"}`] == float64(calls(g))
		})
	}
}

// TestE2EFaults: whatever ails Google, each question has an answer, and clients
// who report do not notice.
func TestE2EFaults(t *testing.T) {
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	sink := startGoogle(t, fakegoogle.Options{}) // where nothing may go
	p := start(t, askGoogle(g, "--places-google-timeout", "500ms").named("Clark"))
	if _, err := p.session().report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
		t.Fatal(err)
	}
	quiet := p.reportTimes(t, 2000, nil)
	faults := []fakegoogle.Fault{
		fakegoogle.Hung(), fakegoogle.Trickle(), fakegoogle.NeverClosing(), fakegoogle.Huge(), fakegoogle.Cut(), fakegoogle.Reset(),
		fakegoogle.Malformed(), fakegoogle.HTML(), fakegoogle.Echo(), fakegoogle.Status(500, ""), fakegoogle.Status(429, "1"),
		fakegoogle.Redirect(sink.URL),
	}
	for i, f := range append(faults, fakegoogle.Refusals()...) {
		g.SetFault(f)
		p.cmd.Process.Signal(syscall.SIGHUP) // a new chain: no pause from the fault before
		until(t, "a reload", func() bool { return p.metrics()[`herd_config_reloads_total{result="ok"}`] == float64(i+1) })
		var worst, asked atomic.Int64
		busy := p.reportTimes(t, 2000, func() {
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					s := p.session()
					from := time.Now()
					_, body, err := s.whatsAt("kiwi", fmt.Sprintf("10.%d", asked.Add(1)), 5)
					if r := parseReply(t, body); err != nil || r.Status != "OK" || len(r.Results) != 5 {
						t.Errorf("%s: %v: %+v", f, err, r)
					}
					took := int64(time.Since(from))
					for was := worst.Load(); took > was && !worst.CompareAndSwap(was, took); was = worst.Load() {
					}
				})
			}
			wg.Wait()
		})
		t.Logf("%-24s 64 answers within %v of a deadline of 500 ms; IAMAT p99 %v, quiet %v", f, time.Duration(worst.Load()), busy, quiet)
	}
	if n := calls(sink); n > 0 {
		t.Errorf("%d calls followed a redirect to another host", n)
	}
}

// reportTimes is the 99th percentile of n reports while something is done, or of
// more if that takes longer.
func (p *process) reportTimes(t *testing.T, n int, do func()) time.Duration {
	t.Helper()
	s := p.session()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if do != nil {
			do()
		}
	}()
	var all []time.Duration
	for i := 0; ; i++ {
		select {
		case <-done:
			if i >= n {
				slices.Sort(all)
				return all[len(all)*99/100]
			}
		default:
		}
		from := time.Now()
		if _, err := s.report(fix{"mover", "+34.068930-118.445127", fmt.Sprint(1621464827 + i)}); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(from))
	}
}

// TestE2EReload: SIGHUP switches a provider off and on and takes in a file that
// has changed; a configuration that is wrong changes nothing.
func TestE2EReload(t *testing.T) {
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("campus.csv", "name,lat,lon\nPowell Library,34.0716,-118.4421\n")
	key := write("key", canary+"\n")
	config := func(enabled bool) string {
		return write("herd.hcl", fmt.Sprintf("places \"google\" {\n  enabled = %v\n  base_url = %q\n  key_file = %q\n}\nplaces \"file\" \"campus\" {\n  path = %q\n}\nplaces \"embedded\" {}\n", enabled, g.URL, key, file))
	}
	p := start(t, spec{name: "Clark", flags: []string{"--config", config(true)}})
	s := p.session()
	if _, err := s.report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
		t.Fatal(err)
	}
	ask := func() placesReply {
		t.Helper()
		_, body, err := s.whatsAt("kiwi", "10", 5)
		if err != nil {
			t.Fatal(err)
		}
		return parseReply(t, body)
	}
	reload := func(result string) {
		t.Helper()
		before := p.metrics()
		p.cmd.Process.Signal(syscall.SIGHUP)
		until(t, "a reload", func() bool {
			name := fmt.Sprintf("herd_config_reloads_total{result=%q}", result)
			return p.metrics()[name] == before[name]+1
		})
	}
	if r := ask(); len(r.Results) != 5 || calls(g) != 1 {
		t.Errorf("google: %d results, %d calls", len(r.Results), calls(g))
	}
	config(false)
	reload("ok")
	if r := ask(); len(r.Results) != 1 || !bytes.Contains(r.Results[0], []byte("Powell Library")) || r.Messages != nil || calls(g) != 1 {
		t.Errorf("switched off: %s, %q, %d calls", r.Results, r.Messages, calls(g))
	}
	write("campus.csv", "name,lat,lon\nPowell Library,34.0716,-118.4421\nRoyce Hall,34.0728,-118.4422\n")
	reload("ok")
	if r := ask(); len(r.Results) != 2 {
		t.Errorf("a file with two places: %s", r.Results)
	}
	write("campus.csv", "nothing,of,the,kind\n")
	reload("failed")
	write("herd.hcl", "places \"gogle\" {}\n")
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.waitLog("Did you mean")
	if r := ask(); len(r.Results) != 2 {
		t.Errorf("after reloads that failed: %s", r.Results)
	}
	write("campus.csv", "name,lat,lon\nPowell Library,34.0716,-118.4421\n")
	config(true)
	reload("ok")
	if r := ask(); len(r.Results) != 5 || calls(g) != 2 {
		t.Errorf("google again: %d results, %d calls", len(r.Results), calls(g))
	}
}

// TestE2ECanary: the key is in no log at its most talkative, no metric, answer or
// error, whatever Google does.
func TestE2ECanary(t *testing.T) {
	g := startGoogle(t, fakegoogle.Options{Key: canary})
	var seen strings.Builder
	for _, api := range []string{"new", "legacy", "auto"} {
		p := start(t, askGoogle(g, "--places-google-api", api, "--places-google-timeout", "200ms", "--log-level", "trace").named("Clark"))
		s := p.session()
		if _, err := s.report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
			t.Fatal(err)
		}
		faults := []fakegoogle.Fault{
			fakegoogle.Slow(0), fakegoogle.Hung(), fakegoogle.Cut(), fakegoogle.Reset(), fakegoogle.Malformed(), fakegoogle.HTML(),
			fakegoogle.Echo(), fakegoogle.Status(500, ""), fakegoogle.Redirect("http://127.0.0.1:1"), fakegoogle.Redirect("http://user:" + canary + "@127.0.0.1:1"),
		}
		for i, f := range append(faults, fakegoogle.Refusals()...) {
			g.SetFault(f)
			p.cmd.Process.Signal(syscall.SIGHUP)
			until(t, "a reload", func() bool { return p.metrics()[`herd_config_reloads_total{result="ok"}`] == float64(i+1) })
			for n := range 3 {
				_, body, err := s.whatsAt("kiwi", fmt.Sprint(n+1), 5)
				if err != nil {
					t.Fatal(err)
				}
				seen.WriteString(body)
			}
			for _, path := range []string{"/metrics", "/v1/self", "/v1/members", "/readyz?verbose"} {
				_, body, err := p.get(path)
				if err != nil {
					t.Fatal(err)
				}
				seen.Write(body)
			}
		}
		p.stop(syscall.SIGTERM)
		seen.WriteString(p.logText())
		seen.WriteString(fmt.Sprint(p.cmd.Args))
	}
	for _, verb := range [][]string{{"config", "print"}, {"config", "check"}, {"config", "print", "--json"}} {
		for _, flags := range [][]string{{"--places-order", "google"}, {"--places-order", "google", "--places-google-base-url", "ftp://x"}, {"--places-order", "gogle"}} {
			_, out := herdVerb(t, append(verb, flags...)...)
			seen.WriteString(out)
		}
	}
	if text := seen.String(); strings.Contains(text, canary) || strings.Contains(text, canary[8:24]) {
		i := strings.Index(text, canary[8:24])
		t.Errorf("the key shows: …%s…", text[max(0, i-200):min(len(text), i+100)])
	}
	t.Logf("%d bytes of logs, metrics and answers; the key is in none", seen.Len())
}
