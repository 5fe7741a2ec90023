package upstream

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"herd/places"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text, date string
		want       time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"7", "", 7 * time.Second},
		{"-7", "", 0},
		{"soon", "", 0},
		{"99999999999999", "", MaxRetryAfter},
		{"99999999999999999999999", "", 0},
		{"Mon, 23 Nov 2026 12:01:00 GMT", "", time.Minute},
		{"Mon, 23 Nov 2026 12:01:00 GMT", "Mon, 23 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"Mon, 23 Nov 2026 11:00:00 GMT", "", 0},
		{"Mon, 23 Nov 2099 11:00:00 GMT", "", MaxRetryAfter},
	} {
		r := Reply{Header: http.Header{"Retry-After": {tt.text}, "Date": {tt.date}}, at: now}
		if got := r.retryAfter(); got != tt.want {
			t.Errorf("%q at %q: %s, want %s", tt.text, tt.date, got, tt.want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		status int
		kind   places.Kind
		again  bool
	}{
		{301, places.Unavailable, false},
		{400, places.Invalid, false},
		{401, places.Denied, false},
		{403, places.Denied, false},
		{404, places.Unavailable, false},
		{408, places.TimedOut, true},
		{429, places.Limited, false},
		{500, places.Unavailable, true},
		{503, places.Unavailable, true},
		{504, places.TimedOut, true},
		{799, places.Unavailable, true},
	} {
		err := (&Reply{Status: tt.status, Header: http.Header{"Retry-After": {"3"}}}).Err()
		var e *places.Error
		if !errors.As(err, &e) || e.Kind != tt.kind || e.Again != tt.again || e.RetryAfter != 3*time.Second {
			t.Errorf("%d: %+v, want %s, again %t", tt.status, err, tt.kind, tt.again)
		}
	}
	if err := (&Reply{Status: 204}).Err(); err != nil {
		t.Errorf("204: %v", err)
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"API key not valid.", "API key not valid."},
		{" a\r\n\tb\x00\xff ", "a b �"},
		{"see https://x.example/?k=1 or HTTP://Y now", "see (link) or (link) now"},
		{"k=" + canary + ", canary-%2B%2F%3D%26%3Ckey%3E", "k=(key), (key)"},
		{`canary-+/=\u0026\u003ckey\u003e`, "(key)"},
	} {
		if got := Clean(tt.text, canary); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := Clean(strings.Repeat("é", 10_000), ""); len(got) > maxText+3 || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
