package places

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// upstream is a provider that counts its calls and does as the test says.
type upstream struct {
	name  string
	calls atomic.Int64
	do    func(ctx context.Context, call int) (Answer, error)
}

func (u *upstream) Name() string {
	if u.name != "" {
		return u.name
	}
	return "google"
}

func (u *upstream) Near(ctx context.Context, _ Query) (Answer, error) {
	return u.do(ctx, int(u.calls.Add(1)))
}

var place = Answer{Places: []Place{{Name: "Westwood", ID: "test:1"}}}

// slow answers after d, or when its context ends.
func slow(d time.Duration) *upstream {
	return &upstream{do: func(ctx context.Context, _ int) (Answer, error) {
		select {
		case <-time.After(d):
			return place, nil
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}}
}

func failing(err error) *upstream {
	return &upstream{do: func(context.Context, int) (Answer, error) { return Answer{}, err }}
}

// number is campus with a radius of its own: no other question equals it.
func number(i int) Query {
	q := campus
	q.Radius = 1000 + float64(i)
	return q
}

var embedded = &prompt{fake{"embedded", answers("Westwood")}}

// TestEqualQuestionsShareACall: as many as ask at once.
func TestEqualQuestionsShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(time.Second)
		c := New(Config{Links: Links(u)})
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				q := campus
				q.Limit += 100 * (i % 2) // the same, once it is clamped to what is asked
				q.Limit = min(q.Limit, 5)
				if p := parse(t, c.Near(t.Context(), q)); p.Status != "OK" {
					t.Errorf("status %s", p.Status)
				}
			})
		}
		wg.Wait()
		c.Near(t.Context(), campus) // nobody is in flight any more: a call of its own
		c.Near(t.Context(), number(1))
		if s := c.Stats().Providers[0]; u.calls.Load() != 3 || s.Calls != 3 || s.Coalesced != 999 || s.Results["ok"] != 1002 {
			t.Errorf("%d calls, stats %+v; want 3, 999 coalesced", u.calls.Load(), s)
		}
	})
}

// TestLastAskerEndsACall: it goes on as long as one asker waits.
func TestLastAskerEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		u := &upstream{do: func(ctx context.Context, _ int) (Answer, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return Answer{}, ctx.Err()
		}}
		c := New(Config{Links: []Link{{Provider: u, Timeout: time.Hour}}})
		var leave []context.CancelFunc
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			leave = append(leave, cancel)
			go c.Near(ctx, campus)
		}
		synctest.Wait()
		leave[0]()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("the call ended with the first asker: %v", err)
		default:
		}
		leave[1]()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the call ended with %v", err)
		}
		synctest.Wait()
		if u.calls.Load() != 1 {
			t.Errorf("%d calls, want 1: a call that was given up is not tried again", u.calls.Load())
		}
	})
}

// TestDenied: a denial is said once, loudly, and costs one call in ten minutes.
func TestDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		denied := &Error{Kind: Denied, Err: errors.New("API_KEY_INVALID")}
		u := &upstream{do: func(_ context.Context, call int) (Answer, error) {
			if call < 3 {
				return Answer{}, denied
			}
			return place, nil
		}}
		c := New(Config{Links: Links(u, embedded), Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info})})
		ask := func(want int64) parsed {
			t.Helper()
			var p parsed
			for i := range 50 {
				p = parse(t, c.Near(t.Context(), number(i)))
			}
			if got := u.calls.Load(); got != want {
				t.Fatalf("%d calls, want %d", got, want)
			}
			return p
		}
		if p := ask(1); p.Status != "OK" || !strings.Contains(p.Messages[0], "google (denied)") {
			t.Errorf("got %+v, want embedded's answer and why", p)
		}
		time.Sleep(10*time.Minute - time.Second)
		ask(1)
		time.Sleep(3 * time.Minute) // past what chance adds
		ask(2)                      // the probe, denied too: twice as long
		time.Sleep(19 * time.Minute)
		ask(2)
		time.Sleep(6 * time.Minute)
		if p := ask(52); p.Messages != nil {
			t.Errorf("well again, and still %q", p.Messages)
		}
		if n := strings.Count(log.String(), "API_KEY_INVALID"); n != 1 || strings.Count(log.String(), "\n") != 2 || !strings.Contains(log.String(), "[ERROR]") || !strings.Contains(log.String(), "answers again") {
			t.Errorf("log:\n%s\nwant one error and one all-clear", &log)
		}
		if s := c.Stats().Providers; s[0].Results["denied"] != 2 || s[0].Results["paused"] != 198 || s[0].Results["ok"] != 50 || s[1].Fallbacks != 200 || s[0].Paused {
			t.Errorf("stats = %+v", s)
		}
	})
}

