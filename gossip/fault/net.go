package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Network is what a [Net] stands before, and what it is.
type Network interface {
	Listen(ctx context.Context, addr string) (net.Listener, error)
	ListenPacket(ctx context.Context, addr string) (net.PacketConn, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// maxPeers bounds the addresses and peers that are kept apart; strangers send
// packets from any address they like. What is beyond shares one source.
const maxPeers = 4096

// Net is a network with faults. It is safe for concurrent use. The caller owes a
// Close.
type Net struct {
	inner Network
	who   func(addr string) string

	acting  atomic.Int32 // rules that act: most of the time 0, and then nothing else is looked at
	count   counters
	running sync.WaitGroup // goroutines of streams

	mu      sync.Mutex // guards the fields below; who is called without it
	seed    uint64
	last    uint64 // ID given out last
	faults  []*acting
	changed chan struct{}         // closed and replaced when faults change
	names   map[string]string     // node names by gossip address, as proved or told
	pipes   map[string]*pipe      // by name, else address
	conns   map[*conn]struct{}    // open, or closed behind a cut
	sending map[*delayed]struct{} // packets under way
	closed  bool
}

// acting is a fault and the timer that ends it.
type acting struct {
	Fault
	timer *time.Timer // nil: none
}

// New puts a Net before inner. who tells the name of the node with a gossip address,
// empty if it knows none; it may be nil.
func New(inner Network, who func(addr string) string) *Net {
	if who == nil {
		who = func(string) string { return "" }
	}
	return &Net{
		inner:   inner,
		who:     who,
		changed: make(chan struct{}),
		names:   make(map[string]string),
		pipes:   make(map[string]*pipe),
		conns:   make(map[*conn]struct{}),
		sending: make(map[*delayed]struct{}),
	}
}

// Errors of Add.
var (
	ErrTooMany = fmt.Errorf("%d rules act already", MaxRules)
	ErrClosed  = errors.New("the network is closed")
)

// Add has a rule act, for so long; 0 is until it is healed. It returns the fault's
// ID.
func (n *Net) Add(r Rule, d time.Duration) (uint64, error) {
	if err := r.Check(); err != nil {
		return 0, err
	}
	if r.Way == "" {
		r.Way = Both
	}
	r.Peers = slices.Clone(r.Peers)
	id, broken, err := n.add(r, d)
	for _, c := range broken {
		c.reset()
	}
	return id, err
}

// add is Add of a rule that has been checked. It returns the streams that are to be
// reset, too.
func (n *Net) add(r Rule, d time.Duration) (id uint64, broken []*conn, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return 0, nil, ErrClosed
	case len(n.faults) >= MaxRules:
		return 0, nil, ErrTooMany
	}
	n.last++
	id = n.last
	f := &acting{Fault: Fault{ID: id, Rule: r, Since: time.Now()}}
	if d > 0 {
		f.Until = f.Since.Add(d)
		f.timer = time.AfterFunc(d, func() { n.Remove(id) })
	}
	n.faults = append(n.faults, f)
	n.count.faults.Add(1)
	n.changedLocked()
	if r.Reset {
		for c := range n.conns {
			if n.isLocked(r.Peers, c.peer, c.addr) {
				broken = append(broken, c)
			}
		}
	}
	return id, broken, nil
}

// Remove ends a fault, and tells whether there was one with that ID.
func (n *Net) Remove(id uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.faults, func(f *acting) bool { return f.ID == id })
	if i < 0 {
		return false
	}
	if t := n.faults[i].timer; t != nil {
		t.Stop()
	}
	n.faults = slices.Delete(n.faults, i, i+1)
	n.changedLocked()
	return true
}

// Heal ends all faults and returns how many there were.
func (n *Net) Heal() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.healLocked()
}

func (n *Net) healLocked() int {
	was := len(n.faults)
	for _, f := range n.faults {
		if f.timer != nil {
			f.timer.Stop()
		}
	}
	n.faults = nil
	n.changedLocked()
	return was
}

func (n *Net) changedLocked() {
	n.acting.Store(int32(len(n.faults)))
	close(n.changed)
	n.changed = make(chan struct{})
}

// Seed begins all random sources anew.
func (n *Net) Seed(seed uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seed = seed
	clear(n.pipes)
}

// Faults are those that act, oldest first.
func (n *Net) Faults() []Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]Fault, len(n.faults))
	for i, f := range n.faults {
		all[i] = f.Fault
	}
	return all
}

// Wait returns when the node is not paused, or ctx is done.
func (n *Net) Wait(ctx context.Context) {
	for n.acting.Load() > 0 {
		n.mu.Lock()
		changed := n.changed
		paused := slices.ContainsFunc(n.faults, func(f *acting) bool { return f.Pause })
		n.mu.Unlock()
		if !paused {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Close ends all faults and breaks every stream, and returns when all goroutines
// have ended. It is idempotent.
func (n *Net) Close() {
	n.mu.Lock()
	n.closed = true
	n.healLocked()
	var open []*conn
	for c := range n.conns {
		open = append(open, c)
	}
	for d := range n.sending {
		d.timer.Stop()
	}
	clear(n.sending)
	n.mu.Unlock()
	for _, c := range open {
		c.abandon()
	}
	n.running.Wait()
}

// look is the link with a peer and what tells of the next change of it. It is nil
// if no rule acts.
func (n *Net) look(peer, addr string) (*link, <-chan struct{}) {
	if n.acting.Load() == 0 {
		return nil, nil
	}
	if peer == "" {
		peer = n.nameOf(addr)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var l link
	for _, f := range n.faults {
		if n.isLocked(f.Peers, peer, addr) {
			l.add(&f.Rule)
		}
	}
	return &l, n.changed
}

// isLocked tells whether a rule about whom is about this peer.
func (n *Net) isLocked(whom []string, peer, addr string) bool {
	if peer == "" {
		peer = n.names[addr]
	}
	return len(whom) == 0 || slices.ContainsFunc(whom, func(w string) bool { return w == peer || w == addr })
}

// nameOf is the name of the node with a gossip address, as far as anybody knows. Names
// are kept: a long cut makes the herd forget.
func (n *Net) nameOf(addr string) string {
	if addr == "" {
		return ""
	}
	n.mu.Lock()
	name := n.names[addr]
	n.mu.Unlock()
	if name == "" {
		if name = n.who(addr); name != "" {
			n.learn(addr, name)
		}
	}
	return name
}

func (n *Net) learn(addr, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.names[addr]; known || len(n.names) < maxPeers {
		n.names[addr] = name
	}
}

// Dial opens a stream. While the peer is cut off it waits.
func (n *Net) Dial(ctx context.Context, addr string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: textAddr(addr), Err: err}
	}
	for {
		l, changed := n.look("", addr)
		switch {
		case l == nil || !l.cutIn && !l.cutOut:
			c, err := n.inner.Dial(ctx, addr)
			if err != nil {
				return nil, err
			}
			return n.wrap(c, addr), nil
		case l.reset:
			n.count.dialsRefused.Add(1)
			return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
		}
		n.count.dialsHeld.Add(1)
		select {
		case <-changed:
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return fail(os.ErrDeadlineExceeded)
			}
			return fail(ctx.Err())
		}
	}
}

// Listen binds a listener whose streams have faults.
func (n *Net) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := n.inner.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &listener{l, n}, nil
}

type listener struct {
	net.Listener
	net *Net
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.net.wrap(c, ""), nil
}

// textAddr is a TCP address that was asked for.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }
