package gossip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// logLines are the lines of a logger for a test.
type logLines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// logLine is a line: level and message, as "warn: memberlist", and the rest.
type logLine struct {
	head string
	args map[string]any
}

// take returns the lines since the last take.
func (l *logLines) take(t testing.TB) (lines []logLine) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		args := map[string]any{}
		if err := json.Unmarshal([]byte(line), &args); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		lines = append(lines, logLine{fmt.Sprint(args["@level"], ": ", args["@message"]), args})
	}
	l.buf.Reset()
	return lines
}

func newLogLines(level hclog.Level) (*logLines, hclog.Logger) {
	lines := &logLines{}
	return lines, hclog.New(&hclog.LoggerOptions{Level: level, Output: lines, JSONFormat: true})
}

func TestLogBridgeLevels(t *testing.T) {
	for _, tt := range []struct{ line, head, text string }{
		{"[WARN] memberlist: Was able to connect to Clark over TCP but UDP probes failed, network may be misconfigured", "warn: memberlist", "Was able to connect to Clark over TCP but UDP probes failed, network may be misconfigured"},
		{"[ERR] memberlist: Decrypt packet failed: no installed keys", "warn: memberlist", "Decrypt packet failed: no installed keys"},
		{"[ERROR] memberlist: something", "warn: memberlist", "something"},
		{"[INFO] memberlist: Marking Clark as failed", "debug: memberlist", "Marking Clark as failed"},
		{"[DEBUG] memberlist: Stream connection from=10.0.0.1:1", "debug: memberlist", "Stream connection from=10.0.0.1:1"},
		{"Err: Could not set the deadline", "debug: memberlist", "Err: Could not set the deadline"},
		{"[", "debug: memberlist", "["},
		{"[WARN]", "debug: memberlist", "[WARN]"},
		{"", "debug: memberlist", ""},
		// Chatter is told by the member events.
		{"[ERR] memberlist: Push/Pull with Clark failed: EOF", "debug: memberlist", "Push/Pull with Clark failed: EOF"},
		{"[WARN] memberlist: Refuting a suspect message (from: Clark)", "debug: memberlist", "Refuting a suspect message (from: Clark)"},
		{"[ERR] memberlist: failed to receive: gossip message refused: not encrypted from=10.0.0.1:1", "debug: memberlist", "failed to receive: gossip message refused: not encrypted from=10.0.0.1:1"},
		// What comes from peers can break no line and move no cursor.
		{"[WARN] memberlist: a\r\n[ERR] b\x1b[31m\x7f\u0085\u2028\u202e\xff\tc", "warn: memberlist", "a..[ERR] b.[31m......c"},
	} {
		lines, logger := newLogLines(hclog.Debug)
		bridge := newLogBridge(logger, &lineLimit{})
		bridge.Print(tt.line)
		got := lines.take(t)
		if len(got) != 1 || got[0].head != tt.head || got[0].args["text"] != tt.text {
			t.Errorf("%q: %v, want %s, %q", tt.line, got, tt.head, tt.text)
		}
	}

	lines, logger := newLogLines(hclog.Info)
	bridge := newLogBridge(logger, &lineLimit{})
	bridge.Print("[DEBUG] memberlist: x")
	bridge.Print("[ERR] memberlist: Push/Pull with Clark failed")
	bridge.Print("[WARN] memberlist: y")
	if got := lines.take(t); len(got) != 1 || got[0].args["text"] != "y" {
		t.Errorf("at level info: %v", got)
	}
	if n, err := (&logBridge{log: logger, lines: &lineLimit{}}).Write(make([]byte, 10_000)); n != 10_000 || err != nil {
		t.Errorf("a long line: %d, %v", n, err)
	}
	bridge.Print("[WARN] memberlist: ", strings.Repeat("é", 10_000))
	if got := lines.take(t); len(got) != 1 || len(got[0].args["text"].(string)) > maxText {
		t.Errorf("a long line: %v", got)
	}
}

// A line of a kind a minute, and how many there were besides.
func TestLogBridgeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines, logger := newLogLines(hclog.Debug)
		limit := &lineLimit{}
		bridge := newLogBridge(logger, limit)
		junk := func(n int) {
			for i := range n {
				bridge.Printf("[ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=10.0.0.%d:1", i)
			}
		}
		junk(1000)
		bridge.Print("[WARN] memberlist: Got invalid checksum for UDP packet: 1, 2")
		for i := range 100 {
			bridge.Printf("[DEBUG] memberlist: Stream connection from=10.0.0.1:%d", i)
		}
		heads := map[string]int{}
		for _, l := range lines.take(t) {
			heads[l.head]++
		}
		if heads["warn: memberlist"] != 2 || heads["debug: memberlist"] != debugLines {
			t.Errorf("in the first minute: %v", heads)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		junk(1)
		if got := lines.take(t); len(got) != 0 {
			t.Errorf("before the minute was over: %v", got)
		}
		time.Sleep(time.Nanosecond)
		junk(3)
		if got := lines.take(t); len(got) != 1 || got[0].args["suppressed"] != 1000.0 {
			t.Errorf("a minute later: %v, want 1 line and 1000 suppressed", got)
		}
		time.Sleep(time.Hour)
		junk(1)
		if got := lines.take(t); len(got) != 1 || got[0].args["suppressed"] != 2.0 {
			t.Errorf("an hour later: %v, want 1 line and 2 suppressed", got)
		}
		time.Sleep(time.Minute)
		junk(1)
		if got := lines.take(t); len(got) != 1 || got[0].args["suppressed"] != nil {
			t.Errorf("when none was suppressed: %v", got)
		}
		if want := uint64(999 + 1 + 2 + 100 - debugLines); limit.total() != want {
			t.Errorf("%d suppressed in all, want %d", limit.total(), want)
		}
	})
}

// What a peer invents makes no kinds without end.
func TestLineLimitKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lineLimit
		passed := 0
		for i := range 1000 {
			if _, ok := l.allow(fmt.Sprint("kind ", i), 1); ok {
				passed++
			}
		}
		if passed > maxKinds+1 || len(l.kinds) > maxKinds+1 {
			t.Errorf("%d lines of 1000 kinds, %d kinds kept", passed, len(l.kinds))
		}
		if _, ok := l.allow("kind 0", 2); !ok {
			t.Error("a kind that is known was taken for one of the rest")
		}
	})
}

func TestKindOf(t *testing.T) {
	for text, want := range map[string]string{
		"Suspect Clark-00000000000000ab has failed, no acks received": "Suspect",
		"Marking Clark-00000000000000ab as failed, suspect timeout":   "Marking",
		"Push/Pull with Clark-00ab failed: EOF":                       "Push/Pull with",
		"Decrypt packet failed: no installed keys":                    "Decrypt packet failed",
		`discarding packet with unacceptable label "x"`:               "discarding packet with",
		"Got ping for unexpected node":                                "Got ping for",
		"10.0.0.1 is odd":                                             "",
		"":                                                            "",
		"one":                                                         "one",
	} {
		if got := kindOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Peers that fill the kinds of lines by their names do so for a minute: then lines are
// told apart again.
func TestLineKindsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lineLimit
		for i := range 10 * maxKinds {
			l.allow(fmt.Sprint("connected ", i), peerLines)
		}
		time.Sleep(time.Minute)
		for _, kind := range []string{"a warning", "another", "a third"} {
			if _, ok := l.allow(kind, warnLines); !ok {
				t.Errorf("%s is kept back", kind)
			}
		}
	})
}
