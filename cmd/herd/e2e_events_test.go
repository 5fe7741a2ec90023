//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"herd/node/client/sse"
)

// streamed is a stream of events, read as any program would.
type streamed struct {
	conn net.Conn
	in   *sse.Reader
	last string // ID
}

// stream asks a node for events after the one with the ID last.
func (p *process) stream(path, last string) *streamed {
	p.t.Helper()
	conn, err := p.dial(p.Ready.HTTP)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	conn.SetDeadline(time.Now().Add(10 * hang))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nLast-Event-ID: %s\r\n\r\n", path, p.Ready.HTTP, last)
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16<<10), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %v, %v", path, resp, err)
	}
	return &streamed{conn: conn, in: sse.NewReader(resp.Body, nil)}
}

// next is the name and the data of the next event, signs of life left out.
func (s *streamed) next() (name, data string, err error) {
	for {
		e, err := s.in.Next()
		if err != nil {
			return "", "", err
		}
		if s.last = e.ID; e.Name != "" {
			return e.Name, string(e.Data), nil
		}
	}
}

// expect reads until an event of that name comes, and fails if its data lacks some of
// these texts.
func (s *streamed) expect(t *testing.T, name string, texts ...string) {
	t.Helper()
	for {
		got, data, err := s.next()
		if err != nil {
			t.Fatalf("no %s: %v", name, err)
		}
		if got != name {
			continue
		}
		for _, text := range texts {
			if !strings.Contains(data, text) {
				t.Errorf("%s: no %s in %s", name, text, data)
			}
		}
		return
	}
}

// A stream shows what other nodes take and who comes and goes. Who was cut goes on where
// it was.
func TestE2EEvents(t *testing.T) {
	herd := startHerd(t, 2)
	here, there := herd[0].session(), herd[1].session()
	s := herd[0].stream("/v1/events?client=kiwi", "")
	s.expect(t, "hello", herd[0].spec.name)
	first := fixNow("kiwi")
	at, err := there.report(first)
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, "fix", `"at_line":"`+at+`"`, `"node":"`+herd[1].spec.name+`"`)

	s.conn.Close()
	if _, err := there.report(fixNow("emu")); err != nil {
		t.Fatal(err)
	}
	second := fixNow("kiwi")
	if at, err = here.report(second); err != nil {
		t.Fatal(err)
	}
	herd[1].kill()
	again := herd[0].stream("/v1/events?client=kiwi", s.last)
	again.expect(t, "fix", `"at_line":"`+at+`"`)
	for state := ""; !strings.Contains(state, `"state":"failed"`); { // it is suspect before
		name, data, err := again.next()
		if err != nil {
			t.Fatal(err)
		}
		if state = data; name == "member" && !strings.Contains(data, herd[1].spec.name) {
			t.Errorf("a change of %s", data)
		}
	}

	if code, out := herdVerb(t, "events", "--http-addr", herd[0].Ready.HTTP, "--bbox", "1,2,3"); code != exitUsage || !strings.Contains(out, "bbox") {
		t.Errorf("bad area: exit code %d: %s", code, out)
	}
	herd[0].cmd.Process.Signal(syscall.SIGTERM)
	again.expect(t, "bye", "the node ends")
	if code := herd[0].exitCode(); code != exitDone {
		t.Errorf("exit code %d with a stream open", code)
	}
}

// A stream tells of who has expired and of whom there is no room for, and of both when they
// are back; who reads of an area is told as well.
func TestE2EEventsGone(t *testing.T) {
	p := start(t, spec{name: "Clark", flags: []string{"--ttl", "3s", "--max-clients", "2"}})
	at := p.session()
	report := func(id string) {
		t.Helper()
		if _, err := at.report(fixNow(id)); err != nil {
			t.Fatal(err)
		}
	}
	s, area := p.stream("/v1/events", ""), p.stream("/v1/events?bbox=0,0,0,0&kinds=fix,gone", "")
	area.expect(t, "hello")
	for _, id := range []string{"emu", "kiwi", "moa"} {
		report(id)
		s.expect(t, "fix", `"id":"`+id+`"`)
	}
	for _, s := range []*streamed{s, area} {
		s.expect(t, "gone", `{"id":"emu","reason":"evicted"}`)
		for range 2 { // in no order
			s.expect(t, "gone", `"reason":"expired"`)
		}
	}
	if code, body, err := p.get("/v1/clients"); code != 200 || err != nil || !strings.Contains(string(body), `{"clients":[]`) {
		t.Errorf("all are gone, and there are %s", body)
	}
	for _, id := range []string{"kiwi", "emu"} {
		report(id)
		s.expect(t, "fix", `"id":"`+id+`"`)
	}
	if n := p.metrics()[`herd_events_sent_total{kind="gone"}`]; n < 6 {
		t.Errorf("%v were told of", n)
	}
	if code, out := herdVerb(t, "events", "--http-addr", p.Ready.HTTP, "--kinds", "gon"); code != exitUsage || !strings.Contains(out, "fix, gone, member") {
		t.Errorf("bad kind: exit code %d: %s", code, out)
	}
}

// herd events prints events until it is told to end. When its node starts again it
// follows that, and says what it can't know.
func TestE2EEventsVerb(t *testing.T) {
	p := start(t, spec{name: "Clark"})
	out, err := os.CreateTemp(t.ArtifactDir(), "events-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(herdBinary(t), "events", "--http-addr", p.Ready.HTTP, "--prefix", "ki")
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	printed := func(text string) {
		t.Helper()
		until(t, "herd events prints "+text, func() bool {
			all, err := os.ReadFile(out.Name())
			return err == nil && strings.Contains(string(all), text)
		})
	}
	report := func() string {
		t.Helper()
		s := p.session()
		if _, err := s.report(fixNow("emu")); err != nil {
			t.Fatal(err)
		}
		at, err := s.report(fixNow("kiwi"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	until(t, "the stream stands", func() bool { return p.metrics()["herd_events_readers"] == 1 })
	printed(report())
	again := p.same()
	p.kill()
	printed("cut off, trying again")
	p = start(t, again)
	printed("events were missed: the last event is not of this node, or of one before its start")
	printed(report())
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	all, err := os.ReadFile(out.Name())
	if err != nil || strings.Contains(string(all), "emu") {
		t.Errorf("got %v\n%s", err, all)
	}
}

// A reader that is slower than the herd is told so and dropped. Nobody waits for it, and
// it may come back.
func TestE2EEventsSlow(t *testing.T) {
	p := start(t, spec{name: "Clark"})
	s := p.stream("/v1/events?kinds=fix", "")
	s.expect(t, "hello")
	fill(t, p, 100_000) // more than the node keeps; at one go, for a reader must not stand still for seconds
	s.expect(t, "bye", "too slow")
	again := p.stream("/v1/events?kinds=fix", s.last)
	again.expect(t, "reset", "too old")
	at, err := p.session().report(fixNow("kiwi"))
	if err != nil {
		t.Fatal(err)
	}
	again.expect(t, "fix", at)
	if m := p.metrics(); m[`herd_events_readers_dropped_total{reason="slow"}`] != 1 {
		t.Errorf("slow readers: %v", m[`herd_events_readers_dropped_total{reason="slow"}`])
	}
}
