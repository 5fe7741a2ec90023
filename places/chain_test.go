package places

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// fake is a provider of one behaviour.
type fake struct {
	name string
	near func(context.Context, Query) (Answer, error)
}

func (f *fake) Name() string                                      { return f.name }
func (f *fake) Near(ctx context.Context, q Query) (Answer, error) { return f.near(ctx, q) }

// prompt is a fake that answers from memory.
type prompt struct{ fake }

func (*prompt) Prompt() {}

func answers(names ...string) func(context.Context, Query) (Answer, error) {
	return func(context.Context, Query) (Answer, error) {
		var a Answer
		for _, name := range names {
			a.Places = append(a.Places, Place{Name: name, ID: "test:" + name})
		}
		return a, nil
	}
}

func fails(err error) func(context.Context, Query) (Answer, error) {
	return func(context.Context, Query) (Answer, error) { return Answer{}, err }
}

type parsed struct {
	Status   string           `json:"status"`
	Error    string           `json:"error_message"`
	Messages []string         `json:"info_messages"`
	Results  []map[string]any `json:"results"`
}

func parse(t *testing.T, body []byte) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("not JSON: %v: %s", err, body)
	}
	if p.Results == nil || bytes.Contains(body, []byte("\n\n")) || bytes.HasSuffix(body, []byte("\n")) {
		t.Fatalf("not a legacy body: %s", body)
	}
	return p
}

var campus = Query{Latitude: 34.06893, Longitude: -118.445127, Radius: 10_000, Limit: 5}

func TestNearAsksNobodyForNothing(t *testing.T) {
	never := &fake{"never", func(context.Context, Query) (Answer, error) {
		t.Error("the provider was asked")
		return Answer{}, nil
	}}
	c := New(Config{Links: Links(never)})
	nan := func(q Query) Query { q.Latitude = q.Latitude * 0 / zero; return q }
	tests := []struct {
		name   string
		change func(Query) Query
		status string
	}{
		{"r = 0", func(q Query) Query { q.Radius = 0; return q }, "ZERO_RESULTS"},
		{"n = 0", func(q Query) Query { q.Limit = 0; return q }, "ZERO_RESULTS"},
		{"r is no number", func(q Query) Query { q.Radius = q.Radius * 0 / zero; return q }, "ZERO_RESULTS"},
		{"latitude 91", func(q Query) Query { q.Latitude = 91; return q }, "INVALID_REQUEST"},
		{"longitude -181", func(q Query) Query { q.Longitude = -181; return q }, "INVALID_REQUEST"},
		{"latitude is no number", nan, "INVALID_REQUEST"},
	}
	for _, tt := range tests {
		p := parse(t, c.Near(t.Context(), tt.change(campus)))
		if p.Status != tt.status || len(p.Results) > 0 {
			t.Errorf("%s: status %s, %d results; want %s", tt.name, p.Status, len(p.Results), tt.status)
		}
	}
	if s := c.Stats(); s.Asked != 6 || s.Skipped != 6 || s.Failed != 0 {
		t.Errorf("stats = %+v, want 6 asked, 6 skipped", s)
	}
}

var zero float64 // dividing 0 by it is NaN

func TestNearClampsAndCuts(t *testing.T) {
	var got Query
	generous := answers("a", "b", "c", "d")
	c := New(Config{Links: Links(&fake{"wide", func(ctx context.Context, q Query) (Answer, error) {
		got = q
		return generous(ctx, q)
	}})})
	q := campus
	q.Radius = 1e9
	q.Limit = 3
	if p := parse(t, c.Near(t.Context(), q)); len(p.Results) != 3 || p.Status != "OK" {
		t.Errorf("%d results, status %s; want 3, OK", len(p.Results), p.Status)
	}
	if got.Radius != MaxRadius {
		t.Errorf("the provider was asked for %v m", got.Radius)
	}
	q.Limit = 1000
	c.Near(t.Context(), q)
	if got.Limit != MaxLimit {
		t.Errorf("the provider was asked for %d places", got.Limit)
	}
}

