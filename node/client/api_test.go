package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server is an HTTP server for the time of the test.
func server(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s.Listener.Addr().String()
}

func newAPI(t *testing.T, c Config) *API {
	t.Helper()
	a, err := NewAPI(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// A node that leaves, is not there, or whose proxy says so, is passed by. A request that is
// refused is not repeated elsewhere.
func TestAPIFailOver(t *testing.T) {
	var asked atomic.Int32
	gone := httptest.NewServer(nil)
	gone.Close()
	bad := []string{
		gone.Listener.Addr().String(),
		server(t, status(503, `{"detail":"This node leaves. Ask another one."}`)),
		server(t, status(502, "<html>")),
		server(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }),
		server(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"self":"half`)
		}),
	}
	good := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/v1/members" {
			status(404, `{"title":"Not Found","detail":"The herd knows of no such client."}`)(w, r)
			return
		}
		fmt.Fprint(w, `{"self":"Clark","news":1,"members":[{"name":"Bona","state":"failed","client":"b:1"},{"name":"Clark","state":"alive","client":"c:1","clock_ahead_us":-5},{"name":"Jaquez","state":"alive","client":"j:1","leaving":true}]}`)
	})
	for range 5 {
		a := newAPI(t, Config{Addrs: append(bad, good)})
		m, err := a.Members(t.Context())
		if err != nil || m.Self != "Clark" || len(m.Members) != 3 || m.Members[0].State != Failed || *m.Members[1].Clock != -5 {
			t.Errorf("got %+v, %v", m, err)
		}
		if addrs, err := a.ClientAddrs(t.Context()); fmt.Sprint(addrs) != "[c:1]" || err != nil {
			t.Errorf("got %v, %v", addrs, err)
		}
		before := asked.Load()
		_, err = a.Client(t.Context(), "a/b")
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Status != 404 || asked.Load() != before+1 ||
			err.Error() != "GET /v1/clients/a%2Fb: "+good+" answers 404 Not Found: The herd knows of no such client" {
			t.Errorf("got %v", err)
		}
	}
	_, err := newAPI(t, Config{Addrs: bad, Rounds: 2}).Self(t.Context())
	var none *UnreachableError
	if !errors.As(err, &none) || len(none.Causes) != len(bad) || !strings.Contains(err.Error(), "This node leaves. Ask another one") {
		t.Errorf("got %v", err)
	}
}

// What is no answer is an error.
func TestAPINonsense(t *testing.T) {
	body := ""
	a := newAPI(t, Config{Rounds: 1, Addrs: []string{server(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })}})
	ctx := t.Context()
	for what, b := range map[string]string{
		"nothing": "", "truncated": `{"clients":[{"id":"kiwi"`, "HTML": "<html>", "another type": `{"clients":{},"id":7,"self":[],"status":1,"uptime_seconds":"x"}`,
		"a bad difference": `{"clients":[{"id":"kiwi","skew_seconds":"1"}],"id":"kiwi","skew_seconds":"1"}`,
	} {
		body = b
		_, errClient := a.Client(ctx, "kiwi")
		_, errNear := a.Near(ctx, 1, 2, 3, 4)
		_, errPlaces := a.Places(ctx, "kiwi", 1, 1)
		errList := error(nil)
		n := 0
		for _, err := range a.Clients(ctx, Which{}) {
			errList = err
			n++
		}
		if errClient == nil || errNear == nil || errPlaces == nil || errList == nil || n != 1 {
			t.Errorf("%s: got %v, %v, %v, %v in %d", what, errClient, errNear, errPlaces, errList, n)
		}
	}
	body = strings.Repeat(" ", maxAnswer+1)
	if _, err := a.Self(ctx); !isUnreachable(err) || !strings.Contains(err.Error(), "an answer of more than") {
		t.Errorf("a long answer: got %v", err)
	}
}

// A list comes from one node: if that is gone it breaks off, and nobody is listed twice.
func TestClientsBreakOff(t *testing.T) {
	node := func(name string, fails *atomic.Bool) string {
		return server(t, func(w http.ResponseWriter, r *http.Request) {
			if fails.Load() {
				panic(http.ErrAbortHandler)
			}
			var n int
			fmt.Sscanf(r.URL.Query().Get("cursor"), name+"%d", &n)
			next := fmt.Sprintf("%s%d", name, n+1)
			if n == 2 {
				next = ""
			}
			fmt.Fprintf(w, `{"clients":[{"id":"%s-%d"}],"next":"%s"}`, name, n, next)
		})
	}
	var a1, b1 atomic.Bool
	a := newAPI(t, Config{Addrs: []string{node("a", &a1), node("b", &b1)}, Rounds: 1})
	seen, name := 0, ""
	for c, err := range a.Clients(t.Context(), Which{}) {
		if err != nil {
			t.Fatal(err)
		}
		if name = c.ID[:1]; c.ID != fmt.Sprintf("%s-%d", name, seen) {
			t.Errorf("listed %s at %d", c.ID, seen)
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("listed %d", seen)
	}
	for range a.Clients(t.Context(), Which{}) {
		break
	}
	last := error(nil)
	for c, err := range a.Clients(t.Context(), Which{}) {
		last = err
		if c.ID == name+"-1" {
			map[string]*atomic.Bool{"a": &a1, "b": &b1}[name].Store(true)
		}
	}
	if !errors.Is(last, ErrBroken) {
		t.Errorf("got %v", last)
	}
}

// A token goes with each request, and to no other place.
func TestToken(t *testing.T) {
	other := server(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s is asked for %s", r.Host, r.URL) })
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer emu":
			w.WriteHeader(401)
		case r.URL.Path == "/v1/self":
			http.Redirect(w, r, "http://"+other+"/v1/self", http.StatusFound)
		default:
			fmt.Fprint(w, `{}`)
		}
	})
	token, broken := "emu", error(nil)
	a := newAPI(t, Config{Addrs: []string{addr}, Token: func() (string, error) { return token, broken }})
	if _, err := a.Stats(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := a.Self(t.Context()); !strings.Contains(fmt.Sprint(err), "answers 302 Found") {
		t.Errorf("a redirect: got %v", err)
	}
	token = "kiwi"
	if _, err := a.Stats(t.Context()); !strings.Contains(fmt.Sprint(err), "answers 401 Unauthorized") || strings.Contains(err.Error(), token) {
		t.Errorf("another token: got %v", err)
	}
	broken = errors.New("no file")
	if _, err := a.Stats(t.Context()); !errors.Is(err, broken) {
		t.Errorf("no token: got %v", err)
	}
}