// TestLimited: a provider is left alone for as long as it asks; then one call
// tells whether it is well.
func TestLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{do: func(ctx context.Context, call int) (Answer, error) {
			if call == 1 {
				return Answer{}, &Error{Kind: Limited, Err: errors.New("429"), RetryAfter: 90 * time.Second}
			}
			return slow(time.Second).do(ctx, 0)
		}}
		c := New(Config{Links: Links(u)})
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "OVER_QUERY_LIMIT" {
			t.Errorf("status %s", p.Status)
		}
		if !c.Stats().Providers[0].Paused {
			t.Error("not paused")
		}
		time.Sleep(90*time.Second - 1)
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "OVER_QUERY_LIMIT" || u.calls.Load() != 1 {
			t.Errorf("status %s, %d calls; want none before it is time", p.Status, u.calls.Load())
		}
		time.Sleep(2 * time.Nanosecond)
		var wg sync.WaitGroup
		var well atomic.Int64
		for i := range 100 {
			wg.Go(func() {
				if parse(t, c.Near(t.Context(), number(i))).Status == "OK" {
					well.Add(1)
				}
			})
		}
		wg.Wait()
		if u.calls.Load() != 2 || well.Load() != 1 {
			t.Errorf("%d calls, %d answers; want one probe", u.calls.Load(), well.Load())
		}
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "OK" {
			t.Errorf("status %s after the probe", p.Status)
		}
	})
}

// TestProbeGivenUp: the next question probes again.
func TestProbeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{do: func(ctx context.Context, call int) (Answer, error) {
			switch call {
			case 1:
				return Answer{}, &Error{Kind: Limited, Err: errors.New("429")}
			case 2:
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}
			return place, nil
		}}
		c := New(Config{Links: Links(u)})
		c.Near(t.Context(), campus)
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c.Near(ctx, campus)
		synctest.Wait()
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "OK" {
			t.Errorf("status %s, want a new probe's answer", p.Status)
		}
	})
}

// TestSecondTry: one, where the provider says that it makes sense, and after a
// time-out; never after a refusal.
func TestSecondTry(t *testing.T) {
	hung := func(ctx context.Context) (Answer, error) {
		<-ctx.Done()
		return Answer{}, ctx.Err()
	}
	for _, tt := range []struct {
		name  string
		first func(context.Context) (Answer, error)
		calls int64
	}{
		{"cut off", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Unavailable, Err: errors.New("reset"), Again: true}
		}, 2},
		{"hung", hung, 2},
		{"junk", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Unavailable, Err: errors.New("no JSON")}
		}, 1},
		{"busy and says for how long", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Unavailable, Err: errors.New("503"), Again: true, RetryAfter: time.Second}
		}, 1},
		{"denied", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Denied, Err: errors.New("no")}
		}, 1},
		{"denied, and knows another way", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Denied, Err: errors.New("not this API"), Again: true}
		}, 2},
		{"limited", func(context.Context) (Answer, error) {
			return Answer{}, &Error{Kind: Limited, Err: errors.New("no")}
		}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{}
			u.do = func(ctx context.Context, call int) (Answer, error) {
				if call == 1 {
					return tt.first(ctx)
				}
				return place, nil
			}
			c := New(Config{Links: Links(u)})
			p := parse(t, c.Near(t.Context(), campus))
			if u.calls.Load() != tt.calls || (p.Status == "OK") != (tt.calls == 2) {
				t.Errorf("%s: %d calls, status %s; want %d", tt.name, u.calls.Load(), p.Status, tt.calls)
			}
			if got := c.Stats().Providers[0].Retries; int64(got) != tt.calls-1 {
				t.Errorf("%s: %d retries", tt.name, got)
			}
		})
	}
}

