//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Tests named TestE2E… start real nodes, talk to them, and kill them. They run
// the binary that HERD_BIN names, else this test's own, which is the same code:
// under the race detector so are the nodes.
//
// How long something took is logged, never asserted: machines differ. Only what
// never comes is a failure.

// e2e is how much these tests do.
type e2e struct {
	pairs     int           // fixes sent to one node and looked for at another
	load      int           // updates a second meanwhile
	ties      int           // clients with equal times at three nodes
	originals int           // kills of the node that has just sent an AT line
	kills     int           // kills of one node, and as many of two at once
	clients   int           // in the herd that an empty node joins
	joinLoad  int           // updates a second meanwhile
	alone     bool          // nothing else runs here: a member out of sync is a fault of ours
	faults    extent        // of the faults made by the kernel
	cuts      int           // kills of all nodes at once
	drain     time.Duration // of a node that starts again
}

// extent is which of the rows of faults are tried.
type extent int

const (
	brief  extent = iota // a few seconds
	short                // a minute
	matrix               // all, at full size: half an hour
)

// sizes are picked by HERD_E2E: nothing is for every go test, "ci" for a few
// minutes, "full" for as long as it takes, "chaos" for all rows of faults.
func sizes() e2e {
	switch os.Getenv("HERD_E2E") {
	case "full":
		return e2e{10_000, 20_000, 200, 200, 10, 100_000, 5_000, true, short, 20, 5 * time.Second}
	case "ci":
		return e2e{600, 10_000, 50, 10, 3, 50_000, 5_000, false, short, 3, 300 * time.Millisecond}
	case "chaos":
		return e2e{faults: matrix}
	}
	return e2e{200, 1_000, 10, 2, 1, 2_000, 500, false, brief, 1, 300 * time.Millisecond}
}

// hang is when something that should come is given up.
const hang = time.Minute

// until returns when the condition holds, and how long that took.
func until(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	from := time.Now()
	for range ticks(ctx, 10*time.Millisecond) {
		if holds() {
			return time.Since(from)
		}
	}
	t.Fatalf("after %v still not: %s", time.Since(from).Round(time.Second), what)
	return 0
}

// spec is how a node is started. Addresses left empty are any free ones.
type spec struct {
	name                 string
	binary               string // empty: the one under test
	client, gossip, http string
	join                 []string
	key                  string
	flags                []string
	env                  []string // NAME=value
	host                 *host    // where it runs; nil: here

	tls *tls.Config // how its ports are spoken to; nil: in the clear
}

// process is a node in a process of its own.
type process struct {
	spec  spec
	Ready readyNode // of a node that is or was ready
	begun time.Time

	t     *testing.T
	cmd   *exec.Cmd
	file  string // ready file
	log   string // file of its standard error
	ended chan struct{}
}

// host is where a process runs, and how it is reached from here.
type host struct {
	start func(cmd *exec.Cmd) error
	dial  func(addr string) (net.Conn, error)
}

// herdBinary is the path of the binary under test.
func herdBinary(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("HERD_BIN"); bin != "" {
		return bin
	}
	bin, err := exec.LookPath("herd") // TestMain put it there
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// herdVerb runs a verb and gives its exit code and all that it printed.
func herdVerb(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), herdBinary(t), args...)
	cmd.Env = environ()
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// environ is the environment without any of herd's variables.
func environ() []string {
	var clean []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HERD_") {
			clean = append(clean, e)
		}
	}
	return clean
}

// launch starts a node and does not wait for it.
func launch(t *testing.T, s spec) *process {
	t.Helper()
	p := &process{spec: s, t: t, ended: make(chan struct{})}
	// A name starts more than once, and the log of each start is a file.
	f, err := os.CreateTemp(t.ArtifactDir(), s.name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.log = f.Name()
	p.file = filepath.Join(t.TempDir(), "ready.json")
	if s.binary == "" {
		s.binary = herdBinary(t)
	}
	args := []string{
		s.binary, "node", "--name", s.name, "--ready-file", p.file,
		"--client-addr", s.orFree(t, s.client), "--gossip-addr", s.orFree(t, s.gossip), "--http-addr", s.orFree(t, s.http),
	}
	for _, seed := range s.join {
		args = append(args, "--join", seed)
	}
	args = append(args, s.flags...)
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = environ()
	if s.key != "" {
		p.cmd.Env = append(p.cmd.Env, "HERD_GOSSIP_KEY="+s.key)
	}
	p.cmd.Env = append(p.cmd.Env, s.env...)
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.begun = time.Now()
	run := p.cmd.Start
	if s.host != nil {
		run = func() error { return s.host.start(p.cmd) }
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of %s ends:\n%s", s.name, tail(p.logText(), 40))
		}
	})
	return p
}

