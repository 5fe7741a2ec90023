package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"herd/node/client/sse"
)

const (
	kiwiFix  = `{"id":"kiwi","received":"2021-05-19T22:53:48.2Z","at_line":"AT Clark +0.2 kiwi +34.0-118.4 1621464827.9"}`
	kiwiGone = `{"id":"kiwi","reason":"expired"}`
	bonaOut  = `{"name":"Bona","state":"failed","was":"suspect","since":"2021-05-19T22:53:48Z"}`
)

// eventServer serves one stream after the other; the last one stays open.
func eventServer(t *testing.T, asked chan<- string, streams ...string) string {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		asked <- r.URL.RequestURI() + " " + r.Header.Get("Last-Event-ID")
		if i >= len(streams) {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, streams[i])
		http.NewResponseController(w).Flush()
		if i == len(streams)-1 {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s.Listener.Addr().String()
}

func ev(id, name, data string) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, name, data)
}

// Events are printed, and those after a cut are asked for by the last ID.
func TestEvents(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"  AT Clark +0.2 kiwi +34.0-118.4 1621464827.9\n", "  kiwi is gone: expired\n", "  Bona  suspect -> failed\n"}},
		{[]string{"--json"}, []string{
			`{"event":"fix","id":"c1-1","data":` + kiwiFix + "}\n", `{"event":"gone","id":"c1-3","data":` + kiwiGone + "}\n", `{"event":"member","id":"c1-3","data":` + bonaOut + "}\n",
			`{"event":"reset","id":"c1-3","data":{"why":"too old"}}`,
		}},
	} {
		asked := make(chan string, 8)
		addr := eventServer(t, asked,
			"retry: 1000\n"+ev("c1-0", "hello", `{"node":"Clark","id":"c1-0"}`)+ev("c1-1", "fix", kiwiFix)+": still here\nid: c1-2\n\n",
			ev("c1-2", "hello", `{}`)+ev("c1-3", "reset", `{"why":"too old"}`)+ev("c1-3", "news", "{}")+ev("c1-3", "gone", kiwiGone)+ev("c1-3", "member", bonaOut))
		f := newFakeApp(fine)
		ctx, stop := context.WithCancel(t.Context())
		args := []string{"events", "--http-addr", addr, "--kinds", "fix,gone,member", "--prefix", "k", "--client", "kiwi", "--bbox", "1,2,3,4", "--every", "50ms"}
		code := f.start(ctx, append(args, c.args...)...)
		for _, want := range c.want {
			f.out.wait(t, want)
		}
		for _, want := range []string{"cut off, trying again", "following " + addr + " again", "events were missed: too old"} {
			f.err.wait(t, want)
		}
		stop()
		if got := <-code; got != exitDone {
			t.Errorf("exit code %d: %s", got, &f.err)
		}
		const path = "/v1/events?bbox=1%2C2%2C3%2C4&client=kiwi&every=50ms&kinds=fix%2Cgone%2Cmember&prefix=k "
		if first, second := <-asked, <-asked; first != path || second != path+"c1-2" {
			t.Errorf("asked for %q, then %q", first, second)
		}
		if strings.Contains(f.out.String(), "hello") {
			t.Errorf("printed\n%s", &f.out)
		}
	}
}

// What a node refuses, or sends that is no event, is an error; so is a first time without
// an answer.
func TestEventsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		code   int
		want   string
	}{
		{"bad filter", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"detail":"bbox is wrong."}`)
		}, exitUsage, " says: bbox is wrong\n"},
		{"too many", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }, exitFailed, "answers 503"},
		{"no JSON", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, ev("1", "fix", "kiwi")) }, exitFailed, "read a fix: "},
		{"no client", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, ev("1", "gone", "kiwi")) }, exitFailed, "read who is gone: "},
	} {
		s := httptest.NewServer(c.handle)
		f := newFakeApp(fine)
		code := f.run(t.Context(), []string{"events", "--http-addr", s.Listener.Addr().String()})
		if code != c.code || !strings.Contains(f.err.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", c.name, code, &f.err)
		}
		s.Close()
		if c.name == "too many" {
			if code := f.run(t.Context(), []string{"events", "--http-addr", s.Listener.Addr().String()}); code != exitUnreachable {
				t.Errorf("nobody there: exit code %d, %s", code, &f.err)
			}
		}
	}
}

// What a client is called is shown to a person without what a terminal would obey.
func TestEventsPrintable(t *testing.T) {
	const evil = `\u001b[2J\u009b31m`
	asked := make(chan string, 8)
	addr := eventServer(t, asked, ev("1", "reset", `{"why":"`+evil+`old"}`)+ev("1", "fix", `{"at_line":"AT Clark +0.2 `+evil+`kiwi"}`)+
		ev("2", "gone", `{"id":"`+evil+`kiwi","reason":"`+evil+`expired"}`)+ev("3", "member", `{"name":"`+evil+`Bona","was":"`+evil+`1","state":"`+evil+`2"}`)+ev("4", "gone", `{"id":"last"}`))
	f := newFakeApp(fine)
	ctx, stop := context.WithCancel(t.Context())
	code := f.start(ctx, "events", "--http-addr", addr)
	f.out.wait(t, "last is gone")
	stop()
	if got := <-code; got != exitDone || strings.ContainsAny(f.out.String()+f.err.String(), "\x1b\u009b") {
		t.Errorf("exit code %d, %q, %q", got, &f.out, &f.err)
	}
}

// A line without an end is not kept.
func TestEventsLongLine(t *testing.T) {
	s := eventSource{client: &client{addr: "Clark"}}
	err := s.parse(strings.NewReader("data: "+strings.Repeat("k", sse.MaxEvent)+"\n\n"), func() {}, func(sse.Event, bool) error { return nil })
	if !errors.Is(err, sse.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}