// What a node has under the path of a client is that client.
func TestClientPath(t *testing.T) {
	for _, id := range []string{"kiwi.cs.ucla.edu", "a/b", ".", "..", "...", "%2F", "a?b#c", "\xff\x00", "é", "+"} {
		path := clientPath(id)
		u, err := url.Parse("http://x" + path)
		if err != nil || u.Path != "/v1/clients/"+id || strings.Count(u.EscapedPath(), "/") != 3 || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..") {
			t.Errorf("%q: %s, %v", id, path, err)
		}
	}
}

func ev(id, name, data string) string {
	return "id: " + id + "\nevent: " + name + "\ndata: " + data + "\n\n"
}

// Who is cut goes on where it was, and is told of it; at another node there is a reset.
func TestEvents(t *testing.T) {
	asked := make(chan string, 10)
	streams := []string{
		"retry: 1000\n" + ev("c-0", "hello", `{"node":"Clark","id":"c-0"}`) + ev("c-1", "fix", `{"id":"kiwi","skew_seconds":"+0.000000001"}`) + ": still here\nid: c-2\n\n",
		ev("c-2", "hello", `{"node":"Clark"}`) + ev("c-2", "gone", `{"id":"emu","reason":"expired"}`) + ev("c-2", "gone", `{"id":"\ufffd","id_base64":"/w==","reason":"evicted"}`) + ev("c-3", "news", `7`) + ev("", "bye", `{"why":"too slow"}`),
		ev("c-3", "hello", `{"node":"Clark"}`) + ev("c-3", "reset", `{"why":"too old"}`) + ev("c-4", "member", `{"name":"Bona","state":"failed","was":"suspect"}`),
	}
	n := 0
	a := newAPI(t, Config{Addrs: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RequestURI() + " " + r.Header.Get("Last-Event-ID")
		fmt.Fprint(w, streams[n])
		n++
	})}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	f := Filter{
		Kinds: []Kind{Fixed, Gone, Changed}, Client: "kiwi", Prefix: "k", Area: &Box{-119, 33, -118.5, 35}, Every: 50 * time.Millisecond,
		Cut: func(err error) { got = append(got, err.Error()) },
	}
	addr := a.nodes.config.Addrs[0]
	for e, err := range a.Events(ctx, f) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %s%s%s%s%s%s", e.Kind, e.ID, e.Node, e.Client.ID, e.Gone.ID, e.Gone.Reason, e.Member.Name, e.Why))
		if e.Kind == Changed {
			break
		}
	}
	want := []string{
		"hello c-0 Clark", "fix c-1 kiwi", addr + ": the stream has ended",
		"hello c-2 Clark", "gone c-2 emuexpired", "gone c-2 \xffevicted", "news c-3 ", addr + ": the node has ended the stream: too slow",
		"hello c-3 Clark", "reset c-3 too old", "member c-4 Bona",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	const path = "/v1/events?bbox=-119%2C33%2C-118.5%2C35&client=kiwi&every=50ms&kinds=fix%2Cgone%2Cmember&prefix=k "
	for _, last := range []string{"", "c-2", "c-3"} {
		if got := <-asked; got != path+last {
			t.Errorf("asked for %s, want the last ID %q", got, last)
		}
	}
}

// A stream that is refused, that nobody has, or that holds what is no event, ends the loop.
func TestEventsErrors(t *testing.T) {
	long := strings.Repeat("k", 70<<10)
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		want   string
	}{
		{"refused", status(400, `{"detail":"bbox is wrong."}`), "answers 400 Bad Request: bbox is wrong"},
		{"full", status(503, `{"detail":"too many streams"}`), "no node answers"},
		{"no JSON", status(200, ev("1", "fix", "kiwi")), `read an event of the kind "fix"`},
		{"another type", status(200, ev("1", "member", `{"name":7}`)), `read an event of the kind "member"`},
		{"nobody's", status(200, ev("1", "gone", `{"id":7}`)), `read an event of the kind "gone"`},
		{"a long line", status(200, "data: "+long), "more than 65536 bytes"},
		{"a long line of hello", status(200, ev("1", "hello", `{"node":"`+long+`"}`)), "more than 65536 bytes"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		a := newAPI(t, Config{Rounds: 1, Addrs: []string{server(t, c.handle)}})
		cut := error(nil)
		var last error
		for _, err := range a.Events(ctx, Filter{Cut: func(err error) {
			cut = err
			cancel() // it would go on
		}}) {
			last = err
		}
		cancel()
		if last == nil || !strings.Contains(fmt.Sprint(last, cut), c.want) || len(fmt.Sprint(last, cut)) > 1000 {
			t.Errorf("%s: got %v, %v", c.name, last, cut)
		}
	}
}
