package gossip

import (
	"net"
	"sync"
	"syscall"
)

// outlet is the connection under a stream's TLS. What goes through [stream.Send] is
// encrypted into a buffer here, so that all its records leave in one call of the
// system, and what the system does not take at once waits here, not the caller.
type outlet struct {
	net.Conn
	socket syscall.RawConn           // nil: this connection can't be written to without waiting
	try    func(socket uintptr) bool // writes rest once; made once

	mu      sync.Mutex // guards what follows
	gathers bool       // what is written stays here
	rest    []byte     // to be written before anything else
	wrote   int        // by try
	err     error      // of try
}

// keepOutlet bounds the room that is kept for what is sent at once.
const keepOutlet = 64 << 10

func newOutlet(conn net.Conn) *outlet {
	o := &outlet{Conn: conn, socket: rawConn(conn)}
	o.try = func(socket uintptr) bool {
		o.wrote, o.err = writeNow(socket, o.rest)
		return true // whatever came of it: do not wait
	}
	return o
}

// Write is for TLS.
func (o *outlet) Write(b []byte) (int, error) {
	o.mu.Lock()
	if o.gathers || len(o.rest) > 0 {
		o.rest = append(o.rest, b...)
		o.mu.Unlock()
		return len(b), nil
	}
	o.mu.Unlock()
	return o.Conn.Write(b)
}

// gather has what is written stay here, or no longer.
func (o *outlet) gather(on bool) {
	o.mu.Lock()
	o.gathers = on
	o.mu.Unlock()
}

// offer writes what the system takes without waiting, and tells whether that was all.
func (o *outlet) offer() (all bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.socket != nil {
		o.wrote, o.err = 0, nil
		if err := o.socket.Write(o.try); err != nil {
			return false, err
		}
		if o.err != nil {
			return false, o.err
		}
		o.written(o.wrote)
	}
	return len(o.rest) == 0, nil
}

// written takes what was written off the rest. The caller holds mu.
func (o *outlet) written(n int) {
	o.rest = o.rest[:copy(o.rest, o.rest[n:])]
}

// shrink gives back the buffer if it has grown.
func (o *outlet) shrink() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) == 0 && cap(o.rest) > keepOutlet {
		o.rest = nil
	}
}

// flush writes all that is here, however long that takes. One goroutine at a time may
// call it.
func (o *outlet) flush() error {
	for {
		o.mu.Lock()
		rest := o.rest // what comes meanwhile is put behind it
		o.mu.Unlock()
		if len(rest) == 0 {
			return nil
		}
		n, err := o.Conn.Write(rest)
		o.mu.Lock()
		o.written(n)
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// rawConn is what of a connection of the system's can be written to without waiting.
func rawConn(conn net.Conn) syscall.RawConn {
	c, ok := conn.(syscall.Conn)
	if !ok || !writesNow {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil // closed: the next write says so
	}
	return raw
}
