package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"herd/node/load"
)

// sampleReport is of a run that went badly in its third second.
func sampleReport() *loadReport {
	const ms = time.Millisecond
	r := &loadReport{
		Mode: modeLoad, Protocol: "herd", Mix: "90:10", Addrs: []string{"127.0.0.1:4131", "127.0.0.1:4141"},
		Connections: 50, Clients: 100_000, Rate: 2000,
		Result: load.Result{
			Commands: 12_000, Seconds: 6, PerSecond: 2000,
			Latency:  load.Latency{P50: 152_300, P90: 310 * time.Microsecond, P99: 12_340_000, P999: 99 * ms, Max: 1234 * ms},
			Lateness: &load.Latency{P50: 12_000, P99: 80_000, Max: 1200_000},
			Filled:   100_000, FillTime: 1500 * ms, Results: 4.25,
			Wrong: 1, Missing: 2, Unsent: 7,
			Samples: []string{`no AT line: "IAMAT\n" answered "?\n"`},
		},
		Server:    &spent{0.5, 41.66, 0.083},
		Generator: &spent{0.2, 16.66, 0.033},
	}
	for i, p99 := range []time.Duration{1 * ms, 2 * ms, 1000 * ms, 3 * ms, 0, 100_000} {
		r.Series = append(r.Series, load.Second{Second: i + 1, Commands: 2000, P50: min(p99, 100_000), P99: p99, Max: 2 * p99})
	}
	return r
}

const sampleTable = `herd 90:10, 2000/s over 50 connections, 100000 clients, 6.0 s,
to 127.0.0.1:4131, 127.0.0.1:4141

COMMANDS  PER SECOND  P50       P90       P99      P99.9    MAX      ERRORS
12000     2000        0.152 ms  0.310 ms  12.3 ms  99.0 ms  1234 ms  3

server CPU     41.66 s per million commands, 0.08 cores
generator CPU  16.66 s per million commands, 0.03 cores
sent late by   p50 0.012 ms, p99 0.080 ms, max 1.20 ms
stored before  100000 clients in 1.5 s
per query      4.2 results
never sent     7 commands: the servers were that far behind
error          no AT line: "IAMAT\n" answered "?\n"

`

const samplePlot = `latency in ms: ● p50  ▲ p99  ◆ both
    1000 │  ▲
     359 │
     129 │
    46.4 │
    16.7 │
    5.99 │
    2.15 │ ▲ ▲
   0.774 │▲
   0.278 │
   0.100 │●●●● ◆
         └──────
          0  6 s
`

func TestBenchReport(t *testing.T) {
	plain := strings.NewReplacer("●", "o", "▲", "^", "◆", "#", "│", "|", "└", "+", "─", "-")
	for _, tt := range []struct {
		environ []string
		plain   bool
		want    string
	}{
		{[]string{"LANG=en_US.UTF-8"}, false, samplePlot},
		{[]string{"LANG=C", "LC_ALL=C.utf8"}, false, samplePlot},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL=C"}, false, plain.Replace(samplePlot)},
		{nil, false, plain.Replace(samplePlot)},
		{[]string{"LANG=en_US.UTF-8"}, true, plain.Replace(samplePlot)},
	} {
		f := newFakeApp(fine)
		f.environ = tt.environ
		b := &benchVerb{app: &f.app, plain: tt.plain}
		err := b.show(sampleReport())
		if err == nil || err.Error() != "1 wrong replies, 2 commands without a reply" {
			t.Errorf("got the error %v", err)
		}
		if got := f.out.String(); got != sampleTable+tt.want {
			t.Errorf("%v: got:\n%s\nwant:\n%s", tt.environ, got, sampleTable+tt.want)
		}
	}
}

