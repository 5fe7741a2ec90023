package places

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// How long a provider is left alone, by what went wrong. Each pause in a row is
// twice as long as the one before, up to the longest.
var pauses = [len(kinds)]struct {
	after          int // failures in a row
	first, longest time.Duration
}{
	Denied:      {1, 10 * time.Minute, time.Hour}, // until somebody has mended the key
	Limited:     {1, time.Second, 5 * time.Minute},
	Unavailable: {5, time.Second, time.Minute},
	TimedOut:    {5, time.Second, time.Minute},
}

// longestWish bounds how long a provider can have itself left alone.
const longestWish = time.Hour

// breaker keeps questions from a provider that would not answer them: a circuit
// breaker whose pauses depend on the kind of failure. After a pause one call goes
// through, the probe; the rest wait for what becomes of it.
type breaker struct {
	mu       sync.Mutex // guards what follows
	failures int        // in a row, while it is closed
	pauses   int        // in a row
	until    time.Time  // the end of the pause; zero: it is closed
	why      Kind       // of the failure that began the pause
	probing  bool
}

// pausedError refuses a call during a pause. Its kind is that of the failure that
// began it.
type pausedError struct {
	why   Kind
	until time.Time
}

func (e *pausedError) Error() string {
	return fmt.Sprintf("left alone until %s after a call that was %s", e.until.UTC().Format(time.TimeOnly), e.why)
}

func (e *pausedError) Unwrap() error { return &Error{Kind: e.why, Err: errPaused} }

// refusal is what enter would refuse a call with; nil if it would not.
func (b *breaker) refusal(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refusalLocked(now)
}

func (b *breaker) refusalLocked(now time.Time) error {
	if b.until.IsZero() || !b.probing && !now.Before(b.until) {
		return nil
	}
	return &pausedError{b.why, b.until}
}

// enter lets a call through, for which leave is owed, or refuses it.
func (b *breaker) enter(now time.Time) (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refusalLocked(now); err != nil {
		return false, err
	}
	b.probing = !b.until.IsZero()
	return b.probing, nil
}

// leave tells how a call went, and gives the pause that begins with it, if one
// does. wish is for how long the provider asks to be left alone.
func (b *breaker) leave(now time.Time, probe, ok bool, kind Kind, wish time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	} else if !b.until.IsZero() {
		return 0 // it began before the pause; the probe will tell more
	}
	switch {
	case ok || kind == Invalid: // it answers, if only that it won't
		b.failures, b.pauses, b.until = 0, 0, time.Time{}
		return 0
	case pauses[kind].after == 0:
		return 0 // not the provider's doing; a next probe may go at once
	}
	rule := pauses[kind]
	b.failures++
	if !probe && b.failures < rule.after && wish == 0 {
		return 0
	}
	pause := rule.longest
	if doubled := rule.first << min(b.pauses, 16); doubled < pause {
		pause = doubled
	}
	pause += rand.N(pause / 4) // so that the nodes of a herd don't probe at once
	pause = max(pause, min(wish, longestWish))
	b.failures, b.why, b.until = 0, kind, now.Add(pause)
	b.pauses++
	return pause
}

// open tells whether a pause has begun that no success has ended.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.until.IsZero()
}
