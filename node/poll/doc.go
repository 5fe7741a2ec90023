// Package poll waits for input of many connections in one goroutine. A connection
// that is silent costs a file descriptor and no goroutine, and no buffer.
//
// A [Poller] tells which sockets can be read. A [Socket] is read and written
// without waiting. One that has to be waited for after all becomes a [net.Conn]
// again. It is there on Linux only: elsewhere [New] returns
// [errors.ErrUnsupported], and the rest is not to be used.
package poll

import "errors"

// ErrWouldWait tells that a socket has nothing to be read, or no room for what is
// to be written.
var ErrWouldWait = errors.New("would have to wait")

// Ready is a socket that can be read, or on which the end or an error stands.
type Ready struct {
	Socket int  // its number
	Broken bool // no reply will arrive any more
}
