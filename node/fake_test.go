package node

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"herd/config"
	"herd/gossip"
	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/simnet"
	"herd/places"
)

// fakeCluster is a cluster that does what a test says. The zero value has not
// caught up and leaves when it is told to.
type fakeCluster struct {
	config   gossip.Config
	caughtUp chan struct{}
	clock    chan struct{}               // if not nil, ClockChecked
	fail     chan error                  // what Run returns at once
	linger   chan struct{}               // if not nil, Run goes on after the end of its context until it is closed
	wait     func(context.Context) error // if not nil, Wait
	closed   chan struct{}
	once     sync.Once

	mu      sync.Mutex // guards the fields below
	left    bool
	sync    gossip.Sync
	vector  replica.Vector
	members []gossip.Member

	keys     []gossip.KeyReport // of Keyring and ChangeKeyring
	keysErr  error              // likewise
	change   gossip.KeyChange   // the last
	progress []gossip.Progress
	stats    gossip.Stats
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{caughtUp: make(chan struct{}), fail: make(chan error, 1), closed: make(chan struct{})}
}

func (f *fakeCluster) Run(ctx context.Context) error {
	select {
	case err := <-f.fail:
		return err
	case <-f.closed:
		return errors.New("closed")
	case <-ctx.Done():
	}
	if f.linger != nil {
		select {
		case <-f.linger:
		case <-f.closed:
			return errors.New("closed")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = true
	return nil
}

func (f *fakeCluster) hasLeft() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.left
}

func (f *fakeCluster) Close() error              { f.once.Do(func() { close(f.closed) }); return nil }
func (f *fakeCluster) CaughtUp() <-chan struct{} { return f.caughtUp }
func (f *fakeCluster) ClockChecked() <-chan struct{} {
	if f.clock != nil {
		return f.clock
	}
	return f.caughtUp
}

func (f *fakeCluster) Addr() net.Addr           { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4132} }
func (f *fakeCluster) Changed(string)           {}
func (f *fakeCluster) SetJoin([]string)         {}
func (f *fakeCluster) SetLimits(gossip.Limits)  {}
func (f *fakeCluster) Parting()                 {}
func (f *fakeCluster) Prefetch([][]byte)        {}
func (f *fakeCluster) Stats() gossip.Stats      { return f.stats }
func (f *fakeCluster) Members() []gossip.Member { return f.members }
func (f *fakeCluster) Self() gossip.Member      { return f.members[0] }
func (f *fakeCluster) Sync() gossip.Sync        { return f.sync }
func (f *fakeCluster) Vector() replica.Vector   { return f.vector }

func (f *fakeCluster) Progress() []gossip.Progress { return f.progress }

func (f *fakeCluster) Keyring(context.Context) ([]gossip.KeyReport, error) { return f.keys, f.keysErr }

func (f *fakeCluster) ChangeKeyring(_ context.Context, c gossip.KeyChange) ([]gossip.KeyReport, error) {
	f.change = c
	return f.keys, f.keysErr
}

func (f *fakeCluster) HasKeys([][]byte) bool { return false }

func (f *fakeCluster) Report(_ int, id []byte, fix location.Fix) uint64 {
	f.config.Table.Merge(id, location.Entry{Fix: fix})
	return 0
}

func (f *fakeCluster) Flush() {}

func (f *fakeCluster) Wait(ctx context.Context, _ uint64) error {
	if f.wait != nil {
		return f.wait(ctx)
	}
	return nil
}

func (f *fakeCluster) Prompt(id []byte) (e location.Entry, found, ok bool) {
	e, found = f.config.Table.Get(id)
	return e, found, true
}

func (f *fakeCluster) Lookup(_ context.Context, id []byte) (location.Entry, bool) {
	return f.config.Table.Get(id)
}

// nowhere is a provider that knows no place.
type nowhere struct{}

func (nowhere) Name() string { return "nowhere" }
func (nowhere) Prompt()      {}
func (nowhere) Near(context.Context, places.Query) (places.Answer, error) {
	return places.Answer{}, nil
}

// testNode is a node on a simulated machine with a fake for a cluster, and its log.
type testNode struct {
	*Node
	cluster *fakeCluster
	network *simnet.Net
	host    *simnet.Host // from which it is asked
	log     *logBuffer
}

func newTestNode(t testing.TB, change ...func(*Config)) testNode {
	t.Helper()
	s := config.Default()
	s.Name = "Clark"
	s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "10.0.0.1:4131", "10.0.0.1:4132", "10.0.0.1:4133"
	network := simnet.New(1)
	host := network.Host("10.0.0.1")
	log := &logBuffer{}
	c := Config{
		Settings: s,
		Version:  "1.2.3",
		Logger:   hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug}),
		Links:    places.Links(nowhere{}),
		Listen:   host.Listen,
	}
	for _, f := range change {
		f(&c)
	}
	fake := newFakeCluster()
	fake.members = []gossip.Member{{Meta: gossip.Meta{Name: "Clark", Origin: 0xc1}, Self: true}}
	n, err := build(c, func(g gossip.Config) (cluster, error) { fake.config = g; return fake, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return testNode{n, fake, network, host, log}
}

// start runs the node aside; what Run returns comes on the channel.
func (n testNode) start(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return done
}

// logBuffer is a log that goroutines may write and a test may read.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
