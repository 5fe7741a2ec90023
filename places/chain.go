package places

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Config is what a [Chain] is made of. Zero fields take the default.
type Config struct {
	// Providers are asked in this order. With none every question is answered
	// UNKNOWN_ERROR.
	Providers []Provider

	// Timeout is how long one provider may take; then the next is asked. A
	// question takes at most this times the providers that are not [Prompt].
	// Default 5 s.
	Timeout time.Duration

	// MaxInFlight bounds the calls that one provider has not returned from, and
	// so the goroutines that it can hold. Further questions wait for a place
	// until Timeout. Default 64.
	MaxInFlight int

	// Logger is told when a provider begins to fail and when it is well again;
	// every failure at debug. Default: none.
	Logger hclog.Logger
}

// Chain asks providers in order. Its methods may be called by many goroutines.
type Chain struct {
	links   []*link
	log     hclog.Logger
	closing context.Context
	stop    context.CancelFunc
	drain   sync.Mutex // held by the Close that waits

	asked, skipped, failed atomic.Uint64
}

// New makes a chain. It starts nothing; a provider's call has a goroutine of its
// own while it lasts, and [Chain.Close] waits for those.
func New(c Config) *Chain {
	chain := &Chain{log: c.Logger}
	if chain.log == nil {
		chain.log = hclog.NewNullLogger()
	}
	chain.closing, chain.stop = context.WithCancel(context.Background())
	for _, p := range c.Providers {
		l := &link{provider: p, closing: chain.closing, timeout: cmp.Or(c.Timeout, 5*time.Second)}
		if _, ok := p.(Prompt); !ok {
			l.slots = make(chan struct{}, cmp.Or(c.MaxInFlight, 64))
		}
		chain.links = append(chain.links, l)
	}
	return chain
}

// Near is the reply to q: always a legacy Nearby Search body, valid JSON with no
// empty line and no newline at its end, in the time that [Config].Timeout
// gives or until ctx is done. A radius or limit past the greatest is taken for
// the greatest. The caller owns the result.
func (c *Chain) Near(ctx context.Context, q Query) []byte {
	c.asked.Add(1)
	if !(q.Radius > 0) || q.Limit <= 0 {
		c.skipped.Add(1)
		return render(Answer{}, "ZERO_RESULTS", "")
	}
	if !q.onGlobe() {
		c.skipped.Add(1)
		return render(Answer{}, "INVALID_REQUEST", "There is no such point on the earth.")
	}
	q.Radius, q.Limit = min(q.Radius, MaxRadius), min(q.Limit, MaxLimit)

	failure, missed := Unavailable, ""
	for i, l := range c.links {
		body, err := l.near(ctx, q, missed)
		if c.report(l, err); err == nil {
			return body
		}
		if kind := KindOf(err); i == 0 { // the operator's first choice says why
			failure = kind
			missed = fmt.Sprintf("%s (%s)", l.provider.Name(), kind)
		}
		if ctx.Err() != nil {
			break // nobody reads the next one's answer
		}
	}
	c.failed.Add(1)
	return render(Answer{}, kinds[failure].status, kinds[failure].message)
}

// near asks the link's provider and writes its answer. missed names the provider
// in whose place this one answers, if any.
func (l *link) near(ctx context.Context, q Query, missed string) ([]byte, error) {
	a, err := l.ask(ctx, q)
	if err != nil {
		l.failed[KindOf(err)].Add(1)
		return nil, err
	}
	if a.Body != nil {
		if !isObject(a.Body) {
			l.failed[Unavailable].Add(1)
			return nil, errors.New("the reply is no JSON object")
		}
		l.answered.Add(1)
		return squeeze(bytes.Clone(a.Body)), nil
	}
	a.Places = a.Places[:min(len(a.Places), q.Limit)]
	if missed != "" {
		note := fmt.Sprintf("This answer is from %s, in place of %s.", l.provider.Name(), missed)
		a.Messages = append(a.Messages[:len(a.Messages):len(a.Messages)], note)
	}
	if len(a.Places) == 0 {
		l.empty.Add(1)
		return render(a, "ZERO_RESULTS", ""), nil
	}
	l.answered.Add(1)
	return render(a, "OK", ""), nil
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}

// report logs the turns of a provider's fortune, so that a failing one costs two
// lines and not one a question.
func (c *Chain) report(l *link, err error) {
	name := l.provider.Name()
	switch kind := KindOf(err); {
	case err == nil:
		if l.failing.Load() && l.failing.Swap(false) {
			c.log.Info("places provider answers again", "provider", name)
		}
	case kind == Canceled:
	case !l.failing.Swap(true):
		c.log.Warn("places provider fails", "provider", name, "kind", kind, "error", err)
	default:
		c.log.Debug("places provider failed", "provider", name, "kind", kind, "error", err)
	}
}

// Close cancels the calls in flight, lets no new one begin (questions are then
// answered from memory or UNKNOWN_ERROR) and waits until all have returned, or
// until ctx is done: then the error says how many were left. It may be called
// again.
func (c *Chain) Close(ctx context.Context) error {
	c.stop()
	c.drain.Lock()
	defer c.drain.Unlock()
	var errs []error
	for _, l := range c.links {
		errs = append(errs, l.drain(ctx))
	}
	return errors.Join(errs...)
}
