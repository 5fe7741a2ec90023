package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds of a walk.
const (
	maxWalkers = 1_000_000
	maxEvery   = time.Hour
)

// Crowd is clients that move. Neighbours by number report to the same node. Its methods are
// called by several goroutines, each for clients of its own.
type Crowd interface {
	Len() int
	AppendID(b []byte, i int) []byte
	// At is where client i is at a time since the beginning, in degrees. The time of a
	// client never goes back.
	At(i int, t time.Duration) (lat, lon float64)
}

// WalkConfig is a walk. Crowd, Addrs, Connections, Every and Duration have no default.
type WalkConfig struct {
	Crowd Crowd
	Addrs []string // host:port of the nodes; connections are spread over them
	// Refresh, if set, is asked now and then for what the addresses are by now. What it
	// returns with an error is not used.
	Refresh func(ctx context.Context) ([]string, error)

	Connections int
	Every       time.Duration // between two reports of a client
	Duration    time.Duration
	Timeout     time.Duration // how long a node may take to answer before another one is tried; 0: 5 s

	// Progress is called after every second, with what was answered in it and how many
	// nodes the connections lead to.
	Progress func(second Second, nodes int)

	// Dial replaces the network, as in [Config].
	Dial func(ctx context.Context, addr string, source netip.Addr) (net.Conn, error)
}

// Validate names the first field that is out of bounds, of a walk of so many clients: their
// crowd is not looked at.
func (c *WalkConfig) Validate(clients int) error {
	switch {
	case len(c.Addrs) == 0:
		return errors.New("no address")
	case clients < 1 || clients > maxWalkers:
		return fmt.Errorf("clients must be from 1 to %d", maxWalkers)
	case c.Connections < 1 || c.Connections > maxConnections:
		return fmt.Errorf("connections must be from 1 to %d", maxConnections)
	case c.Every < time.Millisecond || c.Every > maxEvery:
		return fmt.Errorf("the time between reports must be from 1ms to %s", maxEvery)
	case int64(clients) > maxRate*int64(c.Every/time.Millisecond)/1000:
		return fmt.Errorf("that is more than %d reports a second", maxRate)
	case c.Duration <= 0 || c.Duration > MaxDuration:
		return fmt.Errorf("the duration must be more than 0s and at most %s", MaxDuration)
	}
	for _, addr := range c.Addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("%q is not an address: %w", addr, err)
		}
	}
	return nil
}

// Walked is what came of a walk.
type Walked struct {
	Reports   uint64            `json:"reports"` // answered rightly
	Seconds   float64           `json:"seconds"`
	PerSecond float64           `json:"per_second"`
	Latency   Latency           `json:"latency"`            // from when a report was due
	Wrong     uint64            `json:"wrong"`              // replies
	Unsent    uint64            `json:"unsent"`             // reports that were due, and outdated by the next before they could be sent
	Missing   uint64            `json:"missing"`            // reports without a reply when the walk ended
	Repeated  uint64            `json:"repeated,omitempty"` // reports that were sent to another node too, since one did not answer
	Errors    map[string]uint64 `json:"errors"`             // of connections, by kind: see [ErrorKinds]
	Nodes     map[string]uint64 `json:"nodes"`              // reports by the address that answered
	Samples   []string          `json:"samples,omitempty"`  // of what was wrong
}

// Good tells whether every report that was due was answered, by whichever node.
func (w *Walked) Good() bool { return w.Wrong == 0 && w.Unsent == 0 && w.Missing == 0 }

// Walk has the clients report where they are, each so often and all of them evenly in
// turn, until the duration is over or ctx is done. A connection that breaks is made again
// to another node, and what was not answered is sent there. An error means that there is
// nothing to report: no node can be reached.
func Walk(ctx context.Context, config WalkConfig) (*Walked, error) {
	if err := config.Validate(config.Crowd.Len()); err != nil {
		return nil, err
	}
	if config.Timeout == 0 {
		config.Timeout = 5 * time.Second
	}
	if config.Dial == nil {
		config.Dial = dial
	}
	w := &walk{
		config: config, homes: newHomes(min(config.Connections, config.Crowd.Len()), config.Addrs), epoch: time.Now(),
		group: &group{to: int64(config.Duration), tally: tally{latency: newHistogram()}},
		errs:  map[string]uint64{}, nodes: map[string]uint64{}, seats: map[string]int{},
	}
	if err := w.anyNode(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.Duration)
	defer cancel()
	var walking, watching sync.WaitGroup
	for i := range w.homes.of {
		s := newStrand(w, i)
		walking.Go(func() { s.run(ctx) })
	}
	seconds := newCollector([]*group{w.group})
	watching.Go(func() { w.watch(ctx, seconds) })
	if config.Refresh != nil {
		watching.Go(func() { w.refresh(ctx) })
	}
	walking.Wait()
	end := time.Since(w.epoch)
	cancel()
	watching.Wait()
	w.progress(seconds.cut())
	return w.report(seconds, min(end, config.Duration)), nil
}

// walk is a walk under way.
type walk struct {
	config WalkConfig
	homes  *homes
	epoch  time.Time
	group  *group // whose tally all share

	mu       sync.Mutex // guards the fields below
	errs     map[string]uint64
	nodes    map[string]uint64
	seats    map[string]int // connections by address
	unsent   uint64
	missing  uint64
	repeated uint64
}

func (w *walk) clock() int64 { return int64(time.Since(w.epoch)) }

// anyNode makes sure that there is somebody to report to.
func (w *walk) anyNode(ctx context.Context) (err error) {
	for _, addr := range w.config.Addrs {
		var conn net.Conn
		if conn, err = w.connect(ctx, addr); err == nil {
			return conn.Close()
		}
	}
	return fmt.Errorf("connect: %w", err)
}

// dialWithin is how long a connection may take to be made.
const dialWithin = time.Second

func (w *walk) connect(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	return w.config.Dial(ctx, addr, netip.Addr{})
}

// watch tells of each second.
func (w *walk) watch(ctx context.Context, seconds *collector) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.progress(seconds.cut())
		}
	}
}

func (w *walk) progress(s Second) {
	w.mu.Lock()
	nodes := len(w.seats)
	w.mu.Unlock()
	if w.config.Progress != nil {
		w.config.Progress(s, nodes)
	}
}

// refreshEach is how often the addresses are asked for.
const refreshEach = 2 * time.Second

func (w *walk) refresh(ctx context.Context) {
	tick := time.NewTicker(refreshEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if addrs, err := w.config.Refresh(ctx); err == nil && len(addrs) > 0 {
			w.homes.set(addrs)
		}
	}
}

// broke counts a connection that broke or was not made.
func (w *walk) broke(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs[kindOf(err)]++
}

// sit counts a connection that is made to an address, or with -1 one that is gone.
func (w *walk) sit(addr string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seats[addr] += n; w.seats[addr] == 0 {
		delete(w.seats, addr)
	}
}

// report is for when all has ended.
func (w *walk) report(seconds *collector, took time.Duration) *Walked {
	r := &Walked{
		Reports: seconds.counts.updates, Seconds: took.Seconds(), Latency: seconds.total.latency(), Wrong: seconds.counts.wrong,
		Unsent: w.unsent, Missing: w.missing, Repeated: w.repeated,
		Errors: w.errs, Nodes: w.nodes, Samples: w.group.tally.samples,
	}
	if r.Seconds > 0 {
		r.PerSecond = float64(r.Reports) / r.Seconds
	}
	return r
}
