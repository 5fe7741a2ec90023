package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHerd is a node, or several that share what they know, in memory.
type fakeHerd struct {
	mu    sync.Mutex // guards the fields below
	known map[string]known

	// answer, if set, is what is done with the reply to the n-th command of a
	// connection, from 1: it gives what is sent instead, and whether to hang up then.
	answer func(n int, line, reply string) (string, bool)
	delay  func() // before each reply, if set
	// visible is how long a fix is not shown by other servers than its own.
	visible time.Duration
}

type known struct {
	at    string
	addr  string
	shown time.Time
}

func newFakeHerd() *fakeHerd { return &fakeHerd{known: map[string]known{}} }

// dial connects to the fake. Its end is closed when the other one is.
func (f *fakeHerd) dial(_ context.Context, addr string, _ netip.Addr) (net.Conn, error) {
	ours, theirs := net.Pipe()
	// What is sent is read at once, as a kernel would, however slow the answers are.
	lines := make(chan string, 100_000)
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(theirs, 1<<20)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	go func() {
		defer theirs.Close()
		n := 0
		for line := range lines {
			if f.delay != nil {
				f.delay()
			}
			n++
			reply, end := f.reply(addr, line), false
			if f.answer != nil {
				reply, end = f.answer(n, line, reply)
			}
			if _, err := theirs.Write([]byte(reply)); err != nil || end {
				return
			}
		}
	}()
	return ours, nil
}

// fakePlaces has two results, if so many are asked for.
func fakePlaces(limit string) string {
	if limit == "0" {
		return "{\n   \"results\" : [],\n   \"status\" : \"ZERO_RESULTS\"\n}\n\n"
	}
	return "{\n   \"results\" : [ {}, {} ],\n   \"status\" : \"OK\"\n}\n\n"
}

func (f *fakeHerd) reply(addr, line string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return "? " + line + "\n"
	}
	id := fields[1]
	switch fields[0] {
	case "IAMAT":
		at := fmt.Sprintf("AT Clark +0.000000001 %s\n", strings.Join(fields[1:], " "))
		f.known[id] = known{at, addr, time.Now().Add(f.visible)}
		return at
	case "WHATSAT":
		if k, ok := f.known[id]; ok && (k.addr == addr || !time.Now().Before(k.shown)) {
			return k.at + fakePlaces(fields[3])
		}
	}
	return "? " + line + "\n"
}

// config is a load on the fake, for a bubble of synctest.
func (f *fakeHerd) config() Config {
	return Config{
		Addrs: []string{"a:1", "b:2"}, Protocol: Herd, Connections: 10, Clients: 100,
		Duration: 10 * time.Second, Limit: 5, Dial: f.dial, sleep: time.Sleep,
	}
}

// run runs a load that can be run.
func run(t *testing.T, ctx context.Context, c Config) *Result {
	t.Helper()
	r, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
