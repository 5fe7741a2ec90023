package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
	"herd/places"
)

// herd is where fixes go and come from: what the client port needs of a
// [gossip.Cluster]. It is used by many goroutines at once.
type herd interface {
	// Report takes the fix of client id, which Lookup finds at once. It keeps no
	// reference to id. The ticket is for Wait; zero means that there is nothing
	// to wait for. What was reported leaves for the other nodes with the next
	// Flush, or soon without one.
	Report(stripe int, id []byte, f location.Fix) (ticket uint64)
	Flush()
	// Prefetch is a hint that the fixes of these clients are needed soon. It waits for
	// nothing, and keeps no reference to ids.
	Prefetch(ids [][]byte)
	// Wait returns nil when the report of the ticket, and those of lower ones, are
	// acknowledged. An error means that nobody can tell any more.
	Wait(ctx context.Context, ticket uint64) error
	// Prompt finds the newest fix of client id, or that there is none, if no other
	// node has to be asked; else ok is false, and Lookup is to be called.
	Prompt(id []byte) (e location.Entry, found, ok bool)
	// Lookup does too. It may ask another node, in bounded time, if this one is
	// behind.
	Lookup(ctx context.Context, id []byte) (location.Entry, bool)
}

// nearby tells what is near: a [places.Chain]. It is used by many goroutines at
// once.
type nearby interface {
	// AppendPrompt appends the answer to dst if nothing has to be waited for; else ok
	// is false, nothing is appended, and Near is to be asked.
	AppendPrompt(dst []byte, q places.Query) (reply []byte, ok bool)
	// Near always has an answer, in bounded time, or soon once ctx is done.
	Near(ctx context.Context, q places.Query) []byte
}

// clientConfig is what a [clientServer] is made of.
type clientConfig struct {
	Listener net.Listener
	Herd     herd
	Places   nearby
	Name     string // of this node, in AT lines

	MaxAhead time.Duration // how far ahead a client's time may be and still count in full

	clientBounds // at the start

	// Hold returns when the node is not paused, or ctx is done. Nil: it never is.
	Hold func(ctx context.Context)

	Logger hclog.Logger
	Clock  func() time.Time // the wall clock by which reports are received; nil: time.Now
}

// drainGrace is for how long the first connection is still read once the server is to
// end: what is on its way from a client that has sent it is answered.
const drainGrace = 20 * time.Millisecond

// clientServer is the port that clients talk to.
type clientServer struct {
	config clientConfig // static
	log    hclog.Logger
	bounds atomic.Pointer[clientBounds]

	// buffers holds *[]byte for replies, so that a connection that is idle has none.
	buffers sync.Pool

	open      context.Context // done: no connection is taken any more
	stop      context.CancelFunc
	alive     context.Context // done: sessions give up whatever they wait for
	abandon   context.CancelFunc
	hurry     context.Context // done, always
	guestTime time.Duration   // static; see the constant
	killed    sync.Once
	running   sync.WaitGroup        // sessions and loops
	stripes   atomic.Int64          // numbers given
	draining  atomic.Pointer[drain] // not nil: sessions end

	// mu guards the fields below. It is held while open ends, so that no session slips
	// in after, and while a session goes from a loop to a goroutine or back.
	mu       sync.Mutex
	sessions map[*session]struct{}
	addrs    map[netip.Addr]int // connections of each address that is bounded
	loops    []*loop            // nil before the first TCP connection

	_     [64]byte // a line reads what is above
	count clientCounts
}

// newClientServer makes a server. It starts nothing.
func newClientServer(c clientConfig) *clientServer {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	s := &clientServer{
		config:   c,
		log:      c.Logger,
		sessions: make(map[*session]struct{}),
		addrs:    make(map[netip.Addr]int),
	}
	s.buffers.New = func() any { return new([]byte) }
	s.alive, s.abandon = context.WithCancel(context.Background())
	s.open, s.stop = context.WithCancel(s.alive)
	s.config.Listener = newPersistent(s.open, c.Listener, &s.count.acceptErrors, c.Logger, "clients")
	hurry, hasten := context.WithCancel(context.Background())
	hasten()
	s.hurry = hurry
	s.guestTime = guestTime
	s.bounds.Store(&c.clientBounds)
	return s
}

// serve takes connections until shutdown is called, or ctx is done, and then
// returns nil when all of them have ended; the end of ctx cuts them off. It
// returns an error if the listener fails; connections go on then, until
// shutdown.
func (s *clientServer) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.kill)
	defer func() {
		if !stop() {
			s.kill() // returns when the other call has
		}
	}()
	if err := s.accept(); err != nil {
		return err
	}
	s.running.Wait()
	return nil
}

// shutdown closes the listener, has every connection answer what it has read and
// end, at once unless drain was called before, and returns when all have ended. When ctx is done
// the rest is cut off, and the error says how many that were.
func (s *clientServer) shutdown(ctx context.Context) error {
	if s.draining.Load() == nil {
		s.drain(0)
	}
	done := make(chan struct{})
	go func() { // below, done is waited for
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	n := s.connections()
	s.count.cut.Add(uint64(n))
	s.kill()
	<-done
	return fmt.Errorf("%d connections were still busy: %w", n, ctx.Err())
}

// kill ends all connections at once. It may be called again.
func (s *clientServer) kill() {
	s.killed.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.abandon()
		s.config.Listener.Close()
		for c := range s.sessions {
			if c.conn != nil {
				cut(c.conn)
			}
		}
		s.wakeLoopsLocked()
	})
}

// hold returns when clients may be served.
func (s *clientServer) hold() {
	if s.config.Hold != nil {
		s.config.Hold(s.alive)
	}
}

// connections is how many are open.
func (s *clientServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}
