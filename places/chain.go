package places

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
)

// Config is what a [Chain] is made of. Zero fields take the default.
type Config struct {
	// Links are asked in this order. With none every question is answered
	// UNKNOWN_ERROR.
	Links []Link

	// Ledger counts calls for the budgets. Default: one of the chain's own, which
	// no other node hears of.
	Ledger *Ledger

	// Before is the chain that this one takes the place of, if there is one: counts
	// and rates of the same providers go on, for both.
	Before *Chain

	// Logger is told when a provider begins to fail and when it is well again;
	// every failure at debug. Default: none.
	Logger hclog.Logger
}

// Chain asks providers in order. Its methods may be called by many goroutines.
type Chain struct {
	links   []*link
	closing context.Context
	stop    context.CancelFunc
	drain   sync.Mutex // held by the Close that waits
	counts  *chainCounts
	ledger  *Ledger
}

// chainCounts are a chain's counts, of questions.
type chainCounts struct {
	asked, skipped, failed atomic.Uint64
}

// New makes a chain. It starts nothing; a provider's call has goroutines of its
// own while it lasts, and [Chain.Close] waits for those.
func New(c Config) *Chain {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Ledger == nil {
		c.Ledger = NewLedger(0, nil)
	}
	chain := &Chain{counts: &chainCounts{}, ledger: c.Ledger}
	if c.Before != nil {
		chain.counts = c.Before.counts
	}
	chain.closing, chain.stop = context.WithCancel(context.Background())
	for _, l := range c.Links {
		made := newLink(l, chain.closing, c.Ledger)
		made.turns.log = c.Logger.With("provider", made.name)
		made.goOn(c.Before)
		chain.links = append(chain.links, made)
	}
	return chain
}

// Near is the reply to q: always a legacy Nearby Search body, valid JSON with no
// empty line and no newline at its end, in the time that the links' timeouts
// give or until ctx is done. A radius or limit past the greatest is taken for
// the greatest. The caller owns the result.
func (c *Chain) Near(ctx context.Context, q Query) []byte {
	if body, ok := c.needless(nil, q); ok {
		return body
	}
	body, _ := c.near(ctx, nil, q, true)
	return body
}

// AppendPrompt appends to dst what Near would reply, if nothing has to be waited for:
// from a [Prompt] provider, from the cache, or since nobody may be asked. Otherwise ok
// is false, nothing is appended, and Near is to be called.
func (c *Chain) AppendPrompt(dst []byte, q Query) (reply []byte, ok bool) {
	if reply, ok := c.needless(dst, q); ok {
		return reply, true
	}
	q.clamp()
	for _, l := range c.links {
		if !l.settled(q) {
			return dst, false
		}
		if l.prompt() {
			break // it answers, or what follows is as prompt as it is
		}
	}
	return c.near(context.Background(), dst, q, false)
}

// needless appends the reply to a question that no provider is asked; ok is false if
// one is.
func (c *Chain) needless(dst []byte, q Query) (reply []byte, ok bool) {
	switch {
	case !(q.Radius > 0) || q.Limit <= 0:
		reply = render(dst, Answer{}, "ZERO_RESULTS", "")
	case !q.onGlobe():
		reply = render(dst, Answer{}, "INVALID_REQUEST", "There is no such point on the earth.")
	default:
		return dst, false
	}
	c.counts.asked.Add(1)
	c.counts.skipped.Add(1)
	return reply, true
}

// near asks the links in order, and appends the reply. Without wait it gives up, and
// counts and appends nothing, if a provider's call would have to be waited for.
func (c *Chain) near(ctx context.Context, dst []byte, q Query, wait bool) (reply []byte, ok bool) {
	q.clamp()
	failure, missed := Unavailable, ""
	for i, l := range c.links {
		reply, err := l.appendReply(ctx, dst, q, missed, wait)
		if err == nil {
			c.counts.asked.Add(1)
			return reply, true
		}
		if errors.Is(err, errUndecided) {
			return dst, false
		}
		kind := l.fail(err)
		if i == 0 { // the operator's first choice says why
			failure = kind
			missed = fmt.Sprintf("%s (%s)", l.name, kind)
		}
		if ctx.Err() != nil {
			break // nobody reads the next one's answer
		}
	}
	c.counts.asked.Add(1)
	c.counts.failed.Add(1)
	return render(dst, Answer{}, kinds[failure].status, kinds[failure].message), true
}

