// Package access says who may do what over HTTP: it knows the bearer tokens (RFC 6750)
// of a node, and keeps an address that guesses from guessing on.
//
// It neither logs nor starts goroutines.
package access
