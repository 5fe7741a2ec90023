package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// ErrClosed is the end of calls of a [Client] that is closed.
var ErrClosed = errors.New("the client is closed")

// InvalidError is a command that nodes refuse: an operand breaks a rule of the protocol, or the
// herd knows of no client that is asked about. The same command is refused everywhere.
type InvalidError struct {
	Line string // the command
}

// Error has the command, a long one in part.
func (e *InvalidError) Error() string { return fmt.Sprintf("refused: %q", shorten(e.Line)) }

// UnreachableError is that no node has answered in time, or in as many tries as are allowed. A
// report may have reached the herd all the same.
type UnreachableError struct {
	// Causes are a [*NodeError] for each address, the last of it, and what kept addresses from
	// being found.
	Causes []error
}

// Error has all causes.
func (e *UnreachableError) Error() string {
	var b strings.Builder
	b.WriteString("no node answers")
	for i, err := range e.Causes {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap gives the causes to errors.Is and errors.As.
func (e *UnreachableError) Unwrap() []error { return e.Causes }

// NodeError is what one node has done wrong, or the way to it.
type NodeError struct {
	Addr string // host:port, the host by number
	Err  error
}

// Error has the address and the cause.
func (e *NodeError) Error() string { return e.Addr + ": " + e.Err.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *NodeError) Unwrap() error { return e.Err }

// StatusError is an answer over HTTP that is none of success.
type StatusError struct {
	Addr   string // host:port, as configured
	Method string
	Path   string // without the query
	Status int    // 404: the herd knows of no such client; 401, 403: the token is not enough
	Detail string // what the node says of it, a sentence; may be empty
}

// Error has the address, the status and what the node says of it.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.Addr, e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + strings.TrimSuffix(e.Detail, ".")
	}
	return text
}

// finalError is one that no other node would mend.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func final(err error) error { return &finalError{err} }

func isFinal(err error) bool {
	var f *finalError
	return errors.As(err, &f)
}

// shorten is for errors: what a stranger sends may be long.
func shorten(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// innermost leaves out what the address says already.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