// fail counts a question without an answer.
func (l *link) fail(err error) Kind {
	var paused *pausedError
	kind := KindOf(err)
	if errors.As(err, &paused) {
		l.counts.paused.Add(1)
	} else {
		l.counts.failed[kind].Add(1)
	}
	return kind
}

// appendReply asks the provider as ask does, and appends what it says. missed names the
// provider in whose place it is, if any. If it fails it appends nothing.
func (l *link) appendReply(ctx context.Context, dst []byte, q Query, missed string, wait bool) ([]byte, error) {
	var notes []string
	if missed != "" {
		notes = []string{fmt.Sprintf("This answer is from %s, in place of %s.", l.name, missed)}
	}
	var found int
	if l.appender != nil {
		reply, n, err := l.appender.AppendNear(dst, q, notes)
		l.turns.took(err)
		if err != nil {
			return dst, err
		}
		dst, found = reply, n
	} else {
		a, err := l.ask(ctx, q, wait)
		if err != nil {
			return dst, err
		}
		dst, found = reply(dst, a, q.Limit, notes)
	}
	if len(notes) > 0 {
		l.counts.fallbacks.Add(1)
	}
	if found == 0 {
		l.counts.empty.Add(1)
	} else {
		l.counts.answered.Add(1)
	}
	return dst, nil
}

// reply appends an answer, cut to limit and with notes, at most one, and tells how many
// results are in it, or 1 if that is not known.
func reply(dst []byte, a Answer, limit int, notes []string) (_ []byte, found int) {
	if a.Body != nil {
		if !a.Empty {
			found = 1
		}
		return append(dst, squeeze(annotate(a.Body, notes))...), found
	}
	a.Places = a.Places[:min(len(a.Places), limit)]
	a.Messages = append(a.Messages[:len(a.Messages):len(a.Messages)], notes...)
	status := "OK"
	if len(a.Places) == 0 {
		status = "ZERO_RESULTS"
	}
	return render(dst, a, status, ""), len(a.Places)
}

// annotate is a copy of an upstream's body, with notes, at most one, in its
// info_messages.
func annotate(body []byte, notes []string) []byte {
	if len(notes) == 0 {
		return bytes.Clone(body)
	}
	note := notes[0]
	at, key := bytes.IndexByte(body, '{')+1, true // a body is an object
	if i := messagesIn(body); i > 0 {
		at, key = i, false
	}
	w := writer{b: append(make([]byte, 0, len(body)+len(note)+32), body[:at]...), depth: 1}
	if key {
		w.texts("info_messages", notes)
	} else {
		w.b = appendString(w.b, note)
	}
	if rest := bytes.TrimLeft(body[at:], " \t\r\n"); rest[0] != '}' && rest[0] != ']' {
		w.b = append(w.b, ',')
	}
	return append(w.b, body[at:]...)
}

// messagesIn is where the list of a body's info_messages begins, after its bracket;
// 0 if there is none.
func messagesIn(body []byte) int {
	if !bytes.Contains(body, []byte(`"info_messages"`)) {
		return 0
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.Token() // the bracket; a body is valid
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return 0
		}
		if key == "info_messages" && value[0] == '[' {
			return int(d.InputOffset()) - len(value) + 1
		}
	}
	return 0
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}

// Hurry cancels the calls in flight and lets no new one begin: questions are then
// answered from memory or UNKNOWN_ERROR. It waits for nothing.
func (c *Chain) Hurry() { c.stop() }

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
