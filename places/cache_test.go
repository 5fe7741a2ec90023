package places

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestCache: an answer serves equal questions for as long as it may, a failure
// none.
func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{do: func(_ context.Context, call int) (Answer, error) {
			if call == 1 {
				return Answer{}, &Error{Kind: Unavailable, Err: errors.New("500")}
			}
			return place, nil
		}}
		c := New(Config{Links: []Link{{Provider: u, Cache: time.Minute}}})
		for range 10 {
			c.Near(t.Context(), campus)
		}
		if _, ok := c.AppendPrompt(nil, campus); !ok || u.calls.Load() != 2 {
			t.Errorf("%d calls, prompt %v; want 2, true", u.calls.Load(), ok)
		}
		time.Sleep(time.Minute)
		if _, ok := c.AppendPrompt(nil, campus); ok {
			t.Error("an old answer is given")
		}
		c.Near(t.Context(), campus)
		if s := c.Stats().Providers[0]; u.calls.Load() != 3 || s.CacheHits != 9 {
			t.Errorf("%d calls, %d hits; want 3, 9", u.calls.Load(), s.CacheHits)
		}
	})
}

// TestCacheTellsNothingOfTheProvider: an answer that is remembered is no sign that a
// provider which denies is well again.
func TestCacheTellsNothingOfTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		u := &upstream{do: func(_ context.Context, call int) (Answer, error) {
			if call == 1 {
				return place, nil
			}
			return Answer{}, &Error{Kind: Denied, Err: errors.New("API_KEY_INVALID")}
		}}
		c := New(Config{
			Links:  []Link{{Provider: u, Cache: time.Hour}},
			Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info}),
		})
		c.Near(t.Context(), campus)
		for range 2 {
			c.Near(t.Context(), number(1))
			c.Near(t.Context(), campus)
			time.Sleep(15 * time.Minute)
		}
		if u.calls.Load() != 3 || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%d calls, log:\n%s\nwant 3, and one error", u.calls.Load(), &log)
		}
	})
}