// TestFailures: each kind of failure becomes its status, and nothing that the
// provider says of it gets out.
func TestFailures(t *testing.T) {
	const secret = "https://maps.example/json?key=AIzaCanary"
	tests := []struct {
		err    error
		status string
		counts string
	}{
		{&Error{Kind: Unavailable, Err: errors.New(secret)}, "UNKNOWN_ERROR", "unavailable"},
		{errors.New(secret), "UNKNOWN_ERROR", "unavailable"},
		{&Error{Kind: Kind(200), Err: errors.New(secret)}, "UNKNOWN_ERROR", "unavailable"},
		{&Error{Kind: Limited, Err: errors.New(secret)}, "OVER_QUERY_LIMIT", "limited"},
		{&Error{Kind: Denied, Err: errors.New(secret)}, "REQUEST_DENIED", "denied"},
		{fmt.Errorf("ask: %w", &Error{Kind: Denied, Err: errors.New(secret)}), "REQUEST_DENIED", "denied"},
		{&Error{Kind: Invalid, Err: errors.New(secret)}, "INVALID_REQUEST", "invalid"},
		{fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), "UNKNOWN_ERROR", "timed_out"},
	}
	for _, tt := range tests {
		c := New(Config{Links: Links(&fake{"broken", fails(tt.err)})})
		body := c.Near(t.Context(), campus)
		p := parse(t, body)
		if p.Status != tt.status || p.Error == "" || len(p.Results) > 0 {
			t.Errorf("%v: %s; want %s and an error_message", tt.err, body, tt.status)
		}
		if bytes.Contains(body, []byte("AIza")) || bytes.Contains(body, []byte("http")) {
			t.Errorf("%v: leaks: %s", tt.err, body)
		}
		s := c.Stats()
		if got := s.Providers[0].Results[tt.counts]; got != 1 || s.Failed != 1 {
			t.Errorf("%v: stats %+v, want one %s", tt.err, s, tt.counts)
		}
	}
}

func TestFallback(t *testing.T) {
	limited := &fake{"google", fails(&Error{Kind: Limited, Err: errors.New("quota")})}
	broken := &fake{"file", fails(errors.New("torn"))}
	good := &prompt{fake{"embedded", answers("Westwood")}}
	none := &fake{"overpass", answers()}

	p := parse(t, New(Config{Links: Links(limited, broken, good)}).Near(t.Context(), campus))
	if p.Status != "OK" || len(p.Results) != 1 {
		t.Errorf("status %s, %d results; want the last provider's one", p.Status, len(p.Results))
	}
	if want := "This answer is from embedded, in place of google (limited)."; len(p.Messages) != 1 || p.Messages[0] != want {
		t.Errorf("info_messages = %q, want %q", p.Messages, want)
	}
	if p := parse(t, New(Config{Links: Links(good, limited)}).Near(t.Context(), campus)); p.Messages != nil {
		t.Errorf("the first provider's answer has info_messages %q", p.Messages)
	}
	if p := parse(t, New(Config{Links: Links(none, good)}).Near(t.Context(), campus)); p.Status != "ZERO_RESULTS" {
		t.Errorf("after an empty answer the next was asked: status %s", p.Status)
	}
	if p := parse(t, New(Config{Links: Links(limited, broken)}).Near(t.Context(), campus)); p.Status != "OVER_QUERY_LIMIT" {
		t.Errorf("all failed: status %s, want the first one's", p.Status)
	}
	if p := parse(t, New(Config{}).Near(t.Context(), campus)); p.Status != "UNKNOWN_ERROR" || p.Error == "" {
		t.Errorf("no providers: %+v", p)
	}
}

func TestUpstreamBody(t *testing.T) {
	body := func(s string) *Chain {
		return New(Config{Links: Links(&fake{"google", func(context.Context, Query) (Answer, error) {
			return Answer{Body: []byte(s)}, nil
		}})})
	}
	const raw = "{\n\n\n  \"html_attributions\":[],\n\n\"results\":[ ] ,\"status\":\"OK\"}\n\n\n"
	const want = "{\n  \"html_attributions\":[],\n\"results\":[ ] ,\"status\":\"OK\"}"
	if got := body(raw).Near(t.Context(), campus); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, junk := range []string{"", "null", "[]", `"x"`, "<html>", "{", `{"results":[]}}`} {
		if p := parse(t, body(junk).Near(t.Context(), campus)); p.Status != "UNKNOWN_ERROR" {
			t.Errorf("%q: status %s, want UNKNOWN_ERROR", junk, p.Status)
		}
	}
}

