package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"herd/places"
)

// MaxRetryAfter bounds for how long a server can ask to be left alone: quotas
// are by the day at most.
const MaxRetryAfter = 24 * time.Hour

// Err is what the status means anywhere: nil for 2xx, else a *[places.Error].
func (r *Reply) Err() error {
	e := &places.Error{Kind: places.Unavailable, RetryAfter: r.retryAfter()}
	switch s := r.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusTooManyRequests:
		e.Kind = places.Limited
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		e.Kind = places.Denied
	case s == http.StatusBadRequest:
		e.Kind = places.Invalid
	case s == http.StatusRequestTimeout, s == http.StatusGatewayTimeout:
		e.Kind, e.Again = places.TimedOut, true
	case s >= 500:
		e.Again = true
	}
	e.Err = errors.New(describe(r.Status))
	return e
}

func describe(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("HTTP status %d (%s)", status, text)
	}
	return fmt.Sprintf("HTTP status %d", status)
}

// retryAfter is for how long the header of that name asks to be left alone: from
// 0, also if it is not there or makes no sense, to [MaxRetryAfter].
func (r *Reply) retryAfter() time.Duration {
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		if seconds > uint64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := r.at
	if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		now = date // the same clock wrote both
	}
	return min(max(until.Sub(now), 0), MaxRetryAfter)
}
