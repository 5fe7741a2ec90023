package places

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Link is a provider in its place of a chain, with what bounds its use. For a
// [Prompt] provider only Provider counts. Zero fields take the default.
type Link struct {
	Provider Provider

	// Timeout is how long a question may take, a second try included; then the
	// next provider is asked. Default 5 s.
	Timeout time.Duration

	// MaxInFlight bounds the calls that the provider has not returned from, and so
	// the goroutines that it can hold. Further questions wait for a place until
	// Timeout, and sixteen times as many may wait. Default 64.
	MaxInFlight int

	// PerMinute bounds the calls begun a minute; up to a tenth of them may
	// begin at once. 0: no bound.
	PerMinute int

	// Budget bounds the calls of the whole herd.
	Budget Budget

	// Cache is for how long an answer serves equal questions. 0: not at all. Mind
	// the terms of the provider: Google forbids it for most of what it says.
	Cache time.Duration
}

// Links are providers in their order, each with the default bounds.
func Links(providers ...Provider) []Link {
	all := make([]Link, len(providers))
	for i, p := range providers {
		all[i].Provider = p
	}
	return all
}

var (
	errBusy      = errors.New("as many calls in flight, and waiting, as may be")
	errClosed    = errors.New("places are closed")
	errPaused    = errors.New("left alone for a while")
	errThrottled = errors.New("as many calls a minute as may be")
	errUndecided = errors.New("the provider would have to be asked")
)

const (
	maxWaiting    = 16       // times MaxInFlight
	maxCached     = 1024     // answers
	maxCachedBody = 64 << 10 // bytes of one
)

// link is a Link of a chain at work.
type link struct {
	Link
	name    string
	closing context.Context
	ledger  *Ledger

	appender Appender // the provider, if it is one; else nil
	loads    Loaded   // the same

	// Nil and unused for a Prompt provider.
	slots   chan struct{} // one for each call in flight
	bucket  *rate.Limiter
	cache   *lru.Cache[Query, cached] // nil: none
	breaker breaker
	flights flights
	waiting atomic.Int64
	drained atomic.Int64 // slots taken by drain

	turns  turns
	counts *linkCounts
}

// linkCounts are a link's counts: of questions by how they went, of calls.
type linkCounts struct {
	answered, empty, paused    atomic.Uint64
	failed                     [len(kinds)]atomic.Uint64
	calls, retries             atomic.Uint64
	coalesced, hits, fallbacks atomic.Uint64
}

// cached is an answer and when it is too old.
type cached struct {
	answer Answer
	until  time.Time
}

func newLink(l Link, closing context.Context, ledger *Ledger) *link {
	made := &link{Link: l, name: l.Provider.Name(), closing: closing, ledger: ledger, counts: &linkCounts{}}
	made.appender, _ = l.Provider.(Appender)
	made.loads, _ = l.Provider.(Loaded)
	if _, ok := l.Provider.(Prompt); ok {
		return made
	}
	if made.Timeout <= 0 {
		made.Timeout = 5 * time.Second
	}
	if made.MaxInFlight <= 0 {
		made.MaxInFlight = 64
	}
	made.slots = make(chan struct{}, made.MaxInFlight)
	made.bucket = rate.NewLimiter(rate.Inf, 0)
	if l.PerMinute > 0 {
		made.bucket = rate.NewLimiter(rate.Limit(l.PerMinute)/60, max(1, l.PerMinute/10))
	}
	if l.Cache > 0 {
		made.cache, _ = lru.New[Query, cached](maxCached) // the size is a good one
	}
	return made
}

// goOn takes the counts of the link to the same provider in the chain before, and its
// bucket with the bounds of this one.
func (l *link) goOn(before *Chain) {
	if before == nil {
		return
	}
	i := slices.IndexFunc(before.links, func(b *link) bool { return b.name == l.name })
	if i < 0 {
		return
	}
	b := before.links[i]
	l.counts = b.counts
	if l.bucket != nil && b.bucket != nil && b.bucket.Limit() != rate.Inf {
		b.bucket.SetLimit(l.bucket.Limit())
		b.bucket.SetBurst(l.bucket.Burst())
		l.bucket = b.bucket
	}
}

