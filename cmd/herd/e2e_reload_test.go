//go:build unix

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"herd/config"
	"herd/config/certtest"
)

// Tokens that the nodes of these tests know, and one more.
const (
	readToken, writeToken = "canary-read-0123456789", "canary-write-0123456789"
	otherToken            = "canary-other-0123456789"
)

// reloading is a node whose configuration is a file, with clients that report all the time.
type reloading struct {
	*process
	dir     string
	ca      *certtest.Authority
	jane    tls.Certificate // of a client
	base    map[string]any  // settings by name
	file    string          // the configuration
	asked   int
	answers *answerer // the providers' upstream
	bona    *process  // another node
}

// write writes a file that its owner alone may read.
func (r *reloading) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// configure writes the base with other values for some settings.
func (r *reloading) configure(other map[string]any) {
	r.t.Helper()
	all := maps.Clone(r.base)
	maps.Copy(all, other)
	root := map[string]any{}
	for name, value := range all {
		at, key, block := root, "", strings.Split(name, ".")
		for key = block[0]; len(block) > 1; key = block[0] {
			next, ok := at[key].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[key] = next
			}
			at, block = next, block[1:]
		}
		at[key] = value
	}
	text, err := json.Marshal(root)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write("herd.json", string(text))
}

// do sends a request with a token, or none, as Jane or as nobody, and gives the status, 0 if there is none.
func (r *reloading) do(method, path, token string, jane bool, most uint16) (int, []byte) {
	_, port, _ := net.SplitHostPort(r.Ready.HTTP)
	c := &tls.Config{InsecureSkipVerify: true, MaxVersion: most} // whose it is, is asked elsewhere
	if jane {
		c.Certificates = []tls.Certificate{r.jane}
	}
	transport := &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "https://127.0.0.1:"+port+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: hang}).Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, body
}

// metric is the value of a series, as text.
func (r *reloading) metric(series string) string {
	_, body := r.do("GET", "/metrics", readToken, true, 0)
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// reload has the node take over some settings, and gives what it has taken.
func (r *reloading) reload(other map[string]any) map[string]bool {
	r.t.Helper()
	r.configure(other)
	code, body := r.do("POST", "/v1/reload", writeToken, true, 0)
	var answer struct{ Changes []config.Change }
	if err := json.Unmarshal(body, &answer); code != 200 || err != nil {
		r.t.Fatalf("%v: got %d: %s", other, code, body)
	}
	taken := map[string]bool{}
	for _, c := range answer.Changes {
		taken[c.Name] = c.Taken
	}
	return taken
}

// near asks what is near a client that reports, and gives the answer.
func (r *reloading) near(s *session, radius string) string {
	_, body, err := s.whatsAt("c0", radius, 20)
	if err != nil {
		r.t.Fatal(err)
	}
	return body
}

// ask is near with a question that nobody has asked before.
func (r *reloading) ask() string {
	r.asked++
	s := r.session()
	defer s.conn.Close()
	return r.near(s, fmt.Sprintf("2.%04d", r.asked))
}

// answerer is a server that answers as Google's two APIs and an Overpass do, and remembers
// what it was asked.
type answerer struct {
	*httptest.Server
	mu               sync.Mutex // guards the fields below
	last             string
	calls, now, most int
	meet             int           // so many calls at once are answered, and all after them
	met              chan struct{} // closed: they are there
}

func startAnswerer(t *testing.T) *answerer {
	a := &answerer{}
	a.expect(1)
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.last = fmt.Sprintf("%s %v %s", r.URL, r.Header, body)
	a.calls++
	a.now++
	a.most = max(a.most, a.now)
	if a.now >= a.meet {
		a.meet = math.MaxInt
		close(a.met)
	}
	met := a.met
	a.mu.Unlock()
	select {
	case <-met:
	case <-r.Context().Done(): // the node has given up
	case <-time.After(hang / 2): // sooner than a node that waits for as long as it can
	}
	a.mu.Lock()
	a.now--
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasPrefix(r.URL.Path, "/interpreter"):
		fmt.Fprint(w, `{"elements":[`+
			`{"type":"node","id":1,"lat":34.0690,"lon":-118.4451,"tags":{"name":"Near","amenity":"cafe"}},`+
			`{"type":"node","id":2,"lat":34.0750,"lon":-118.4451,"tags":{"name":"Far","tourism":"museum","wikidata":"Q1","wikipedia":"en:Far","website":"https://far.example"}}]}`)
	case strings.HasPrefix(r.URL.Path, "/maps/api"):
		fmt.Fprint(w, `{"status":"ZERO_RESULTS","results":[],"html_attributions":[]}`)
	default:
		fmt.Fprint(w, `{}`)
	}
}

