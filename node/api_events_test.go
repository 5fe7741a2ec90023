package node

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"herd/gossip"
	"herd/gossip/location"
	"herd/node/client/sse"
	"herd/node/events"
)

// say has a client's fix take its place in the table.
func (n testNode) say(t testing.TB, client, position string, seconds int) {
	t.Helper()
	f := fixAt(t, position, fmt.Sprint(seconds), int64(seconds)*1e9)
	n.table.Merge([]byte(client), location.Entry{Fix: f, Dot: location.Dot{Origin: 1}})
}

// stream is a reader of /v1/events.
type stream struct {
	conn net.Conn
	in   *sse.Reader
	last string // ID
}

// events asks for a stream, in a bubble. An answer that is none fails the test.
func (n testNode) stream(t testing.TB, query, last string) *stream {
	t.Helper()
	conn, err := n.host.Dial(t.Context(), "10.0.0.1:4133")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	req, _ := http.NewRequest("GET", "http://10.0.0.1:4133/v1/events"+query, nil)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("got %d %s: %s", resp.StatusCode, got, body)
	}
	return &stream{conn: conn, in: sse.NewReader(resp.Body, nil)}
}

// next is the next event, without a name if it is a sign of life; io.EOF after the last.
func (s *stream) next() (name, data string, err error) {
	e, err := s.in.Next()
	if err == nil {
		s.last = e.ID
	}
	return e.Name, string(e.Data), err
}

// expect reads events and compares them, each as its name and, of its data, the values of
// these keys.
func (s *stream) expect(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		name, data, err := s.next()
		got := name
		var fields map[string]any
		if err == nil && name != "" {
			if err := json.Unmarshal([]byte(data), &fields); err != nil {
				t.Errorf("%s: %v: %s", name, err, data)
			}
		}
		for _, key := range []string{"node", "id", "time", "name", "was", "state", "why", "reason"} {
			if v, ok := fields[key]; ok && !(key == "node" && name == "fix") && !(key == "id" && name == "hello") {
				got += fmt.Sprint(" ", v)
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != w {
			t.Errorf("got %q, want %q", got, w)
		}
	}
}

// inBubble runs f with a node that is ready, and has it leave afterwards.
func inBubble(t *testing.T, f func(t *testing.T, n testNode)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		done := n.start(t.Context())
		close(n.cluster.caughtUp)
		synctest.Wait()
		f(t, n)
		n.leave()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		n.say(t, "kiwi", "+1+1", 1)
		all, fixes, members := n.stream(t, "", ""), n.stream(t, "?kinds=fix", ""), n.stream(t, "?kinds=member", "")
		area, client := n.stream(t, "?kinds=fix&bbox=170,-10,-170,10", ""), n.stream(t, "?client=emu&kinds=fix&prefix=e", "")
		for _, s := range []*stream{all, fixes, members, area, client} {
			s.expect(t, "hello Clark")
		}
		n.say(t, "kiwi", "+1+1", 1) // no news
		n.say(t, "kiwi", "+2+175", 2)
		n.cluster.config.OnChange(gossip.MemberChange{
			Member: gossip.Member{Meta: gossip.Meta{Name: "Bona", Origin: 0xb0}, State: gossip.Failed}, Was: gossip.Suspect,
		})
		n.cluster.config.OnChange(gossip.MemberChange{
			Member: gossip.Member{Meta: gossip.Meta{Name: "Bona", Origin: 0xb1}}, Fresh: true,
		})
		n.say(t, "emu", "+3+3", 3)
		all.expect(t, "fix kiwi 2", "member Bona suspect failed", "member Bona  alive", "fix emu 3")
		fixes.expect(t, "fix kiwi 2", "fix emu 3")
		members.expect(t, "member Bona suspect failed", "member Bona  alive")
		area.expect(t, "fix kiwi 2")
		client.expect(t, "fix emu 3")
	})
}

// A client is written as everywhere.
func TestEventIsClientObject(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		s := n.stream(t, "", "")
		s.expect(t, "hello Clark")
		n.say(t, "kiwi", "+34.068930-118.445127", 1621464827)
		name, data, err := s.next()
		f := fixAt(t, "+34.068930-118.445127", "1621464827", 1621464827e9)
		want, _ := json.Marshal(describeClient("kiwi", &f))
		if name != "fix" || data != string(want) || err != nil {
			t.Errorf("got %s %v\n%s, want\n%s", name, err, data, want)
		}
	})
}

