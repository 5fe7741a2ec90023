package main

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"herd/config"
)

// fakeNode stands in for a node: ready when it runs, gone when told.
type fakeNode struct {
	loaded   *config.Loaded
	load     func() (*config.Loaded, error)
	fail     error  // what Run returns at once, if set
	begin    func() // called by Run, if set
	ready    chan struct{}
	leaving  chan struct{} // nil: it is never told
	closed   bool
	reloaded chan config.Places
}

func (f *fakeNode) Run(ctx context.Context) error {
	if f.fail != nil {
		return f.fail
	}
	if f.begin != nil {
		f.begin()
	}
	close(f.ready)
	<-ctx.Done()
	return nil
}
func (f *fakeNode) Ready() <-chan struct{}   { return f.ready }
func (f *fakeNode) Leaving() <-chan struct{} { return f.leaving }
func (f *fakeNode) Status() string           { return "fine" }
func (f *fakeNode) Close() error             { f.closed = true; return nil }
func (f *fakeNode) Reload() ([]config.Change, error) {
	to, err := f.load()
	if err == nil {
		f.reloaded <- to.Config.Places
	}
	return nil, err
}

func (f *fakeNode) Addrs() addrs {
	c := f.loaded.Config
	return addrs{Client: c.Client.Addr, Gossip: c.Gossip.Addr, HTTP: c.HTTP.Addr}
}

// fakeApp is an app whose nodes are fakes.
type fakeApp struct {
	app
	out   output
	err   output
	nodes []*fakeNode
}

func newFakeApp(prepare func(i int, n *fakeNode) error) *fakeApp {
	f := &fakeApp{}
	f.app = app{stdout: &f.out, stderr: &f.err, newNode: func(l *config.Loaded, a around) (server, error) {
		n := &fakeNode{loaded: l, load: a.load, ready: make(chan struct{}), reloaded: make(chan config.Places, 1)}
		if err := prepare(len(f.nodes), n); err != nil {
			return nil, err
		}
		f.nodes = append(f.nodes, n)
		return n, nil
	}}
	return f
}

// start runs the app aside; the exit code comes on the channel.
func (f *fakeApp) start(ctx context.Context, args ...string) <-chan int {
	code := make(chan int, 1)
	go func() { code <- f.run(ctx, args) }()
	return code
}

// output is a writer that can be waited on.
type output struct {
	mu      sync.Mutex // guards the fields below
	b       bytes.Buffer
	changed chan struct{} // closed at the next write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// wait returns when the output holds text.
func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	for {
		o.mu.Lock()
		if bytes.Contains(o.b.Bytes(), []byte(text)) {
			o.mu.Unlock()
			return
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("no %q in the output: %s", text, o)
		}
	}
}

var errFake = errors.New("the port is taken")