// expect begins to count anew, with answers once so many calls are under way at once.
func (a *answerer) expect(meet int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.calls, a.most, a.meet, a.met = "", 0, 0, meet, make(chan struct{})
}

func (a *answerer) saw() (last string, calls, most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last, a.calls, a.most
}

func startReloading(t *testing.T) *reloading {
	t.Helper()
	r := &reloading{dir: t.TempDir(), ca: certtest.New(t), answers: startAnswerer(t)}
	r.process = &process{t: t} // until there is one
	cert, key := r.ca.Sign(30*24*time.Hour, "old.test")
	var err error
	if r.jane, err = tls.LoadX509KeyPair(r.ca.Sign(time.Hour, "Jane")); err != nil {
		t.Fatal(err)
	}
	r.base = map[string]any{
		"http.read_token_file":     r.write("read", readToken),
		"http.write_token_file":    r.write("write", writeToken),
		"tls.cert_file":            cert,
		"tls.key_file":             key,
		"tls.clients":              false,
		"places_order":             []string{"embedded"},
		"places.google.api":        "new",
		"places.google.key_file":   r.write("key", "first-key\n"),
		"places.google.base_url":   r.answers.URL,
		"places.overpass.base_url": r.answers.URL + "/interpreter",
		"places.overpass.cache":    "0s",

		"places.google.rate_per_minute":   0,
		"places.overpass.rate_per_minute": 0,

		"places.file.campus.path":   r.write("campus.csv", "name,lat,lon,population\nPowell Library,34.0716,-118.4421,1\nRoyce Hall,34.0800,-118.4422,9000\n"),
		"places.file.campus.format": "auto",
	}
	r.file = r.write("herd.json", "")
	r.configure(nil)
	r.process = start(t, spec{name: "Clark", client: "0.0.0.0:0", http: "0.0.0.0:0", flags: []string{"--config", r.file}})
	r.bona = start(t, spec{name: "Bona"})
	s := r.session()
	defer s.conn.Close()
	if _, err := s.report(fix{"kiwi", "+34.068930-118.445127", "1621464827"}); err != nil {
		t.Fatal(err)
	}
	return r
}

// load has clients report without a pause until stop is called, which tells how many reports
// were answered. A report that is not is a failure.
func (r *reloading) load(clients int) (stop func() int) {
	var reporting sync.WaitGroup
	end := make(chan struct{})
	answered := make([]int, clients)
	for i := range clients {
		s := r.session()
		reporting.Go(func() {
			defer s.conn.Close()
			pace := time.NewTicker(2 * time.Millisecond) // the test needs a processor too
			defer pace.Stop()
			for {
				select {
				case <-end:
					return
				case <-pace.C:
				}
				at, err := s.report(fix{fmt.Sprintf("c%d", i), "+34.06893-118.445127", fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1000)})
				if err != nil || !strings.HasPrefix(at, "AT Clark ") {
					r.t.Errorf("a client is answered %q, %v", at, err)
					return
				}
				answered[i]++
			}
		})
	}
	return func() (sum int) {
		close(end)
		reporting.Wait()
		for _, n := range answered {
			sum += n
		}
		return sum
	}
}