// TestHungProvider: one that ignores its context costs each caller the timeout,
// and the node no more goroutines than there are slots, however many ask.
func TestHungProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := &fake{"hung", func(context.Context, Query) (Answer, error) {
			<-release
			return Answer{}, nil
		}}
		c := New(Config{Links: []Link{{Provider: hung, Timeout: 3 * time.Second, MaxInFlight: 4}}})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				q := campus
				q.Radius = 100 + float64(i)
				if p := parse(t, c.Near(t.Context(), q)); p.Status != "UNKNOWN_ERROR" {
					t.Errorf("status %s, want UNKNOWN_ERROR", p.Status)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %s, want the timeout", took)
		}
		s := c.Stats().Providers[0]
		if s.InFlight != 4 || s.Results["timed_out"] != 4 || s.Results["busy"] != 96 {
			t.Errorf("stats = %+v, want 4 in flight and timed out, 96 busy", s)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "4 calls") {
			t.Errorf("Close = %v, want that 4 calls are left", err)
		}
		start = time.Now()
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "UNKNOWN_ERROR" || time.Since(start) != 0 {
			t.Errorf("after Close: status %s in %s, want UNKNOWN_ERROR at once", p.Status, time.Since(start))
		}
		close(release)
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("Close = %v after the calls returned", err)
		}
	})
}

// TestSlowProviderIsPassed: the one behind a hung provider still gets its turn.
func TestSlowProviderIsPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polite := &fake{"slow", func(ctx context.Context, _ Query) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		c := New(Config{Links: Links(polite, &prompt{fake{"embedded", answers("Westwood")}})})
		start := time.Now()
		p := parse(t, c.Near(t.Context(), campus))
		if p.Status != "OK" || len(p.Messages) != 1 || !strings.Contains(p.Messages[0], "timed_out") {
			t.Errorf("got %+v, want embedded's answer and a message", p)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s, want the default timeout", took)
		}
		synctest.Wait()
		if n := c.Stats().Providers[0].InFlight; n != 0 {
			t.Errorf("%d in flight, want 0", n)
		}
	})
}

// TestAskerGoesAway: its context ends the wait, no further provider is asked, and
// the provider is not blamed.
func TestAskerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		polite := &fake{"slow", func(ctx context.Context, _ Query) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		never := &prompt{fake{"never", func(context.Context, Query) (Answer, error) {
			t.Error("the second provider was asked")
			return Answer{}, nil
		}}}
		c := New(Config{Links: Links(polite, never), Logger: hclog.New(&hclog.LoggerOptions{Output: &log})})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if p := parse(t, c.Near(ctx, campus)); p.Status != "UNKNOWN_ERROR" {
			t.Errorf("status %s, want UNKNOWN_ERROR", p.Status)
		}
		if got := c.Stats().Providers[0].Results["canceled"]; got != 1 || log.Len() > 0 {
			t.Errorf("canceled = %d, log %q; want 1 and silence", got, &log)
		}
	})
}

// TestCloseEndsCalls: Close cancels what is in flight and waits for it.
func TestCloseEndsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polite := &fake{"slow", func(ctx context.Context, _ Query) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		c := New(Config{Links: []Link{{Provider: polite, Timeout: time.Hour}}})
		replied := make(chan []byte)
		go func() { replied <- c.Near(context.Background(), campus) }()
		synctest.Wait()
		if n := c.Stats().Providers[0].InFlight; n != 1 {
			t.Fatalf("%d in flight, want 1", n)
		}
		go func() {
			if err := c.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		if p := parse(t, <-replied); p.Status != "UNKNOWN_ERROR" {
			t.Errorf("status %s, want UNKNOWN_ERROR", p.Status)
		}
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestLogTellsTurns: a failing provider is worth a line when it begins and one
// when it ends.
func TestLogTellsTurns(t *testing.T) {
	var log bytes.Buffer
	broken := true
	c := New(Config{
		Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info}),
		Links: Links(&fake{"flaky", func(ctx context.Context, q Query) (Answer, error) {
			if broken {
				return Answer{}, &Error{Kind: Unavailable, Err: errors.New("no route")}
			}
			return answers("x")(ctx, q)
		}}),
	})
	for _, broken = range []bool{true, true, true, false, false} {
		c.Near(t.Context(), campus)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "fails") || !strings.Contains(lines[0], "no route") || !strings.Contains(lines[1], "answers again") {
		t.Errorf("log:\n%s\nwant a warning and an all-clear", &log)
	}
}
