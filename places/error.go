package places

import (
	"context"
	"errors"
	"time"
)

// Kind is why a provider gave no answer.
type Kind uint8

// The kinds of failure, with the status that the client sees.
const (
	Unavailable Kind = iota // not reached, broken, or its reply made no sense: UNKNOWN_ERROR
	TimedOut                // no answer in time: UNKNOWN_ERROR
	Busy                    // not asked: too many calls in flight all that time: UNKNOWN_ERROR
	Canceled                // not its fault: the asker went away: UNKNOWN_ERROR
	Limited                 // it says that a quota of its own is used up: OVER_QUERY_LIMIT
	Throttled               // not asked: as many calls a minute as may be: OVER_QUERY_LIMIT
	Spent                   // not asked: the herd's budget is used up: OVER_QUERY_LIMIT
	Denied                  // the key or the project may not ask: REQUEST_DENIED
	Invalid                 // it takes the request for a wrong one: INVALID_REQUEST
)

// kinds says each kind three times: to the client as a status and a sentence,
// to the operator as a word. The sentences are all that a client gets to read of
// a failure.
var kinds = [...]struct{ name, status, message string }{
	Unavailable: {"unavailable", "UNKNOWN_ERROR", "The places provider could not answer. Try again later."},
	TimedOut:    {"timed_out", "UNKNOWN_ERROR", "The places provider did not answer in time. Try again later."},
	Busy:        {"busy", "UNKNOWN_ERROR", "Too many questions wait for the places provider. Try again later."},
	Canceled:    {"canceled", "UNKNOWN_ERROR", "The question was given up before the places provider answered."},
	Limited:     {"limited", "OVER_QUERY_LIMIT", "The places provider has no quota left. Try again later."},
	Throttled:   {"throttled", "OVER_QUERY_LIMIT", "Too many questions for the places provider. Try again later."},
	Spent:       {"budget_spent", "OVER_QUERY_LIMIT", "The budget for the places provider is used up. Try again later."},
	Denied:      {"denied", "REQUEST_DENIED", "The places provider refused the request."},
	Invalid:     {"invalid", "INVALID_REQUEST", "The places provider takes the request for invalid."},
}

// String is the kind's name in statistics and logs.
func (k Kind) String() string { return kinds[k].name }

// Error is a failure of a known kind.
type Error struct {
	Kind Kind
	Err  error // what happened, for the log; no key and no URL in it

	// Again says that the same question, asked once more at once, may well have
	// an answer: a broken connection, a server's error.
	Again bool

	// RetryAfter is for how long the provider asks to be left alone; 0: it did
	// not say.
	RetryAfter time.Duration
}

// Error has the kind and what happened.
func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap gives what happened.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of a provider's error: that of the [*Error] in its chain,
// else TimedOut or Canceled if a context's end is there, else Unavailable.
func KindOf(err error) Kind {
	var known *Error
	switch {
	case errors.As(err, &known) && int(known.Kind) < len(kinds):
		return known.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Unavailable
}
