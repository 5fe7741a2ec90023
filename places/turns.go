package places

import (
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// quiet is for how long a provider that begins to fail once more is not worth
// another line.
const quiet = time.Minute

// turns logs the turns of a provider's fortune, so that a failing one costs two
// lines and not one a question.
type turns struct {
	log hclog.Logger // names the provider

	mu      sync.Mutex // guards what follows
	failing bool       // and that was said
	loud    bool       // as loudly as a denial is
	said    time.Time  // when last
}

// took tells how a question went.
func (t *turns) took(err error) {
	if err == nil {
		if t.well() {
			t.log.Info("places provider answers again")
		}
		return
	}
	kind := KindOf(err)
	var paused *pausedError
	switch {
	case kind == Canceled, errors.As(err, &paused):
	case t.ill():
		t.log.Warn("places provider fails", "kind", kind, "error", err)
	default:
		t.log.Debug("places provider failed", "kind", kind, "error", err)
	}
}

// paused tells that the provider is left alone for a while.
func (t *turns) paused(kind Kind, pause time.Duration, err error) {
	if kind == Denied && t.denied() {
		t.log.Error("places provider denies us: see \"herd places check\" for what to do", "error", err, "next_try_in", pause.Round(time.Second))
		return
	}
	t.log.Debug("places provider is left alone", "kind", kind, "next_try_in", pause.Round(time.Millisecond))
}

// ill tells whether the beginning of failures is to be said.
func (t *turns) ill() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failing || time.Since(t.said) < quiet {
		return false
	}
	t.failing, t.said = true, time.Now()
	return true
}

// well tells whether their end is to be said.
func (t *turns) well() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.failing
	t.failing, t.loud = false, false
	return was
}

// denied tells whether a denial is to be said.
func (t *turns) denied() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loud {
		return false
	}
	t.failing, t.loud, t.said = true, true, time.Now()
	return true
}