// Whatever the latencies, a plot has its size, and each second its marks.
func TestPlotHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		latency := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, int64(time.Second)), rapid.Int64Range(0, int64(time.Hour)))
		var series []load.Second
		for i := range rapid.IntRange(1, 300).Draw(t, "seconds") {
			p50, p99 := latency.Draw(t, "a"), latency.Draw(t, "b")
			series = append(series, load.Second{Second: i + 1, P50: time.Duration(min(p50, p99)), P99: time.Duration(max(p50, p99))})
		}
		var b strings.Builder
		plotSeries(&b, series, true)
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != plotHeight+3 {
			t.Fatalf("%d lines:\n%s", len(lines), &b)
		}
		columns, each := columnsOf(series)
		if len(columns) > plotWidth || len(columns)*each < len(series) || (len(columns)-1)*each >= len(series) {
			t.Fatalf("%d columns of %d s for %d s", len(columns), each, len(series))
		}
		for i, c := range columns {
			marks := 0
			for _, line := range lines[1 : 1+plotHeight] {
				if at := len("12345678 |") + i; at < len(line) && line[at] != ' ' {
					marks++
				}
			}
			want := 0
			if c.p99 > 0 {
				want++
			}
			if c.p50 > 0 {
				want++
			}
			if marks > want || marks == 0 && want == 2 {
				t.Fatalf("column %d of %v has %d marks:\n%s", i, c, marks, &b)
			}
		}
		for _, line := range lines[1:] {
			if utf8.RuneCountInString(line) > plotWidth+20 {
				t.Fatalf("a line of %d characters:\n%s", len(line), line)
			}
		}
	})
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.000 ms", 1500: "0.002 ms", 999 * time.Microsecond: "0.999 ms", time.Millisecond: "1.00 ms",
		12_340_000: "12.3 ms", 123_400_000: "123 ms", 12 * time.Second: "12000 ms",
	} {
		if got := ms(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func TestMeter(t *testing.T) {
	if !canMeter {
		if _, err := cpuTime(os.Getpid()); err == nil {
			t.Error("there is a meter after all")
		}
		return
	}
	m := &meter{pids: []int{os.Getpid()}}
	m.begin()
	for m.end(); m.after < m.before+50*time.Millisecond; m.end() { // spends it
	}
	s := m.spent(2, 1e6)
	if s == nil || s.Seconds < 0.05 || s.PerMillion != s.Seconds || s.Cores != s.Seconds/2 {
		t.Errorf("spent %+v", s)
	}
	if s := m.spent(2, 0); s == nil || s.PerMillion != 0 || s.Cores == 0 {
		t.Errorf("spent on nothing: %+v", s)
	}
	if n, err := resident(os.Getpid()); n < 1<<20 || err != nil {
		t.Errorf("%d bytes resident, %v", n, err)
	}
	if s := (&meter{}).spent(2, 1e6); s != nil {
		t.Errorf("no process spent %+v", s)
	}
	if _, err := cpuTime(0); err == nil {
		t.Error("process 0 spends time")
	}
}

// The line of progress is for people alone.
func TestProgress(t *testing.T) {
	var b strings.Builder
	p := newProgress(&b, 10*time.Second)
	p.say("connecting")
	p.done()
	if b.Len() > 0 {
		t.Errorf("what is no terminal was told %q", &b)
	}
	p.w = &b
	p.say("connecting to very many servers, which takes its time, as one would think")
	p.second(load.Second{Second: 3, Commands: 12, P50: 1500, P99: time.Second, Wrong: 2})
	p.done()
	if lines := strings.Split(b.String(), "\r"); len(lines) != 5 || strings.TrimSpace(lines[2]) != "3 of 10 s: 12 commands, p50 0.002 ms, p99 1000 ms, 2 wrong" ||
		len(lines[2]) != len(lines[1]) || strings.TrimSpace(lines[3]) != "" {
		t.Errorf("got %q", lines)
	}
}

// A report in JSON is one value, whole.
func TestBenchJSON(t *testing.T) {
	f := newFakeApp(fine)
	b := &benchVerb{app: &f.app, json: true}
	r := sampleReport()
	r.Wrong, r.Missing = 0, 0
	if err := b.show(r); err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"p50_ns": 152300,`, `"series": [`, `"cpu_seconds_per_million": 41.66,`, `"lateness": {`, `"mode": "load"`} {
		if !strings.Contains(f.out.String(), want) {
			t.Errorf("no %s in %s", want, fmt.Sprint(&f.out))
		}
	}
}

func TestRedisMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"bench", "--protocol", "redis-set"})
	if want := "herd: redis-server is not installed here: install it, or give the ADDR of a Redis\n"; code != exitUsage || f.err.String() != want {
		t.Errorf("exit code %d: %s", code, &f.err)
	}
}

// The report of each mode fits a terminal.
func TestBenchReports(t *testing.T) {
	worst := load.Latency{P50: 99 * time.Second, P90: 99 * time.Second, P99: 99 * time.Second, P999: 99 * time.Second, Max: 99 * time.Second}
	lively := &load.Result{Latency: worst, PerSecond: 1e6}
	cores := 1.5
	for _, r := range []interface{ print(*app) error }{
		&idleReport{
			Protocol: "redis-geoadd", Nodes: 1, Connections: 50_000, Answered: 49_999, Each: 1234,
			Before: &idleState{1 << 37, &cores, lively}, During: &idleState{1 << 37, &cores, lively},
		},
		&reconnectReport{
			Protocol: "redis-geoadd", Nodes: 1, Rate: 1_000_000,
			Reconnected: load.Reconnected{
				Commands: 1e9, PerSecond: 1e6, Latency: worst, Connected: worst, Unsent: 1e9, Ports: 28_000, Reused: 1e9,
				Errors: map[string]uint64{"refused": 1e6, "reset": 2, "closed": 3},
			},
			Server: &spent{1, 100, 1}, Generator: &spent{1, 100, 1},
		},
		&convergeReport{
			Protocol: "redis-geoadd", Nodes: 20, Load: lively,
			Converged: load.Converged{Burst: 10_000, Watched: 32, Writes: 1e9, Polls: 1e9, Acked: worst, Whole: worst},
		},
		&joinReport{Protocol: "redis-geoadd", Nodes: 20, Clients: 1e8, Rate: 1e7, Before: lively, During: lively, Ready: time.Hour},
	} {
		f := newFakeApp(fine)
		if err := r.print(&f.app); err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(f.out.String()) {
			if utf8.RuneCountInString(line) > 80+1 {
				t.Errorf("%T: a line of %d characters: %s", r, utf8.RuneCountInString(line), line)
			}
		}
	}
}

// A slip at the place of an ADDR is told what it may be.
func TestBenchSlips(t *testing.T) {
	for _, tt := range []struct {
		args, want string
	}{
		{"bench reconect", `"reconect" is not an address, like 127.0.0.1:4131, nor converge, idle, join, near or reconnect`},
		{"bench idle localhost", `"localhost" is not an address`},
		{"bench join 127.0.0.1:4131", "join takes no ADDR: it starts the servers itself"},
	} {
		f := newFakeApp(fine)
		if code := f.run(t.Context(), strings.Fields(tt.args)); code != exitUsage || !strings.Contains(f.err.String(), tt.want) || f.out.String() != "" {
			t.Errorf("%s: got %d %s%s", tt.args, code, &f.err, &f.out)
		}
	}
}

// Every example can be typed as it is.
func TestBenchExamples(t *testing.T) {
	bench, _, err := newFakeApp(fine).root().Find([]string{"bench"})
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, cmd := range append([]*cobra.Command{bench}, bench.Commands()...) {
		for line := range strings.Lines(cmd.Example) {
			f := newFakeApp(fine)
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errStopped) // before anything is started
			code := f.run(ctx, strings.Fields(line)[1:])
			if code == exitUsage && !strings.Contains(f.err.String(), "redis-server is not installed") {
				t.Errorf("%s: %d %s", line, code, &f.err)
			}
			examples++
		}
	}
	if examples < 8 {
		t.Errorf("only %d examples", examples)
	}
}

var errStopped = errors.New("stopped by the test")
