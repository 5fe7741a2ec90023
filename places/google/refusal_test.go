package google

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"herd/places"
	"herd/places/upstream"
)

func TestRefusedNew(t *testing.T) {
	rpc := func(status, reason string) string {
		return `{"error":{"code":0,"message":"Because.","status":"` + status + `","details":[7,{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `"}]}}`
	}
	file := func(name string) string { return string(read(t, name)) }
	for _, tt := range []struct {
		http    int
		body    string
		kind    places.Kind
		again   bool
		reason  string
		explain string // is in the explanation
	}{
		{400, file("new_error_400_bad_key.json"), places.Denied, false, "API_KEY_INVALID", "does not know this API key"},
		{400, file("new_error_400_no_fieldmask.json"), places.Invalid, false, noFieldMask, "X-Goog-FieldMask"},
		{403, file("new_error_403_key_blocked.json"), places.Denied, false, "API_KEY_SERVICE_BLOCKED", "project 123456789012, open the key"},
		{403, file("new_error_403_service_disabled.json"), places.Denied, false, "SERVICE_DISABLED", "Places API (New) is not enabled. In the Google Cloud console, project 123456789012"},
		{429, file("new_error_429.json"), places.Limited, false, "RATE_LIMIT_EXCEEDED", "quota"},
		{400, rpc("INVALID_ARGUMENT", "API_KEY_EXPIRED"), places.Denied, false, "API_KEY_EXPIRED", "expired"},
		{403, rpc("PERMISSION_DENIED", "API_KEY_HTTP_REFERRER_BLOCKED"), places.Denied, false, "API_KEY_HTTP_REFERRER_BLOCKED", "a key for servers"},
		{403, rpc("PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED"), places.Denied, false, "API_KEY_IP_ADDRESS_BLOCKED", "add the address"},
		{403, rpc("PERMISSION_DENIED", "API_KEY_ANDROID_APP_BLOCKED"), places.Denied, false, "API_KEY_ANDROID_APP_BLOCKED", "mobile apps"},
		{403, rpc("PERMISSION_DENIED", "BILLING_DISABLED"), places.Denied, false, "BILLING_DISABLED", "no billing account"},
		{403, rpc("PERMISSION_DENIED", "CONSUMER_SUSPENDED"), places.Denied, false, "CONSUMER_SUSPENDED", "suspended"},
		{403, rpc("PERMISSION_DENIED", "not a reason"), places.Denied, false, "", "not known here"},
		{401, rpc("UNAUTHENTICATED", "X"), places.Denied, false, "X", "not known here"},
		{400, rpc("INVALID_ARGUMENT", ""), places.Invalid, false, "", "a wrong one"},
		{404, rpc("NOT_FOUND", ""), places.Unavailable, false, "", "base_url"},
		{500, rpc("INTERNAL", ""), places.Unavailable, true, "", "trouble of its own"},
		{503, rpc("UNAVAILABLE", ""), places.Unavailable, true, "", "trouble of its own"},
		{504, rpc("DEADLINE_EXCEEDED", ""), places.TimedOut, true, "", "trouble of its own"},
		{502, "<html>Bad Gateway</html>", places.Unavailable, true, "", "trouble of its own"},
		{403, "", places.Denied, false, "", "not known here"},
		{418, `{"error":"teapot"}`, places.Unavailable, false, "", "base_url"},
	} {
		err := refusedNew(&upstream.Reply{Status: tt.http, Body: []byte(tt.body)}, canary)
		var e *places.Error
		var r *refusal
		if !errors.As(err, &e) || !errors.As(err, &r) || e.Kind != tt.kind || e.Again != tt.again || r.Reason != tt.reason || r.HTTP != tt.http {
			t.Errorf("%d %s: %+v, want %s, again %t, %s", tt.http, tt.body, err, tt.kind, tt.again, tt.reason)
		}
		if text := Explain(err); !strings.Contains(text, tt.explain) || strings.Contains(text, "://") {
			t.Errorf("%v: explained as %q, want %q in it", err, text, tt.explain)
		}
	}
}