// TestNoSecondTry: a provider that knows another way, and may not be asked again at
// once, is not left alone for a denial.
func TestNoSecondTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{do: func(_ context.Context, call int) (Answer, error) {
			if call == 1 {
				return Answer{}, &Error{Kind: Denied, Err: errors.New("not this API"), Again: true}
			}
			return place, nil
		}}
		c := New(Config{Links: []Link{{Provider: u, PerMinute: 6}}})
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "REQUEST_DENIED" || u.calls.Load() != 1 {
			t.Errorf("status %s after %d calls", p.Status, u.calls.Load())
		}
		time.Sleep(10 * time.Second)
		if p := parse(t, c.Near(t.Context(), campus)); p.Status != "OK" {
			t.Errorf("status %s once there may be a call", p.Status)
		}
	})
}

// TestNobodyWaits: no call begins for an asker that is gone.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(time.Second)
		l := NewLedger(1, nil)
		c := New(Config{Ledger: l, Links: []Link{{Provider: u, Budget: Budget{Day: 1000}}}})
		gone, leave := context.WithCancel(t.Context())
		leave()
		for i := range 100 {
			c.Near(gone, number(i))
		}
		synctest.Wait()
		if today, _ := l.spent("google"); today != 0 || u.calls.Load() != 0 {
			t.Errorf("%d calls, %d of them paid for", u.calls.Load(), today)
		}
	})
}

// TestAlwaysInTime: both tries of a hung provider, and a wait for a slot, fit into
// the time-out.
func TestAlwaysInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(time.Hour)
		c := New(Config{Links: []Link{{Provider: u, Timeout: time.Second, MaxInFlight: 2}}})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { c.Near(t.Context(), number(i)) })
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// TestTroublesOpenTheBreaker: five failures in a row.
func TestTroublesOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := failing(&Error{Kind: Unavailable, Err: errors.New("500"), Again: true})
		c := New(Config{Links: Links(u)})
		for i := range 100 {
			c.Near(t.Context(), number(i))
		}
		if got := u.calls.Load(); got != 10 { // each is tried twice
			t.Errorf("%d calls, want 10", got)
		}
		for range 20 {
			time.Sleep(2 * time.Minute) // each probe fails: the pause doubles to a minute and no more
			c.Near(t.Context(), campus)
		}
		if got := u.calls.Load(); got != 50 {
			t.Errorf("%d calls, want 50", got)
		}
	})
}

// TestPerMinute: no more calls begin than may; what is refused costs nothing.
func TestPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(0)
		c := New(Config{Links: []Link{{Provider: u, PerMinute: 60, Budget: Budget{Day: 100}}, {Provider: embedded}}})
		var p parsed
		for i := range 20 {
			p = parse(t, c.Near(t.Context(), number(i)))
		}
		if u.calls.Load() != 6 || len(p.Messages) != 1 || !strings.Contains(p.Messages[0], "throttled") {
			t.Errorf("%d calls, %+v; want 6, and to be told", u.calls.Load(), p)
		}
		time.Sleep(3 * time.Second)
		for i := range 20 {
			c.Near(t.Context(), number(100+i))
		}
		if s := c.Stats().Providers[0]; u.calls.Load() != 9 || s.SpentToday != 9 || s.Results["throttled"] != 31 {
			t.Errorf("%d calls, stats %+v; want 9", u.calls.Load(), s)
		}
	})
}

