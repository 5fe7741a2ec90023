package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
	"herd/places"
)

// fakeHerd is a herd of one table, whose acks come when a test says.
type fakeHerd struct {
	table *location.Table
	far   func(id []byte) // not nil: called by Lookup, which may wait in it
	ack   func()          // not nil: called by Wait, the same

	mu      sync.Mutex // guards the fields below
	tickets uint64
	flushes int
	fetched []string      // the IDs of each call of Prefetch
	waits   []uint64      // tickets that were waited for
	hold    chan struct{} // not nil: Wait waits until it is closed
	waiting chan struct{} // not nil: Wait says that it has begun
	fail    error         // not nil: what Wait returns
}

func newFakeHerd() *fakeHerd { return &fakeHerd{table: location.NewTable(4, 1)} }

func (h *fakeHerd) Report(_ int, id []byte, f location.Fix) uint64 {
	h.table.Merge(id, location.Entry{Fix: f})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tickets++
	return h.tickets
}

func (h *fakeHerd) Flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flushes++
}

func (h *fakeHerd) Prefetch(ids [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fetched = append(h.fetched, string(bytes.Join(ids, []byte{' '})))
}

func (h *fakeHerd) Wait(ctx context.Context, ticket uint64) error {
	h.mu.Lock()
	h.waits = append(h.waits, ticket)
	hold, waiting, fail := h.hold, h.waiting, h.fail
	h.mu.Unlock()
	if waiting != nil {
		waiting <- struct{}{}
	}
	if h.ack != nil {
		h.ack()
	}
	if hold == nil {
		return fail
	}
	select {
	case <-hold:
		return fail
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Prompt finds all that is in the table; what isn't has to be looked for far away if
// that may be.
func (h *fakeHerd) Prompt(id []byte) (e location.Entry, found, ok bool) {
	e, found = h.table.Get(id)
	return e, found, found || h.far == nil
}

func (h *fakeHerd) Lookup(_ context.Context, id []byte) (location.Entry, bool) {
	if h.far != nil {
		h.far(id)
	}
	return h.table.Get(id)
}

// calls is how often Flush was called and what Wait was called with.
func (h *fakeHerd) calls() (flushes int, waits []uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.flushes, append([]uint64(nil), h.waits...)
}

// fetches is the IDs of each call of Prefetch.
func (h *fakeHerd) fetches() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.fetched)
}

// body is what is near everything.
const body = "{\n   \"status\" : \"OK\"\n}"

// fakePlaces answers with body at once, or as a test says.
type fakePlaces struct {
	near   func(ctx context.Context, q places.Query) []byte // not nil: it has to be waited for
	prompt func(q places.Query) ([]byte, bool)              // not nil: what AppendPrompt answers
}

func (p *fakePlaces) AppendPrompt(dst []byte, q places.Query) ([]byte, bool) {
	reply, ok := []byte(body), p.near == nil
	if p.prompt != nil {
		reply, ok = p.prompt(q)
	}
	if !ok {
		return dst, false
	}
	return append(dst, reply...), true
}

func (p *fakePlaces) Near(ctx context.Context, q places.Query) []byte {
	return p.near(ctx, q)
}

// port is a client server that runs.
type port struct {
	*clientServer
	herd   *fakeHerd
	places *fakePlaces
	log    *logBuffer
	served chan error // what serve returned
	end    context.CancelFunc
}

// received is the wall clock of every port: 0.263873386 s after example's time.
var received = time.Unix(1621464828, 223371889)

// newPort starts a server on l with the default bounds. It is killed when the test
// ends, and must then have ended.
func newPort(t testing.TB, l net.Listener, change ...func(*clientConfig)) *port {
	t.Helper()
	p := &port{herd: newFakeHerd(), places: &fakePlaces{}, log: &logBuffer{}, served: make(chan error, 1)}
	c := clientConfig{
		Listener: l,
		Herd:     p.herd,
		Places:   p.places,
		Name:     "Clark",
		MaxAhead: 5 * time.Minute,

		clientBounds: clientBounds{MaxConns: 1000, MaxLine: 4096, MaxID: 255, IdleTimeout: 5 * time.Minute},

		Logger: hclog.New(&hclog.LoggerOptions{Output: p.log, Level: hclog.Info}),
		Clock:  func() time.Time { return received },
	}
	for _, f := range change {
		f(&c)
	}
	p.clientServer = newClientServer(c)
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	go func() { // the cleanup waits for it
		p.served <- p.serve(ctx)
		close(p.served)
	}()
	t.Cleanup(func() {
		cancel()
		for range p.served {
		}
		if n := p.connections(); n > 0 {
			t.Errorf("%d sessions are left", n)
		}
		if n := p.count.unanswered.Load(); n != 0 {
			t.Errorf("%d questions are left", n)
		}
	})
	return p
}

// onLoopback starts a server on a TCP port.
func onLoopback(t testing.TB, change ...func(*clientConfig)) *port {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newPort(t, l, change...)
}

// patient is for how long a test waits for what must come.
const patient = time.Minute

// dial connects to a server on loopback.
func (p *port) dial(t testing.TB) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.config.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patient))
	return conn.(*net.TCPConn)
}

// pipes is a listener of connections in memory that hold nothing: a write ends
// when it has been read, and a read has one write at the most.
type pipes struct {
	came   chan any // net.Conn or error
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{came: make(chan any), closed: make(chan struct{})} }

// dial returns when the server has accepted.
func (l *pipes) dial(t testing.TB) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	select {
	case l.came <- far:
	case <-l.closed:
		t.Fatal("the listener is closed")
	}
	return near
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case x := <-l.came:
		if err, ok := x.(error); ok {
			return nil, err
		}
		return x.(net.Conn), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4131} }

// send writes text; an error fails the test.
func send(t testing.TB, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatalf("send %.40q: %v", text, err)
	}
}

// receive reads as many bytes as want has and compares.
func receive(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if err != nil || string(got) != want {
		t.Fatalf("received %.2000q, %v; want %.2000q", got[:n], err, want)
	}
}

// ends reads the end of the stream, and nothing before it.
func ends(t testing.TB, r io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Fatalf("received %.2000q, %v; want the end of the stream", rest, err)
	}
}

// exchange sends text as it is, says that no more comes, and gives all that comes
// back.
func (p *port) exchange(t testing.TB, text string) string {
	t.Helper()
	conn := p.dial(t)
	sent := make(chan error, 1)
	go func() { // what is sent may not fit while what comes back isn't read
		_, err := io.WriteString(conn, text)
		sent <- errors.Join(err, conn.CloseWrite())
	}()
	got, err := io.ReadAll(conn)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	return string(got)
}
