package google

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"herd/places"
	"herd/places/upstream"
)

// refusal is Google's no. Its texts are safe to log: they hold no
// key and no URL.
type refusal struct {
	API     string // who said it: "new" or "legacy"; "" if nobody was asked
	HTTP    int    // status; the legacy API says 200 to everything
	Status  string // "PERMISSION_DENIED"; of the legacy API "REQUEST_DENIED"; may be empty
	Reason  string // "SERVICE_DISABLED"; of the legacy API as its words are understood; may be empty
	Project string // the number of the key's project, if it was said
	Message string // Google's words
}

func (r *refusal) Error() string {
	var b strings.Builder
	if r.API != "" {
		fmt.Fprintf(&b, "%s API: HTTP %d", r.API, r.HTTP)
	}
	for _, s := range []string{r.Status, r.Reason} {
		if s != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	if r.Message != "" {
		b.WriteString(": " + r.Message)
	}
	return b.String()
}

// bothRefused is what auto says if neither API is to be had: the New one's
// refusal first.
type bothRefused struct{ new, legacy *refusal }

func (e *bothRefused) Error() string   { return e.new.Error() + "; " + e.legacy.Error() }
func (e *bothRefused) Unwrap() []error { return []error{e.new, e.legacy} }

// Reasons of our own, where Google gives none.
const (
	noKey       = "NO_KEY"
	oddKey      = "ODD_KEY"
	noLegacy    = "LEGACY_API_NOT_ENABLED"
	noFieldMask = "FIELD_MASK_MISSING"
)

// status is google.rpc.Status in JSON. What is of another shape in its details
// is passed over.
type status struct {
	Error *struct {
		Message string
		Status  string
		Details []json.RawMessage
	}
}

type detail struct {
	Type       string `json:"@type"`
	Reason     string
	Metadata   struct{ Consumer string }
	RetryDelay string
}

// refusedNew is the error of a reply of the New API whose HTTP status is none of
// success: by the status and, if there is one, by Google's reason.
func refusedNew(reply *upstream.Reply, key string) error {
	r := &refusal{API: "new", HTTP: reply.Status}
	e := refused(reply, r)
	var s status
	if json.Unmarshal(reply.Body, &s) != nil || s.Error == nil {
		return e
	}
	r.Status, r.Message = word(s.Error.Status), upstream.Clean(s.Error.Message, key)
	for _, raw := range s.Error.Details {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		switch d.Type {
		case "type.googleapis.com/google.rpc.ErrorInfo":
			r.Reason, r.Project = word(d.Reason), project(d.Metadata.Consumer)
		case "type.googleapis.com/google.rpc.RetryInfo":
			if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
				e.RetryAfter = min(max(e.RetryAfter, wait), upstream.MaxRetryAfter)
			}
		}
	}
	if r.HTTP == 400 {
		switch {
		case strings.HasPrefix(r.Reason, "API_KEY_"):
			e.Kind = places.Denied
		case r.Reason == "" && strings.HasPrefix(r.Message, "FieldMask is a required parameter"):
			r.Reason = noFieldMask
		}
	}
	return e
}

// refused is the error of a reply with an HTTP status of failure, as far as that
// goes.
func refused(reply *upstream.Reply, r *refusal) *places.Error {
	e := &places.Error{}
	if !errors.As(reply.Err(), &e) {
		panic("google: a success is no refusal")
	}
	e.Err = r
	return e
}

// refusedLegacy is the error of a status of the legacy API; nil if it is one of
// success.
func refusedLegacy(code, message, key string) error {
	r := &refusal{API: "legacy", HTTP: 200, Status: word(code), Message: upstream.Clean(message, key)}
	switch code {
	case "OK", "ZERO_RESULTS":
		return nil
	case "REQUEST_DENIED":
		r.Reason = legacyReason(message)
		return &places.Error{Kind: places.Denied, Err: r}
	case "OVER_QUERY_LIMIT", "OVER_DAILY_LIMIT":
		r.Reason = legacyReason(message)
		return &places.Error{Kind: places.Limited, Err: r}
	case "INVALID_REQUEST":
		return &places.Error{Kind: places.Invalid, Err: r}
	case "UNKNOWN_ERROR":
		return &places.Error{Kind: places.Unavailable, Err: r, Again: true}
	}
	return &places.Error{Kind: places.Unavailable, Err: r}
}

// legacyReason understands the legacy API's words: it gives no reasons. What it
// does not understand is "".
func legacyReason(message string) string {
	message = strings.ToLower(message)
	for _, m := range []struct{ words, reason string }{
		{"legacy api, which is not enabled", noLegacy},
		{"api key is invalid", "API_KEY_INVALID"},
		{"api key is expired", "API_KEY_EXPIRED"},
		{"must use an api key", noKey},
		{"referer restrictions", "API_KEY_HTTP_REFERRER_BLOCKED"},
		{"this ip, site or mobile application is not authorized", "API_KEY_IP_ADDRESS_BLOCKED"},
		{"api project is not authorized", "SERVICE_DISABLED"},
		{"api key is not authorized", "API_KEY_SERVICE_BLOCKED"},
		{"enable billing", "BILLING_DISABLED"},
	} {
		if strings.Contains(message, m.words) {
			return m.reason
		}
	}
	return ""
}

// word is the text if it is one of Google's constants, else "".
func word(text string) string {
	const most = 63 // characters of a reason, says google.rpc
	if len(text) > most || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return ""
	}
	return text
}

func project(consumer string) string {
	id, ok := strings.CutPrefix(consumer, "projects/")
	if !ok || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return id
}

// nonsense is a reply that is not what it should be.
func nonsense(api, what string) error {
	return &places.Error{Kind: places.Unavailable, Err: fmt.Errorf("%s API: the reply makes no sense: %s", api, what)}
}