// prompt tells whether the provider answers from memory.
func (l *link) prompt() bool { return l.slots == nil }

// settled tells whether ask would come back at once, with an answer or without.
func (l *link) settled(q Query) bool {
	if l.prompt() {
		return l.loads == nil || l.loads.Loaded()
	}
	if _, ok := l.remembered(q); ok {
		return true
	}
	return l.refusal() != nil
}

// refusal is why no call can be made now: a pause, or the budget.
func (l *link) refusal() error {
	if err := l.breaker.refusal(time.Now()); err != nil {
		return err
	}
	return l.ledger.refusal(l.name, l.Budget)
}

// ask comes back in time with the provider's answer or without, and at once if
// wait is false.
func (l *link) ask(ctx context.Context, q Query, wait bool) (Answer, error) {
	if a, ok := l.remembered(q); ok {
		l.counts.hits.Add(1)
		return a, nil // which tells nothing of how the provider is
	}
	a, err := l.inquire(ctx, q, wait)
	if !errors.Is(err, errUndecided) {
		l.turns.took(err)
	}
	return a, err
}

// inquire is ask without the cache.
func (l *link) inquire(ctx context.Context, q Query, wait bool) (Answer, error) {
	if l.prompt() {
		return l.Provider.Near(ctx, q)
	}
	if err := l.refusal(); err != nil {
		return Answer{}, err
	}
	if !wait {
		return Answer{}, errUndecided
	}
	if ctx.Err() != nil {
		return Answer{}, l.gaveUp(ctx)
	}

	f, joined := l.flights.board(l.closing, q, func(ctx context.Context) (Answer, error) {
		return l.fly(ctx, q)
	})
	if f == nil {
		return Answer{}, &Error{Kind: Canceled, Err: errClosed}
	}
	defer l.flights.leave(q, f)
	if joined {
		l.counts.coalesced.Add(1)
	}
	select {
	case <-f.done: // in time: fly is bounded
		return f.answer, f.err
	case <-ctx.Done():
		return Answer{}, l.gaveUp(ctx)
	}
}

// fly asks the provider, once more if that makes sense, and remembers what it
// said. It is bounded by Timeout.
func (l *link) fly(ctx context.Context, q Query) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	if err := l.enter(ctx); err != nil {
		return Answer{}, err
	}
	probe, err := l.breaker.enter(time.Now())
	if err != nil {
		<-l.slots
		return Answer{}, err
	}
	a, err := l.call(ctx, q, l.Timeout*3/5) // one that hangs leaves time for a second
	if err != nil && ctx.Err() == nil && again(err) {
		if b, second := l.callAgain(ctx, q, probe); !uncalled(second) {
			l.counts.retries.Add(1)
			a, err = b, second
		}
	}
	l.learn(probe, err)
	if err == nil && l.cache != nil && len(a.Body) <= maxCachedBody {
		l.cache.Add(q, cached{a, time.Now().Add(l.Cache)})
	}
	return a, err
}

// again tells whether a second try may go better than the first: after a time-out
// or a failure that says so, not after a refusal.
func again(err error) bool {
	var known *Error
	if errors.As(err, &known) {
		return known.Again && known.RetryAfter == 0
	}
	return KindOf(err) == TimedOut
}

// uncalled tells an error of call for which the provider was not asked.
func uncalled(err error) bool {
	switch KindOf(err) {
	case Busy, Throttled, Spent:
		return true
	}
	return errors.Is(err, errPaused)
}

// callAgain is call for a second try. The first has told the breaker nothing yet;
// others may have.
func (l *link) callAgain(ctx context.Context, q Query, probe bool) (Answer, error) {
	if err := l.enter(ctx); err != nil {
		return Answer{}, err
	}
	if err := l.breaker.refusal(time.Now()); err != nil && !probe {
		<-l.slots
		return Answer{}, err
	}
	return l.call(ctx, q, l.Timeout)
}

