package fakegoogle

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// reply is a status and a body of JSON.
type reply struct {
	status int
	body   string
}

func (p reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(p.status)
	_, _ = w.Write([]byte(p.body)) // the client may be gone
}

const consumer = "projects/123456789012"

// rpcError is an error of the New API.
func rpcError(code int, status, reason, message string) reply {
	details := ""
	if reason != "" {
		details = fmt.Sprintf(`,
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": %q,
        "domain": "googleapis.com",
        "metadata": {
          "service": "places.googleapis.com",
          "consumer": %q
        }
      }
    ]`, reason, consumer)
	}
	return reply{code, fmt.Sprintf("{\n  \"error\": {\n    \"code\": %d,\n    \"message\": %s,\n    \"status\": %q%s\n  }\n}\n", code, quote(message), status, details)}
}

// legacyError is an error of the legacy API.
func legacyError(status, message string) reply {
	text := ""
	if message != "" {
		text = fmt.Sprintf("   \"error_message\" : %s,\n", quote(message))
	}
	return reply{200, fmt.Sprintf("{\n%s   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : %q\n}\n", text, status)}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}

// refuse answers an API with an error, and lets the other API be.
func refuse(name, api string, p reply) Fault {
	return Fault{name: name, api: api, serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ reply) { p.write(w) }}
}

// Refusals are all there are, those of the New API first.
func Refusals() []Fault {
	return []Fault{
		BadKey(), ReferrerBlocked(), IPBlocked(), KeyBlocked(), ServiceDisabled(), BillingDisabled(), Suspended(), RateLimited(),
		LegacyBadKey(), LegacyReferrerBlocked(), LegacyNotEnabled(), LegacyNoBilling(),
		LegacyOverQueryLimit(), LegacyInvalid(), LegacyUnknown(),
	}
}

// BadKey is the New API's answer to a key that it does not know.
func BadKey() Fault { return refuse("bad key", "new", badKey) }

var badKey = rpcError(400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key not valid. Please pass a valid API key.")

// ReferrerBlocked is its answer to a key for websites.
func ReferrerBlocked() Fault {
	return refuse("referrer blocked", "new", rpcError(403, "PERMISSION_DENIED", "API_KEY_HTTP_REFERRER_BLOCKED", "Requests from referer <empty> are blocked."))
}

// IPBlocked is its answer to a key for other addresses.
func IPBlocked() Fault {
	return refuse("IP blocked", "new", rpcError(403, "PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED", "The provided API key has an IP address restriction. The originating IP address of the call (192.0.2.1) violates this restriction."))
}

// KeyBlocked is its answer to a key for other APIs.
func KeyBlocked() Fault {
	return refuse("key blocked", "new", rpcError(403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", "Requests to this API places.googleapis.com method google.maps.places.v1.Places.SearchNearby are blocked."))
}

// ServiceDisabled is its answer to a project that has not enabled it.
func ServiceDisabled() Fault {
	return refuse("service disabled", "new", rpcError(403, "PERMISSION_DENIED", "SERVICE_DISABLED", "Places API (New) has not been used in project 123456789012 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/places.googleapis.com/overview?project=123456789012 then retry."))
}

// BillingDisabled is its answer to a project that nobody pays for.
func BillingDisabled() Fault {
	return refuse("billing disabled", "new", rpcError(403, "PERMISSION_DENIED", "BILLING_DISABLED", "This API method requires billing to be enabled. Please enable billing on project #123456789012."))
}

// Suspended is its answer to a project in disgrace.
func Suspended() Fault {
	return refuse("suspended", "new", rpcError(403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", "Permission denied: Consumer 'projects/123456789012' has been suspended."))
}

// RateLimited is its answer to too many calls. It does not say when to come back:
// [Status] can.
func RateLimited() Fault {
	return refuse("rate limited", "new", rpcError(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "Quota exceeded for quota metric 'SearchNearbyRequest' and limit 'SearchNearbyRequest per minute' of service 'places.googleapis.com' for consumer 'project_number:123456789012'."))
}

// LegacyBadKey is the legacy API's answer to a key that it does not know.
func LegacyBadKey() Fault { return refuse("legacy bad key", "legacy", legacyBadKey) }

var legacyBadKey = legacyError("REQUEST_DENIED", "The provided API key is invalid. ")

// LegacyReferrerBlocked is its answer to a key for websites.
func LegacyReferrerBlocked() Fault {
	return refuse("legacy referrer blocked", "legacy", legacyError("REQUEST_DENIED", "API keys with referer restrictions cannot be used with this API."))
}

// LegacyNotEnabled is its answer to a project that has not enabled it.
func LegacyNotEnabled() Fault {
	return refuse("legacy not enabled", "legacy", legacyError("REQUEST_DENIED", "You're calling a legacy API, which is not enabled for your project. To get newer features and more functionality, switch to the Places API (New) or Routes API."))
}

// LegacyNoBilling is its answer to a project that nobody pays for.
func LegacyNoBilling() Fault {
	return refuse("legacy no billing", "legacy", legacyError("REQUEST_DENIED", "You must enable Billing on the Google Cloud Project at https://console.cloud.google.com/project/_/billing/enable"))
}

// LegacyOverQueryLimit is its answer to too many calls.
func LegacyOverQueryLimit() Fault {
	return refuse("legacy over query limit", "legacy", legacyError("OVER_QUERY_LIMIT", "You have exceeded your daily request quota for this API."))
}

// LegacyInvalid is its answer to a wrong request.
func LegacyInvalid() Fault {
	return refuse("legacy invalid", "legacy", legacyError("INVALID_REQUEST", ""))
}

// LegacyUnknown is its answer when it has trouble of its own.
func LegacyUnknown() Fault {
	return refuse("legacy unknown", "legacy", legacyError("UNKNOWN_ERROR", ""))
}