// A reader that was cut names the last event it saw, and misses none.
func TestEventsResume(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		s := n.stream(t, "", "")
		s.expect(t, "hello Clark")
		begin := s.last
		n.say(t, "kiwi", "+1+1", 1)
		n.say(t, "kiwi", "+2+2", 2)
		s.expect(t, "fix kiwi 1")
		s.conn.Close()
		n.say(t, "kiwi", "+3+3", 3)
		again := n.stream(t, "", s.last)
		again.expect(t, "hello Clark", "fix kiwi 2", "fix kiwi 3")
		n.stream(t, "", begin).expect(t, "hello Clark", "fix kiwi 1", "fix kiwi 2", "fix kiwi 3")

		for i, id := range []string{"7", "00000000000000c2-1", "00000000000000c1-9999999", "\xff", strings.Repeat("a", 8<<10)} {
			s := n.stream(t, "?every=1s", id)
			s.expect(t, "hello Clark", "reset the last event is not of this node, or of one before its start")
			n.say(t, "emu", "+3+3", i+1)
			s.expect(t, fmt.Sprint("fix emu ", i+1))
			s.conn.Close()
		}
	})
}

// A stream outlives the bounds in time of other answers, and shows that it does; a
// reader of little has an ID that moves on.
func TestEventsHeartbeat(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		s := n.stream(t, "?client=emu", "")
		s.expect(t, "hello Clark")
		began, first := time.Now(), s.last
		for i := range 20 {
			n.say(t, "kiwi", "+1+1", i+1)
			s.expect(t, "")
		}
		if took := time.Since(began); took != 20*heartbeat {
			t.Errorf("20 signs of life in %v", took)
		}
		if s.last == first {
			t.Error("the ID stands still")
		}
		n.say(t, "emu", "+1+1", 1)
		s.expect(t, "fix emu 1")
	})
}

func TestEventsMerge(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		s := n.stream(t, "?every=2s", "")
		s.expect(t, "hello Clark")
		n.say(t, "kiwi", "+1+1", 1)
		s.expect(t, "fix kiwi 1")
		began := time.Now()
		for i := 2; i < 50; i++ {
			n.say(t, "kiwi", "+1+1", i)
		}
		s.expect(t, "fix kiwi 49")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("merged for %v", took)
		}
	})
}

// A reader that falls behind is told so and may come back; one that takes nothing is cut
// off. The node does not wait for either.
func TestEventsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.prepareEvents(events.Config{Fixes: 4 * 1024})
		n.api = n.newAPI()
		done := n.start(t.Context())
		synctest.Wait()
		slow, stuck, quick := n.stream(t, "", ""), n.stream(t, "", ""), n.stream(t, "?every=1s", "")
		for _, s := range []*stream{slow, stuck, quick} {
			s.expect(t, "hello Clark")
		}
		for i := range 10_000 {
			n.say(t, "kiwi", "+1+1", i+1)
			if i%500 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		name, data := "fix", ""
		for name == "fix" {
			var err error
			if name, data, err = slow.next(); err != nil {
				t.Fatal(err)
			}
		}
		if name != "bye" || data != `{"why":"too slow"}` {
			t.Errorf("the slow one is told %s %s", name, data)
		}
		slow.expect(t, io.EOF.Error())
		n.stream(t, "", slow.last).expect(t, "hello Clark", "reset the last event is too old: those after it are not kept any more")
		quick.expect(t, "fix kiwi 1", "fix kiwi 10000")
		time.Sleep(stallTimeout)
		if s := n.Stats().Events; s.Slow != 1 || s.Stalled != 1 {
			t.Errorf("counts %+v", s)
		}
		n.leave()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The end of the node is the end of its streams, in good order.
func TestEventsDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		done := n.start(t.Context())
		close(n.cluster.caughtUp)
		synctest.Wait()
		s, lazy := n.stream(t, "?every=10s", ""), n.stream(t, "?kinds=member", "")
		s.expect(t, "hello Clark")
		n.say(t, "kiwi", "+1+1", 1)
		s.expect(t, "fix kiwi 1")
		n.say(t, "kiwi", "+1+1", 2)
		n.leave()
		s.expect(t, "fix kiwi 2", "bye the node ends", io.EOF.Error())
		lazy.expect(t, "hello Clark", "bye the node ends", io.EOF.Error())
		if err := <-done; err != nil {
			t.Error(err)
		}
		if log := n.log.String(); strings.Contains(log, "cut off") {
			t.Errorf("the log has\n%s", log)
		}
	})
}

