package google

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"herd/places"
	"herd/places/upstream"
)

// console says where in Google's console to go. It is a path of menus: they
// outlive links.
const console = "In the Google Cloud console, project %s, "

// Explain tells an operator in plain words what an error of [Provider.Near] comes
// from and what to do about it. It is "" for no error.
func Explain(err error) string {
	var (
		both *bothRefused
		r    *refusal
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &both):
		return both.new.explain() + "\nThe legacy API was asked too. " + both.legacy.explain()
	case errors.As(err, &r):
		return r.explain()
	}
	return unreached(err)
}

func (r *refusal) explain() string {
	text := r.cause()
	if r.Message != "" && r.API != "" {
		text += "\nGoogle's words: " + r.Message
	}
	return text
}

// cause has the reasons that there is something to do about.
func (r *refusal) cause() string {
	project := "of the key"
	if r.Project != "" {
		project = r.Project
	}
	in := fmt.Sprintf(console, project)
	api := "Places API (New)"
	if r.API == "legacy" {
		api = "Places API (the legacy one)"
	}
	switch r.Reason {
	case noKey:
		return "No API key is configured. Make one in the Google Cloud console under APIs & Services, Credentials, and name the file that holds it or put it in the environment."
	case oddKey:
		return "The API key holds a space or a character that no key has. See whether the file holds the key and nothing else."
	case "API_KEY_INVALID":
		return "Google does not know this API key: it is mistyped, deleted, or of another provider. Copy it anew from APIs & Services, Credentials. A new key takes up to five minutes to work."
	case "API_KEY_EXPIRED":
		return "The API key has expired. " + in + "make a new one under APIs & Services, Credentials."
	case "API_KEY_HTTP_REFERRER_BLOCKED":
		return "The API key is restricted to websites (HTTP referrers), and a server is none. " + in + "make a key for servers under APIs & Services, Credentials: restrict it by IP addresses, not by referrers."
	case "API_KEY_IP_ADDRESS_BLOCKED":
		return "The API key is restricted to IP addresses, and this node's is not among them. " + in + "add the address that this node reaches the internet from, under APIs & Services, Credentials; mind IPv6."
	case "API_KEY_ANDROID_APP_BLOCKED", "API_KEY_IOS_APP_BLOCKED":
		return "The API key is restricted to mobile apps. " + in + "make a key for servers under APIs & Services, Credentials: restrict it by IP addresses."
	case "API_KEY_SERVICE_BLOCKED":
		return "The API key may not be used for the " + api + ". " + in + "open the key under APIs & Services, Credentials, and add this API to its API restrictions."
	case "SERVICE_DISABLED":
		return "The " + api + " is not enabled. " + in + "enable it under APIs & Services, Library, and wait a few minutes."
	case noLegacy:
		return "The legacy Places API is not enabled, and newer projects can't enable it any more. Set api = \"new\" and enable the Places API (New) under APIs & Services, Library."
	case "BILLING_DISABLED":
		return "The project has no billing account, and Google answers nobody without. " + in + "link one under Billing. The free calls of each month stay free."
	case "CONSUMER_SUSPENDED", "CONSUMER_INVALID":
		return "Google has suspended the key's project, or it is gone. " + in + "see what is said there, or ask Google's support."
	case noFieldMask:
		return "The request reached the New API without its field mask. Something between this node and Google drops the header X-Goog-FieldMask: see what base_url names, or the proxy."
	}
	switch {
	case r.Status == "OVER_DAILY_LIMIT":
		return "The key is over its daily limit, or without a valid billing account. " + in + "see Billing, and Quotas & System Limits."
	case r.HTTP == 429 || r.Status == "OVER_QUERY_LIMIT" || r.Status == "RESOURCE_EXHAUSTED":
		return "The quota is used up. " + in + "see Quotas & System Limits of this API: quotas by the minute come back soon, those by the day at midnight, Pacific time."
	case r.HTTP == 401 || r.HTTP == 403 || r.Status == "REQUEST_DENIED":
		return "Google refuses this key, for a reason not known here."
	case r.HTTP == 400 || r.Status == "INVALID_REQUEST":
		return "Google takes the request for a wrong one."
	case r.HTTP >= 500 || r.Status == "UNKNOWN_ERROR":
		return "Google has trouble of its own. Try again later."
	case r.HTTP == 404:
		return "There is no such API at this address. See whether base_url is right."
	}
	return "The answer was not one that Google is known to give. See whether base_url is right."
}

// unreached is for errors that are no refusals.
func unreached(err error) string {
	kind := places.KindOf(err)
	var text string
	switch {
	case errors.Is(err, upstream.ErrUnknownHost):
		text = "The host's name was not found. See whether this machine has DNS and a way to the internet."
	case errors.Is(err, upstream.ErrTLS):
		text = "The host could not prove who it is, or speaks no TLS. See whether this machine knows the usual certificate authorities (the package ca-certificates) and has the right time, and whether a proxy opens the traffic."
	case errors.Is(err, upstream.ErrConnect):
		text = "No connection came about. See whether this machine may reach port 443 of the host: a firewall, a proxy (HTTPS_PROXY)."
	case errors.Is(err, upstream.ErrRedirect):
		text = "The host redirects elsewhere, and the key does not go there. See whether base_url is right, or a login page of the network is in the way."
	case errors.Is(err, upstream.ErrTooLarge):
		text = "The reply was far larger than any of Google's. See whether base_url is right."
	case errors.Is(err, upstream.ErrSecret):
		text = "The reply repeats the key, and is not passed on. See what base_url names."
	case errors.Is(err, context.DeadlineExceeded), kind == places.TimedOut:
		text = "No answer came in time. The network is slow or drops packets on the way, or the timeout is too short."
	case kind == places.Canceled:
		return "The question was given up."
	default:
		text = "No answer came that makes sense. See whether base_url is right, or a proxy is in the way."
	}
	return text + "\nWhat happened: " + strings.TrimPrefix(err.Error(), kind.String()+": ")
}