// TestChainAfterChain: a chain in the place of another counts on, and begins no more
// calls a minute for that.
func TestChainAfterChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(0)
		var c *Chain
		for range 3 {
			c = New(Config{Before: c, Links: []Link{{Provider: u, PerMinute: 60}, {Provider: embedded}}})
			for i := range 20 {
				c.Near(t.Context(), number(i))
			}
		}
		s := c.Stats()
		if p := s.Providers; u.calls.Load() != 6 || s.Asked != 60 || p[0].Calls != 6 || p[0].Results["throttled"] != 54 || p[1].Fallbacks != 54 {
			t.Errorf("%d calls, stats %+v; want 6", u.calls.Load(), s)
		}
		c = New(Config{Before: c, Links: Links(u)})
		for i := range 20 {
			c.Near(t.Context(), number(i))
		}
		if s := c.Stats().Providers[0]; s.Calls != 26 {
			t.Errorf("%d calls, want 20 more without a bound", s.Calls)
		}
		c = New(Config{Before: c, Links: []Link{{Provider: u, PerMinute: 60}}})
		for i := range 20 {
			c.Near(t.Context(), number(i))
		}
		if s := c.Stats().Providers[0]; s.Calls != 32 {
			t.Errorf("%d calls, want 6 more with one again", s.Calls)
		}
	})
}

// TestPrompt answers what needs no waiting, and only that.
func TestPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := failing(&Error{Kind: Denied, Err: errors.New("no")})
		c := New(Config{Links: Links(u, embedded, slow(0))})
		if body, ok := c.AppendPrompt(nil, campus); ok {
			t.Fatalf("prompt, of google: %s", body)
		}
		if s := c.Stats(); s.Asked != 0 {
			t.Errorf("%d asked by a question that was not answered", s.Asked)
		}
		nothing := campus
		nothing.Limit = 0
		if body, ok := c.AppendPrompt(nil, nothing); !ok || parse(t, body).Status != "ZERO_RESULTS" {
			t.Errorf("nothing wanted: %v, %s", ok, body)
		}
		c.Near(t.Context(), campus)
		if body, ok := c.AppendPrompt(nil, campus); !ok || len(parse(t, body).Messages) != 1 {
			t.Errorf("google is left alone: %v, %s", ok, body)
		}
		if body, ok := New(Config{}).AppendPrompt(nil, campus); !ok || parse(t, body).Status != "UNKNOWN_ERROR" {
			t.Errorf("nobody to ask: %v, %s", ok, body)
		}
	})
}

// loading is a prompt that is yet to load what it answers from.
type loading struct {
	prompt
	done bool
}

func (l *loading) Loaded() bool { return l.done }

// TestPromptLoads has a question wait aside while a provider loads.
func TestPromptLoads(t *testing.T) {
	l := &loading{prompt: prompt{fake{"file", answers("Hall")}}}
	c := New(Config{Links: Links(l)})
	if body, ok := c.AppendPrompt([]byte("AT"), campus); ok || string(body) != "AT" {
		t.Errorf("prompt, of what is loading: %s", body)
	}
	if got := parse(t, c.Near(t.Context(), campus)); got.Status != "OK" {
		t.Errorf("who waits gets %v", got)
	}
	l.done = true
	if body, ok := c.AppendPrompt(nil, campus); !ok || parse(t, body).Status != "OK" {
		t.Errorf("loaded: %v, %s", ok, body)
	}
}

// TestFallbackToABody: an upstream's bytes stay as they are, but for the note.
func TestFallbackToABody(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{"{\n   \"results\" : [],\n   \"status\" : \"OK\"\n}\n", "{\n   \"info_messages\" : [ \"This answer is from google, in place of osm (limited).\" ],\n   \"results\" : [],\n   \"status\" : \"OK\"\n}"},
		{" { } ", "{\n   \"info_messages\" : [ \"This answer is from google, in place of osm (limited).\" ] } "},
		{`{"a":"info_messages","info_messages" : ["x"]}`, `{"a":"info_messages","info_messages" : ["This answer is from google, in place of osm (limited).","x"]}`},
		{`{"info_messages":[ ],"results":[{"info_messages":[1]}]}`, `{"info_messages":["This answer is from google, in place of osm (limited)." ],"results":[{"info_messages":[1]}]}`},
	} {
		osm := failing(&Error{Kind: Limited, Err: errors.New("no")})
		osm.name = "osm"
		google := &upstream{do: func(context.Context, int) (Answer, error) { return Answer{Body: []byte(tt.body)}, nil }}
		if got := New(Config{Links: Links(osm, google)}).Near(t.Context(), campus); string(got) != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