// A kill is the end too.
func TestEventsKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		done := n.start(t.Context())
		synctest.Wait()
		s := n.stream(t, "", "")
		s.expect(t, "hello Clark")
		n.Close()
		<-done
		for name := ""; name != "end"; { // it ends, or this does not
			if n, _, err := s.next(); err != nil {
				name = "end"
			} else if n == "fix" {
				t.Error("the stream goes on")
			}
		}
	})
}

func TestEventsBadRequests(t *testing.T) {
	n := newTestNode(t)
	for query, want := range map[string]string{
		"kinds=":                             "kinds",
		"kinds=fix,":                         "kinds",
		"kinds=fixes":                        "kinds",
		"kinds=gone,,fix":                    "kinds",
		"kinds=Gone":                         "gone",
		"kind=fix":                           `no parameter "kind"`,
		"client=":                            "client",
		"client=" + strings.Repeat("k", 256): "255 bytes",
		"prefix=" + strings.Repeat("k", 256): "255 bytes",
		"bbox=1,2,3":                         "bbox",
		"bbox=0,10,0,-10":                    "bbox",
		"every=49ms":                         "50ms to 10s",
		"every=11s":                          "50ms to 10s",
		"every=fast":                         "50ms to 10s",
		"every=1s&every=2s":                  "more than once",
	} {
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, httptest.NewRequest("GET", "http://10.0.0.1:4133/v1/events?"+query, nil))
		if w.Code != 400 || !strings.Contains(w.Body.String(), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%.40s: got %d: %s", query, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	n.api.Handler.ServeHTTP(w, httptest.NewRequest("HEAD", "http://10.0.0.1:4133/v1/events", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: got %d, %v", w.Code, w.Header())
	}
	if s := n.Stats().Events; s.Begun != 0 {
		t.Errorf("%d streams began", s.Begun)
	}
}

// The stream one too many is refused, and counted; others are served.
func TestEventsTooMany(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		var all []*stream
		for range 64 {
			s := n.stream(t, "", "")
			s.expect(t, "hello Clark")
			all = append(all, s)
		}
		n.host = n.network.Host("10.0.0.2") // of the first one's connections there are as many as may be
		code, body := n.get(t, "GET", "/v1/events")
		if code != 503 || !strings.Contains(body, "too many") {
			t.Errorf("got %d: %s", code, body)
		}
		if s := n.Stats().Events; s.Refused != 1 || s.Readers != 64 {
			t.Errorf("counts %+v", s)
		}
		all[0].conn.Close()
		synctest.Wait()
		n.stream(t, "", "").expect(t, "hello Clark")
	})
}

// What is appended is what encoding/json writes.
func TestAppendClient(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number := func(name string, limit int) string {
			s := rapid.SampledFrom([]string{"+", "-"}).Draw(rt, name) + fmt.Sprint(rapid.IntRange(0, limit-1).Draw(rt, name))
			if rapid.Bool().Draw(rt, name) {
				s += "." + rapid.StringMatching(`0{0,12}[0-9]{1,18}`).Draw(rt, name)
			}
			return s
		}
		position := number("lat", 90) + number("lon", 180) + rapid.SampledFrom([]string{"", "/"}).Draw(rt, "end")
		f := fixAt(t, position, rapid.StringMatching(`[0-9]{1,9}(\.[0-9]{1,12})?`).Draw(rt, "time"), rapid.Int64Range(0, 1<<62).Draw(rt, "received"))
		id := rapid.OneOf(rapid.StringMatching(`[ -~]{1,20}`), rapid.String(), rapid.Just("\xff")).Draw(rt, "id")
		f.Node = rapid.StringMatching(`[ -~]{1,8}|é`).Draw(rt, "node")
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(true)
		if err := enc.Encode(describeClient(id, &f)); err != nil {
			rt.Fatal(err)
		}
		if got := appendClient([]byte("x"), id, &f); string(got[1:])+"\n" != want.String() {
			rt.Errorf("got\n%s, want\n%s", got[1:], &want)
		}
	})
}

func BenchmarkAppendClient(b *testing.B) {
	f := fixAt(b, "+34.068930-118.445127", "1621464827.959498503", 1621464828223371889)
	b.Run("append", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = appendClient(buf[:0], "kiwi.cs.ucla.edu", &f)
		}
	})
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			json.Marshal(describeClient("kiwi.cs.ucla.edu", &f))
		}
	})
}
