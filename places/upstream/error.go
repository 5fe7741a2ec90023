package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"herd/gossip/sockerr"
	"herd/places"
)

// What goes wrong on the way to an upstream, for errors.Is.
var (
	ErrUnknownHost = errors.New("the host's name was not found")
	ErrConnect     = errors.New("no connection")
	ErrTLS         = errors.New("no trusted connection")
	ErrRedirect    = errors.New("redirected")
	ErrTooLarge    = errors.New("the reply is too large")
	ErrBroken      = errors.New("the exchange broke")
	ErrSecret      = errors.New("the reply repeats the key")
)

var errProxy = errors.New("the environment's proxy is no URL")

// redirectError is a redirect that was not followed.
type redirectError string

func (e redirectError) Error() string { return string(e) }

// cutError is a body that ended before its end.
type cutError struct{ error }

func (e *cutError) Unwrap() error { return e.error }

// failure sorts what the standard library said. What it passes on of its text is
// what can hold no URL, and that without the secret.
func failure(ctx context.Context, err error, secret string) *places.Error {
	var (
		asURL    *url.Error
		redirect redirectError
		lookup   *net.DNSError
		timeout  net.Error
	)
	if errors.As(err, &asURL) {
		err = asURL.Err
	}
	because := func(sentence error, detail string, again bool) *places.Error {
		if detail != "" {
			sentence = fmt.Errorf("%w: %s", sentence, Clean(detail, secret))
		}
		return &places.Error{Kind: places.Unavailable, Err: sentence, Again: again}
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &places.Error{Kind: places.Canceled, Err: context.Canceled}
	case ctx.Err() != nil:
		return &places.Error{Kind: places.TimedOut, Err: context.DeadlineExceeded}
	case errors.Is(err, ErrTooLarge):
		return because(ErrTooLarge, "", false)
	case errors.As(err, &redirect):
		return because(ErrRedirect, redirect.Error(), false)
	case errors.Is(err, errProxy):
		return because(ErrConnect, errProxy.Error(), false)
	case errors.As(err, &timeout) && timeout.Timeout():
		return &places.Error{Kind: places.TimedOut, Err: fmt.Errorf("%w in time", ErrConnect), Again: true}
	case errors.As(err, &lookup):
		return because(ErrUnknownHost, lookup.Err, lookup.IsTemporary)
	case isTLS(err):
		return because(ErrTLS, err.Error(), false)
	case sockerr.Is(err, syscall.ECONNREFUSED):
		return because(ErrConnect, "refused", true)
	case isDial(err):
		return because(ErrConnect, detail(err), true)
	}
	return because(ErrBroken, detail(err), true)
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

func isTLS(err error) bool {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	return errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "tls: ")
}

// detail is what may be told of an error of any kind: that of the system.
func detail(err error) string {
	var errno syscall.Errno
	var cut *cutError
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &cut):
		return "the reply was cut off"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "closed without a reply"
	}
	return ""
}