// TestE2EReloadEach: every setting that the reference marks as taken over by a reload is,
// while clients report, and that is seen from outside. One without a case fails.
func TestE2EReloadEach(t *testing.T) {
	r := startReloading(t)
	cases, known := r.cases(), map[string]bool{"client.drain": true} // TestE2EReloadDrain
	for _, c := range cases {
		known[c.name] = true
	}
	for _, f := range config.Fields() {
		if name := strings.Replace(f.Name, ".NAME.", ".campus.", 1); f.Live != known[name] {
			t.Errorf("%s: taken over at a reload: %t; there is a case: %t", f.Name, f.Live, known[name])
		}
	}
	stop := r.load(reporters)
	for _, c := range cases {
		if t.Failed() {
			break
		}
		r.reload(c.with)
		if c.before != nil {
			c.before()
		}
		if c.holds() {
			t.Errorf("%s: it holds before", c.name)
			continue
		}
		other := maps.Clone(c.with)
		if other == nil {
			other = map[string]any{}
		}
		maps.Copy(other, c.set)
		if c.refused != "" {
			r.configure(other)
			if code, body := r.do("POST", "/v1/reload", writeToken, true, 0); code != 422 || !bytes.Contains(body, []byte(c.refused)) {
				t.Errorf("%s: got %d: %s", c.name, code, body)
			}
			continue
		}
		if taken := r.reload(other); !taken[c.name] {
			t.Errorf("%s: it is not among what was taken over: %v", c.name, taken)
		}
		until(t, c.name+" takes effect", c.holds)
	}
	r.reload(nil)
	if n := stop(); n == 0 {
		t.Error("no client has reported")
	}
	if strings.Contains(r.logText(), "canary") {
		t.Error("the log shows a token")
	}
}

// TestE2EReloadVerb: the verb shows what has changed; a configuration that is wrong changes
// nothing, is told in the words of "config check", and shows in metrics.
func TestE2EReloadVerb(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "herd.hcl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	p := start(t, spec{name: "Clark", flags: []string{"--config", file}})
	reload := func(code int, args ...string) string {
		t.Helper()
		got, out := herdVerb(t, append([]string{"reload", "--http-addr", p.Ready.HTTP}, args...)...)
		if got != code {
			t.Fatalf("exit code %d, want %d: %s", got, code, out)
		}
		return out
	}
	if out := reload(exitDone); out != "No setting has changed.\n" {
		t.Errorf("got %q", out)
	}
	write("client {\n  max_line = \"1KiB\"\n}\ngossip {\n  label = \"x\"\n  join = [\"127.0.0.1:1\"]\n}\n")
	want := "SETTING          OLD   NEW          NOW\n" +
		"client.max_line  4KiB  1KiB         taken over\n" +
		"gossip.join      none  127.0.0.1:1  taken over\n" +
		"gossip.label     none  x            needs a restart\n"
	if out := reload(exitDone); out != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
	p.waitLog("these settings have changed and need a restart: settings=\"gossip.label: none, now x\"")
	// What needs a restart is told until there is one.
	if out := reload(exitDone, "--json"); !strings.Contains(out, `"gossip.label"`) || strings.Contains(out, "max_line") {
		t.Errorf("once more: %s", out)
	}
	write("client {\n  max_lines = \"2KiB\"\n  max_conns = 0\n}\n")
	_, check := herdVerb(t, "config", "check", file)
	if out := reload(exitUsage); strings.TrimSpace(out) != strings.TrimSpace(check) || !strings.Contains(out, "Did you mean") {
		t.Errorf("got:\n%s\nconfig check says:\n%s", out, check)
	}
	if m := p.metrics(); m[`herd_config_reloads_total{result="failed"}`] != 1 || m["herd_config_last_reload_failed"] != 1 || m["herd_config_last_reload_success_timestamp_seconds"] == 0 {
		t.Errorf("metrics of a reload that failed: %v", m)
	}
	// What can be taken over must go with what can't: the ports stay.
	write("http {\n  addr = \"127.0.0.1:1\"\n}\n")
	p.cmd.Process.Signal(syscall.SIGHUP)
	until(t, "a good reload", func() bool { return p.metrics()["herd_config_last_reload_failed"] == 0 })
	if code, out := herdVerb(t, "reload", "--http-addr", "127.0.0.1:1"); code != exitUnreachable {
		t.Errorf("of nobody: exit code %d: %s", code, out)
	}
}