// call makes one call of the provider, if bucket and budget allow one, and gives it
// at most patience. It is called with a slot, and gives it back.
func (l *link) call(ctx context.Context, q Query, patience time.Duration) (Answer, error) {
	if ctx.Err() != nil { // nobody waits: nothing is paid
		<-l.slots
		return Answer{}, l.gaveUp(ctx)
	}
	if err := l.pay(); err != nil {
		<-l.slots
		return Answer{}, err
	}
	l.counts.calls.Add(1)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type outcome struct {
		answer Answer
		err    error
	}
	done := make(chan outcome, 1) // room for an outcome that nobody awaits any more
	go func() {                   // drain waits for its slot
		defer func() { <-l.slots }()
		a, err := l.Provider.Near(ctx, q)
		done <- outcome{a, err}
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		o.err = l.gaveUp(ctx)
	}
	if o.err == nil && o.answer.Body != nil && !isObject(o.answer.Body) {
		o = outcome{err: &Error{Kind: Unavailable, Err: errors.New("the reply is no JSON object")}}
	}
	return o.answer, o.err
}

// enter takes a slot.
func (l *link) enter(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > int64(maxWaiting*l.MaxInFlight) {
		return &Error{Kind: Busy, Err: errBusy}
	}
	select {
	case l.slots <- struct{}{}:
		if ctx.Err() == nil {
			return nil
		}
		<-l.slots
		return &Error{Kind: Busy, Err: errBusy}
	case <-ctx.Done():
		if err := l.gaveUp(ctx); KindOf(err) != TimedOut {
			return err
		}
		return &Error{Kind: Busy, Err: errBusy}
	}
}

// pay asks the bucket, then the budget: what the bucket refuses costs nothing.
func (l *link) pay() error {
	if !l.bucket.AllowN(time.Now(), 1) {
		return &Error{Kind: Throttled, Err: errThrottled}
	}
	return l.ledger.spend(l.name, l.Budget)
}

// learn tells the breaker how a question went. What was not the provider's doing
// counts for nothing.
func (l *link) learn(probe bool, err error) {
	kind := KindOf(err)
	var wish time.Duration
	var known *Error
	if errors.As(err, &known) {
		wish = known.RetryAfter
		if kind == Denied && known.Again {
			kind = Throttled // it knows another way, and could not be asked again
		}
	}
	if pause := l.breaker.leave(time.Now(), probe, err == nil, kind, wish); pause > 0 {
		l.turns.paused(kind, pause, err)
	}
}

// gaveUp is why a wait ended with ctx.
func (l *link) gaveUp(ctx context.Context) error {
	if l.closing.Err() != nil {
		return &Error{Kind: Canceled, Err: errClosed}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	return ctx.Err()
}

// remembered is an answer of the cache that is young enough.
func (l *link) remembered(q Query) (Answer, bool) {
	if l.cache == nil {
		return Answer{}, false
	}
	c, ok := l.cache.Get(q)
	return c.answer, ok && time.Now().Before(c.until)
}

// drain takes every slot for good: none is left while a call is in flight. Only
// one goroutine at a time may call it.
func (l *link) drain(ctx context.Context) error {
	l.flights.close() // they end as soon as closing does
	for int(l.drained.Load()) < cap(l.slots) {
		select {
		case l.slots <- struct{}{}:
			l.drained.Add(1)
			continue
		default:
		}
		select {
		case l.slots <- struct{}{}:
			l.drained.Add(1)
		case <-ctx.Done():
			return fmt.Errorf("places %q: %d calls never returned: %w", l.name, l.inFlight(), ctx.Err())
		}
	}
	return nil
}

// inFlight is how many calls the provider has not returned from.
func (l *link) inFlight() int { return len(l.slots) - int(l.drained.Load()) }
