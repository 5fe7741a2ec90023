// Package upstream is the HTTP client of the providers that ask a server.
//
// A [Client] speaks to one base URL: by https, or by http if the host is this
// machine. It dials in 2 s, reads 2 MiB of a body at most, and follows a redirect
// only to the same host by the same scheme, so that a key goes nowhere else. As
// Go programs do, it takes a proxy from the environment (HTTPS_PROXY, NO_PROXY).
//
// One call of [Client.Do] sends one request. Nothing is retried here: an error
// is a *[places.Error] that says whether that makes sense. No error holds a URL
// or the request's secret, nor wraps one that does: each is one of this package's
// few sentences and, where it is safe, a detail.
package upstream