func TestRefusedLegacy(t *testing.T) {
	for _, tt := range []struct {
		body    string
		kind    places.Kind
		again   bool
		reason  string
		explain string
	}{
		{string(read(t, "legacy_request_denied_bad_key.json")), places.Denied, false, "API_KEY_INVALID", "does not know this API key"},
		{string(read(t, "legacy_request_denied_not_enabled.json")), places.Denied, false, noLegacy, `api = "new"`},
		{string(read(t, "legacy_over_query_limit.json")), places.Limited, false, "", "quota"},
		{string(read(t, "legacy_invalid_request.json")), places.Invalid, false, "", "a wrong one"},
		{string(read(t, "legacy_unknown_error.json")), places.Unavailable, true, "", "trouble of its own"},
		{`{"status":"OVER_DAILY_LIMIT"}`, places.Limited, false, "", "billing"},
		{`{"status":"REQUEST_DENIED"}`, places.Denied, false, "", "not known here"},
		{`{"status":"REQUEST_DENIED","error_message":"API keys with referer restrictions cannot be used with this API."}`, places.Denied, false, "API_KEY_HTTP_REFERRER_BLOCKED", "a key for servers"},
		{`{"status":"REQUEST_DENIED","error_message":"This IP, site or mobile application is not authorized to use this API key. Request received from IP address 192.0.2.1, with empty referer"}`, places.Denied, false, "API_KEY_IP_ADDRESS_BLOCKED", "add the address"},
		{`{"status":"REQUEST_DENIED","error_message":"This API project is not authorized to use this API."}`, places.Denied, false, "SERVICE_DISABLED", "(the legacy one) is not enabled"},
		{`{"status":"REQUEST_DENIED","error_message":"This API key is not authorized to use this service or API."}`, places.Denied, false, "API_KEY_SERVICE_BLOCKED", "(the legacy one)"},
		{`{"status":"REQUEST_DENIED","error_message":"You must enable Billing on the Google Cloud Project at https://console.cloud.google.com/"}`, places.Denied, false, "BILLING_DISABLED", "no billing account"},
		{`{"status":"SOMETHING_ELSE"}`, places.Unavailable, false, "", "base_url"},
		{`{"status":""}`, places.Unavailable, false, "", "base_url"},
	} {
		s := mustScan(t, []byte(tt.body))
		err := refusedLegacy(s.status, s.message, canary)
		var e *places.Error
		var r *refusal
		if !errors.As(err, &e) || !errors.As(err, &r) || e.Kind != tt.kind || e.Again != tt.again || r.Reason != tt.reason {
			t.Errorf("%s: %v, want %s, again %t, %s", tt.body, err, tt.kind, tt.again, tt.reason)
		}
		if text := Explain(err); !strings.Contains(text, tt.explain) || strings.Contains(text, "://") {
			t.Errorf("%v: explained as %q, want %q in it", err, text, tt.explain)
		}
	}
	for _, status := range []string{"OK", "ZERO_RESULTS"} {
		if err := refusedLegacy(status, "", ""); err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
}

func TestRetryDelay(t *testing.T) {
	for _, tt := range []struct {
		header, delay string
		want          time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{"", "3.5s", 3500 * time.Millisecond},
		{"7", "3s", 7 * time.Second},
		{"7", "30s", 30 * time.Second},
		{"", "-3s", 0},
		{"", "soon", 0},
		{"", "999999999s", upstream.MaxRetryAfter},
	} {
		body := `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"` + tt.delay + `"}]}}`
		err := refusedNew(&upstream.Reply{Status: 429, Header: http.Header{"Retry-After": {tt.header}}, Body: []byte(body)}, "")
		var e *places.Error
		if !errors.As(err, &e) || e.RetryAfter != tt.want {
			t.Errorf("%q, %q: %+v, want %s", tt.header, tt.delay, e, tt.want)
		}
	}
}

// TestWords: what a hostile upstream puts into an error is safe to log.
func TestWords(t *testing.T) {
	body := `{"error":{"message":"\u001b[31mkey=` + canary + `\nsee https://evil.example/?key=` + canary + `","status":"` + canary + `",
		"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + canary + `","metadata":{"consumer":"projects/` + canary + `"}}]}}`
	err := refusedNew(&upstream.Reply{Status: 403, Body: []byte(body)}, canary)
	const want = "denied: new API: HTTP 403: [31mkey=(key) see (link)"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
