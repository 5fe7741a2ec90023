package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// maxAhead is how many commands may be on their way over one connection. Calls that were given
// up are among them until their answers have come.
const maxAhead = 1024

// readBuffer is the longest AT line, too.
const readBuffer = maxAtLine

// conn is one connection to a node. Commands are sent as they come and answered in their order.
// Its two goroutines are the client's.
type conn struct {
	net.Conn
	silence time.Duration
	slots   chan struct{} // one for each command on its way
	wake    chan struct{} // something is to be written
	broken  chan struct{} // closed with err

	mu    sync.Mutex // guards the fields below
	out   []byte     // to be written
	calls []*call    // on their way, in order
	err   error      // not nil: it is of no use any more
}

// call is a command on its way over one connection.
type call struct {
	command
	done   chan struct{} // closed when the fields below are set
	answer answer
	err    error // not an answer
}

// errStale is a connection that broke before a command was sent.
var errStale = errors.New("the connection has ended")

func newConn(c net.Conn, silence time.Duration) *conn {
	return &conn{
		Conn: c, silence: silence,
		slots: make(chan struct{}, maxAhead), wake: make(chan struct{}, 1), broken: make(chan struct{}),
	}
}

// busy is how many commands are on their way.
func (c *conn) busy() int { return len(c.slots) }

// isBroken tells whether it is of no use any more.
func (c *conn) isBroken() bool {
	select {
	case <-c.broken:
		return true
	default:
		return false
	}
}

// send puts a command on its way; it has a slot.
func (c *conn) send(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return errStale
	}
	if len(c.calls) == 0 {
		c.SetReadDeadline(time.Now().Add(c.silence))
	}
	c.calls = append(c.calls, k)
	c.out = append(c.out, k.line...)
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// write sends what is to be sent until the connection is broken.
func (c *conn) write() {
	var spare []byte
	for {
		select {
		case <-c.wake:
		case <-c.broken:
			return
		}
		c.mu.Lock()
		text := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		c.SetWriteDeadline(time.Now().Add(c.silence))
		if _, err := c.Write(text); err != nil {
			c.fail(fmt.Errorf("send: %w", err))
			return
		}
		if spare = text; cap(spare) > readBuffer { // one crowd is no reason to hold so much for ever
			spare = nil
		}
	}
}

// read hands out the answers until the connection is broken.
func (c *conn) read() {
	in := bufio.NewReaderSize(c.Conn, readBuffer)
	for {
		_, err := in.Peek(1)
		k := c.first()
		switch {
		case err != nil:
			c.fail(readError(err))
			return
		case k == nil:
			c.fail(errors.New("something was sent that nobody asked for"))
			return
		}
		a, err := k.read(in)
		if err != nil {
			c.fail(readError(err))
			return
		}
		c.deliver(k, a)
	}
}

// readError says it in the words of a caller.
func readError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSilent
	case err == io.EOF:
		return errors.New("the node has ended the connection")
	}
	return err
}

// first is the command that is answered next.
func (c *conn) first() *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) == 0 {
		return nil
	}
	return c.calls[0]
}

// deliver gives the first command its answer, unless that has failed meanwhile. The one after
// it has its time from now on.
func (c *conn) deliver(k *call, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	k.answer = a
	close(k.done)
	<-c.slots
	c.calls[0] = nil
	if c.calls = c.calls[1:]; len(c.calls) == 0 {
		c.calls = nil
		c.SetReadDeadline(time.Time{})
		return
	}
	c.SetReadDeadline(time.Now().Add(c.silence))
}

// fail ends the connection, and with it all commands on their way.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	c.Close()
	close(c.broken)
	for _, k := range c.calls {
		k.err = err
		close(k.done)
	}
	c.calls, c.out = nil, nil
}