// orFree is addr or, if it is empty, one that is free. It is not one of those that
// systems give out for port 0 and for dials: a node that was killed is to find its
// ports free when it starts again.
func (s spec) orFree(t *testing.T, addr string) string {
	t.Helper()
	switch {
	case addr != "":
		return addr
	case s.host != nil: // alone in its network
		return "127.0.0.1:0"
	}
	const first, count = 12_000, 18_000
	for range count {
		n := uint32(os.Getpid())*101 + ports.Add(1)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+int(n%count)))
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", addr)
		tcp.Close()
		if err == nil {
			udp.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// ports counts the ports that tests have asked for.
var ports atomic.Uint32

func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// start starts a node and waits until it is ready.
func start(t *testing.T, s spec) *process {
	t.Helper()
	p := launch(t, s)
	p.waitReady()
	return p
}

// waitReady waits for the ready file and gives the time since the start.
func (p *process) waitReady() time.Duration {
	p.t.Helper()
	until(p.t, p.spec.name+" is ready", func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("%s ended before it was ready: %v", p.spec.name, p.cmd.ProcessState)
		default:
		}
		text, err := os.ReadFile(p.file)
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		if err != nil {
			p.t.Fatal(err)
		}
		// The file appears in one step: half of it is a failure.
		if err := json.Unmarshal(text, &p.Ready); err != nil {
			p.t.Fatalf("ready file: %v: %q", err, text)
		}
		return true
	})
	return time.Since(p.begun)
}

// same is how to start the node again with the addresses it has.
func (p *process) same() spec {
	s := p.spec
	s.client, s.gossip, s.http = p.Ready.Client, p.Ready.Gossip, p.Ready.HTTP
	return s
}

// kill is kill -9, and waits until the process is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// stand has the process do nothing any more.
func (p *process) stand() {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		p.t.Error(err)
	}
}

// stop sends a signal and gives the exit code and how long the end took.
func (p *process) stop(signal os.Signal) (code int, took time.Duration) {
	p.t.Helper()
	from := time.Now()
	p.cmd.Process.Signal(signal)
	return p.exitCode(), time.Since(from)
}

// exitCode waits for the end of the process.
func (p *process) exitCode() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(hang):
		p.cmd.Process.Signal(syscall.SIGQUIT) // what is it doing?
		p.t.Fatalf("%s does not end", p.spec.name)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) logText() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	return string(text)
}

// waitLog waits until the log holds a text.
func (p *process) waitLog(text string) {
	p.t.Helper()
	until(p.t, p.spec.name+" logs "+strconv.Quote(text), func() bool {
		return strings.Contains(p.logText(), text)
	})
}

func (p *process) dial(addr string) (conn net.Conn, err error) {
	if p.spec.host != nil {
		conn, err = p.spec.host.dial(addr)
	} else {
		conn, err = net.DialTimeout("tcp", addr, hang)
	}
	if err == nil && p.spec.tls != nil {
		conn = tls.Client(conn, p.spec.tls)
	}
	return conn, err
}

// get asks the node's HTTP address.
func (p *process) get(path string) (status int, body []byte, err error) {
	c := http.Client{Timeout: hang, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(_ context.Context, _, addr string) (net.Conn, error) { return p.dial(addr) },
	}}
	resp, err := c.Get("http://" + p.Ready.HTTP + path)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// view is the herd as the node sees it: states by name.
func (p *process) view() map[string][]string {
	var list memberList
	states := map[string][]string{}
	_, body, err := p.get("/v1/members")
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		return states // asked in loops; who waits in vain says so
	}
	for _, m := range list.Members {
		states[m.Name] = append(states[m.Name], m.State)
	}
	return states
}

// sees tells whether the node sees exactly these nodes alive, all in sync.
func (p *process) sees(nodes []*process) bool {
	var list memberList
	_, body, err := p.get("/v1/members")
	if err != nil || json.Unmarshal(body, &list) != nil {
		return false
	}
	alive := map[string]bool{}
	for _, m := range list.Members {
		if m.State == "alive" {
			alive[m.Name] = m.InSync || m.Name == list.Self
		}
	}
	for _, n := range nodes {
		if !alive[n.spec.name] {
			return false
		}
	}
	return len(alive) == len(nodes)
}

// metrics are the node's series: name and labels as they are written.
func (p *process) metrics() map[string]float64 {
	p.t.Helper()
	_, body, err := p.get("/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, ok := cutLast(strings.TrimSpace(line), " ")
		if !ok || line[0] == '#' {
			continue
		}
		if all[name], err = strconv.ParseFloat(value, 64); err != nil {
			p.t.Errorf("%s: %v", p.spec.name, err)
		}
	}
	return all
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// sum adds the series of one name, whatever their labels.
func sum(metrics map[string]float64, name string) (total float64) {
	for series, value := range metrics {
		if bare, _, _ := strings.Cut(series, "{"); bare == name {
			total += value
		}
	}
	return total
}

// testKey is a gossip key.
func testKey(secret string) string {
	key := make([]byte, 32)
	copy(key, secret)
	return base64.StdEncoding.EncodeToString(key)
}

// startHerd starts n nodes, each of which joins through the one before it, and
// waits until all see all.
func startHerd(t *testing.T, n int) []*process {
	t.Helper()
	var herd []*process
	for i := range n {
		s := spec{name: devName(i), key: testKey(t.Name())}
		if i > 0 {
			s.join = []string{herd[i-1].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	return herd
}

// settle waits until every node sees every node, and no other, alive and in
// sync.
func settle(t *testing.T, herd []*process) time.Duration {
	t.Helper()
	return until(t, "all nodes see each other", func() bool {
		for _, p := range herd {
			if !p.sees(herd) {
				return false
			}
		}
		return true
	})
}

// each runs do for every node at the same time.
func each(herd []*process, do func(p *process)) {
	var wg sync.WaitGroup
	for _, p := range herd {
		wg.Go(func() { do(p) })
	}
	wg.Wait()
}
