package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"herd/config"
)

func at(origin, state string) member {
	return member{Name: "Clark", Origin: origin, State: state}
}

func TestChanges(t *testing.T) {
	now := time.Unix(1, 0)
	list := func(members ...member) *memberList { return &memberList{Members: members} }
	cases := []struct {
		name string
		old  *memberList
		new  *memberList
		want []change
	}{
		{"first look", nil, list(at("1", "alive")), []change{{now, "Clark", "", "alive"}}},
		{"nothing", list(at("1", "alive")), list(at("1", "alive")), nil},
		{"failure", list(at("1", "alive")), list(at("1", "failed")), []change{{now, "Clark", "alive", "failed"}}},
		{
			"about to leave", list(at("1", "alive")), list(member{Name: "Clark", Origin: "1", State: "alive", Leaving: true}),
			[]change{{now, "Clark", "alive", "leaving"}},
		},
		{"forgotten", list(at("1", "left")), list(), []change{{now, "Clark", "left", ""}}},
		{
			"started again", list(at("1", "alive")), list(at("1", "failed"), at("2", "alive")),
			[]change{{now, "Clark", "alive", "failed"}, {now, "Clark", "", "alive"}},
		},
	}
	for _, c := range cases {
		if got := changes(c.old, *c.new, now); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// membersServer answers with the state of Bona that it holds; starting and leaving are of those alive.
func membersServer(t *testing.T, state *atomic.Value) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/members" {
			http.NotFound(w, r)
			return
		}
		bona := state.Load()
		leaving, inSync := bona == "leaving", bona == "alive"
		if leaving || bona == "starting" {
			bona = "alive"
		}
		fmt.Fprintf(w, `{"self":"Clark","new":1,"members":[
			{"name":"Clark","origin":"1","state":"alive","since":"2020-01-02T03:04:05Z","client":"127.0.0.1:4131","in_sync":true,"version":"0.1.0"},
			{"name":"Bona","origin":"2","state":%q,"leaving":%t,"since":"2020-01-02T03:04:05Z","in_sync":%t,"clock_ahead_us":-90000200}]}`, bona, leaving, inSync)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// What a node can make no sense of is wrong on the command line, or in the configuration; all else
// that it refuses is a failure.
func TestRefusals(t *testing.T) {
	for status, want := range map[int]int{
		400: exitUsage, 422: exitUsage, 401: exitFailed, 403: exitFailed, 404: exitFailed, 409: exitFailed, 410: exitFailed, 500: exitFailed, 503: exitFailed,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"detail":"No, and this is why."}`)
		}))
		defer s.Close()
		for _, verb := range []string{"members", "clients", "near kiwi", "events", "chaos status", "keyring list", "leave", "snapshot save -", "reload"} {
			f := newFakeApp(fine)
			code := f.run(t.Context(), append(strings.Fields(verb), "--http-addr", s.Listener.Addr().String()))
			if code != want || !strings.Contains(f.err.String(), "No, and this is why") {
				t.Errorf("%d to herd %s: exit code %d, want %d; %s", status, verb, code, want, &f.err)
			}
		}
	}
}

func TestMembers(t *testing.T) {
	var state atomic.Value
	state.Store("alive")
	addr := membersServer(t, &state)
	members := func(args ...string) (string, int) {
		f := newFakeApp(fine)
		code := f.run(t.Context(), append([]string{"members", "--http-addr", addr}, args...))
		return f.out.String() + f.err.String(), code
	}
	if out, code := members(); code != exitDone || !strings.HasPrefix(out, "NAME ") || !strings.Contains(out, "\nClark  alive  ") || !strings.Contains(out, "  self     -      ") || !strings.Contains(out, "  -1m30s ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if out, code := members("--json"); code != exitDone || !strings.Contains(out, `"new": 1,`) {
		t.Errorf("a field that is not known here is lost; exit code %d:\n%s", code, out)
	}
	if out, code := members("--wait", "2"); code != exitDone || !strings.Contains(out, "Bona") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	// unmet waits for longer if the time was up before there was an answer.
	unmet := func(wait string) (out string, code int) {
		for d := 50 * time.Millisecond; d < time.Minute; d *= 2 {
			if out, code = members("--wait", wait, "--timeout", d.String(), "--interval", "10ms"); code != exitUnreachable {
				break
			}
		}
		return out, code
	}
	if out, code := unmet("3"); code != exitUnmet || !strings.Contains(out, "2 of 3 members are alive and in sync") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	state.Store("starting")
	if out, code := unmet("2"); code != exitUnmet || !strings.Contains(out, "1 of 2 members are alive and in sync") {
		t.Errorf("exit code %d while one catches up:\n%s", code, out)
	}
	state.Store("leaving")
	if out, code := unmet("2"); code != exitUnmet || !strings.Contains(out, "1 of 2 members are alive and in sync") {
		t.Errorf("exit code %d while one leaves:\n%s", code, out)
	}
}

func TestMembersWatch(t *testing.T) {
	for _, c := range []struct {
		args        []string
		first, then string
	}{
		{nil, "Bona   alive", "Bona  alive -> failed"},
		{[]string{"--json"}, `"name":"Bona","from":"","to":"alive"}`, `"name":"Bona","from":"alive","to":"failed"}`},
	} {
		var state atomic.Value
		state.Store("alive")
		f := newFakeApp(fine)
		f.environ = []string{"HERD_HTTP_ADDR=" + membersServer(t, &state)}
		ctx, stop := context.WithCancel(t.Context())
		code := f.start(ctx, append([]string{"members", "--watch", "--interval", "10ms"}, c.args...)...)
		f.out.wait(t, c.first)
		state.Store("failed")
		f.out.wait(t, c.then)
		stop()
		if got := <-code; got != exitDone {
			t.Errorf("exit code %d: %s", got, &f.err)
		}
	}
}

// fitful answers as of a member that is alive while up says so, and else hangs up.
func fitful(t *testing.T, up func() bool) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up() {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `{"self":"Clark","members":[{"name":"Clark","origin":"1","state":"alive","in_sync":true}]}`)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A node that does not answer yet is asked again. If it never does that is told, and not how many
// members it knows.
func TestMembersWaitForNode(t *testing.T) {
	var asked atomic.Int32
	later := fitful(t, func() bool { return asked.Add(1) > 2 })
	f := newFakeApp(fine)
	if code := f.run(t.Context(), strings.Fields("members --wait 1 --interval 10ms --timeout 1m --http-addr "+later)); code != exitDone || !strings.Contains(f.out.String(), "\nClark  alive  ") {
		t.Errorf("exit code %d: %s", code, &f.err)
	}
	var once atomic.Bool
	for _, c := range []struct {
		up   func() bool
		code int
		want string
	}{
		{func() bool { return !once.Swap(true) }, exitUnmet, "herd: 1 of 2 members are alive and in sync after 1s\n"},
		{func() bool { return false }, exitUnreachable, ", after 1s\n"},
	} {
		f := newFakeApp(fine)
		code := f.run(t.Context(), strings.Fields("members --wait 2 --interval 10ms --timeout 1s --http-addr "+fitful(t, c.up)))
		if code != c.code || !strings.HasSuffix(f.err.String(), c.want) {
			t.Errorf("exit code %d, want %d: %s", code, c.code, &f.err)
		}
	}
}

// What is followed goes on when the node answers again, and is told of once.
func TestMembersWatchCut(t *testing.T) {
	var asked atomic.Int32
	again := make(chan struct{})
	addr := fitful(t, func() bool {
		n := asked.Add(1)
		if n == 6 { // the one before has been told of
			close(again)
		}
		return n < 2 || n > 4
	})
	f := newFakeApp(fine)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := f.start(ctx, "members", "--watch", "--interval", "10ms", "--http-addr", addr)
	select {
	case <-again:
	case c := <-code:
		t.Fatalf("exit code %d: %s", c, &f.err)
	}
	stop()
	if c := <-code; c != exitDone || strings.Count(f.err.String(), "herd: cut off, trying again: ") != 1 || !strings.HasSuffix(f.err.String(), "\nherd: following "+addr+" again\n") {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
}

// A token, and the key in a change to the key ring, go to nobody to whom a server sends on.
func TestSentOn(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.NotFound(w, r)
	}))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL+"/there", http.StatusTemporaryRedirect))
	defer s.Close()
	addr := s.Listener.Addr().String()
	key := filepath.Join(t.TempDir(), "key")
	if err := writeKey(key, base64.StdEncoding.EncodeToString(newKey())); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"members", "events", "ready", "leave", "reload", "keyring install " + key} {
		f := newFakeApp(fine)
		f.environ = []string{"HERD_TOKEN=a-token-of-many-letters"}
		code := f.run(t.Context(), append(strings.Fields(verb), "--http-addr", addr))
		if said := f.err.String(); code != exitFailed || !strings.Contains(said, "307 Temporary Redirect to ") || !strings.Contains(said, " sends on to "+other.URL+"/there,") {
			t.Errorf("herd %s: exit code %d: %q", verb, code, said)
		}
	}
	api := &nodeAPI{token: "a-token-of-many-letters"}
	if err := api.prepare(&config.Loaded{Config: config.Config{HTTP: config.HTTP{Addr: addr}}}); err != nil {
		t.Fatal(err)
	}
	if a, err := api.Get(t.Context(), "/v1/self"); err != nil || a.Status != http.StatusTemporaryRedirect {
		t.Errorf("herd doctor got %v, %v", a, err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went to where the server sent them on", n)
	}
}

func TestMembersOfSomethingElse(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"members", "--http-addr", s.Listener.Addr().String()})
	if code != exitFailed || !strings.Contains(f.err.String(), "answers 404 Not Found to GET /v1/members") {
		t.Errorf("got exit code %d and %q", code, &f.err)
	}
}

func TestLeave(t *testing.T) {
	gone := make(chan struct{})
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/leave" {
			w.WriteHeader(http.StatusAccepted)
			go func() { s.Close(); close(gone) }() // the test waits for gone
		}
	}))
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"leave", "--http-addr", s.Listener.Addr().String()})
	if code != exitDone || !strings.Contains(f.out.String(), "has left") {
		t.Errorf("got exit code %d, %q, %q", code, &f.out, &f.err)
	}
	<-gone
}

// The time of a drain is the node's to keep; the verb waits for that, too.
func TestLeaveDrain(t *testing.T) {
	var asked atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"leave", "--drain", "50ms", "--timeout", "10ms", "--http-addr", s.Listener.Addr().String()})
	if code != exitUnmet || asked.Load() != "/v1/leave?drain=50ms" || !strings.Contains(f.err.String(), "has not ended in 60ms") {
		t.Errorf("got exit code %d, %v and %q", code, asked.Load(), &f.err)
	}
	for _, drain := range []string{"x", "30", "-1s", "1h1ns"} {
		asked.Store("nothing")
		code := f.run(t.Context(), []string{"leave", "--drain", drain, "--http-addr", s.Listener.Addr().String()})
		if code != exitUsage || asked.Load() != "nothing" {
			t.Errorf("--drain %s: got exit code %d, asked for %v", drain, code, asked.Load())
		}
	}
}

func TestLeaveThatHangs(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	defer s.Close()
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"leave", "--timeout", "60ms", "--http-addr", s.Listener.Addr().String()})
	if code != exitUnmet || !strings.Contains(f.err.String(), "has not ended in 60ms") {
		t.Errorf("got exit code %d and %q", code, &f.err)
	}
}

// A node that speaks TLS, and is asked in the clear, is told from one that refuses.
func TestMembersInTheClear(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"members", "--http-addr", s.Listener.Addr().String()})
	if code != exitUsage || !strings.Contains(f.err.String(), " says: It speaks TLS: put https:// before its address") {
		t.Errorf("exit code %d: %s", code, &f.err)
	}
}
