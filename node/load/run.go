package load

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Result is what a run measured. A command counts that is answered after the measured
// time has begun, and was due before its end.
type Result struct {
	Commands  uint64        `json:"commands"` // answered rightly: the sum of the next two
	Updates   uint64        `json:"updates"`
	Queries   uint64        `json:"queries"`
	Results   float64       `json:"results_per_query,omitempty"`
	Seconds   float64       `json:"seconds"`    // measured time
	PerSecond float64       `json:"per_second"` // answered before the end
	Latency   Latency       `json:"latency"`
	Lateness  *Latency      `json:"lateness,omitempty"` // open loop: of the generator itself, in sending
	Wrong     uint64        `json:"wrong"`              // replies
	Lost      uint64        `json:"lost"`               // connections
	Missing   uint64        `json:"missing"`            // replies that did not come
	Unsent    uint64        `json:"unsent"`             // commands that were due and had no room
	Samples   []string      `json:"samples,omitempty"`  // of what went wrong
	Filled    int           `json:"filled,omitempty"`   // clients stored beforehand
	FillTime  time.Duration `json:"fill_ns,omitempty"`
	Series    []Second      `json:"series"`
}

// Good tells whether everything that was sent was answered, and rightly.
func (r *Result) Good() bool { return r.Wrong == 0 && r.Lost == 0 && r.Missing == 0 }

// Pacers is how many goroutines of a run, at most, have a thread to themselves.
func Pacers() int { return max(1, runtime.NumCPU()/2) }

// Run puts the load on the servers. When ctx is done it ends early, and the result is
// of the time until then. An error means that there is nothing to report.
func Run(ctx context.Context, config Config) (*Result, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	r := &Result{}
	if config.Queries > 0 {
		begun := time.Now()
		if err := fill(ctx, config); err != nil {
			return nil, err
		}
		r.Filled, r.FillTime = config.Clients, time.Since(begun)
		if config.Near {
			config.truth = newTruth(&config)
		}
	}
	l, err := newLoad(ctx, config)
	if err != nil {
		return nil, err
	}
	defer l.close()
	l.start(config.Warmup, config.Duration)
	seconds, measured := l.measure(ctx)
	l.report(r, seconds, measured)
	return r, nil
}

// load is a run under way.
type load struct {
	config  Config
	groups  []*group
	each    *atomic.Int64 // see maker
	stride  int64
	running sync.WaitGroup
	done    chan struct{} // closed when all that start started has ended
}

// newLoad connects.
func newLoad(ctx context.Context, config Config) (*load, error) {
	l := &load{config: config, done: make(chan struct{})}
	n := min(Pacers(), config.Connections)
	for i := range n {
		g := &group{
			total: config.Connections, patience: config.Timeout, closed: config.Rate == 0,
			tally: tally{latency: newHistogram()}, lateness: newHistogram(),
			maker: config.maker(config.Connections + i),
		}
		l.groups = append(l.groups, g)
	}
	dials, dialing := errgroup.WithContext(ctx)
	dials.SetLimit(64) // the backlog of a server has an end
	conns := make([]*connection, config.Connections)
	for i := range conns {
		dials.Go(func() error {
			c, err := config.connect(dialing, i, config.Addrs[i%len(config.Addrs)])
			if err != nil {
				return fmt.Errorf("connect: %w", err)
			}
			conns[i] = &connection{
				group: l.groups[i%n], net: c, speak: config.dialect(), number: i,
				ring: make([]command, config.window()), buf: make([]byte, config.buffer()),
			}
			return nil
		})
	}
	err := dials.Wait()
	for i, c := range conns {
		if c != nil {
			l.groups[i%n].conns = append(l.groups[i%n].conns, c)
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// maker makes the n-th maker.
func (c *Config) maker(n int) maker {
	seed := random(c.Seed)
	return maker{
		random:  random(seed.next64() + uint64(n)<<32),
		clients: uint64(c.Clients), updates: uint64(c.Updates), queries: uint64(c.Queries),
		homes: c.Near, step: microdegrees(c.Step), seed: c.Seed,
	}
}

// microdegrees is so many metres along a meridian, but never none of some.
func microdegrees(metres int) int32 {
	const each = 180e6 / (earthRadius * math.Pi)
	return int32(math.Ceil(float64(metres) * each))
}

// window is how many commands may be under way on a connection: what is sent must fit
// a socket's buffer, and what is kept of it the memory.
func (c *Config) window() int {
	n := 256
	if c.Rate == 0 {
		n = 1
		for n < c.Pipeline {
			n *= 2
		}
		return n
	}
	for n > 16 && n*c.Connections > 500_000 {
		n /= 2
	}
	return n
}

// buffer is how much one read may bring.
func (c *Config) buffer() int {
	n := 64 << 10
	for n > 2<<10 && n*c.Connections > 64<<20 {
		n /= 2
	}
	return n
}

// start has all groups send. The measured time begins after the warm-up.
func (l *load) start(warmup, duration time.Duration) {
	epoch := time.Now()
	for _, g := range l.groups {
		g.epoch = epoch
		g.from = int64(warmup)
		g.to = g.from + int64(duration)
		g.alive.Store(int64(len(g.conns)))
	}
	for _, g := range l.groups {
		for _, c := range g.conns {
			if g.closed {
				l.running.Go(func() { l.closedLoop(c) })
			} else {
				l.running.Go(func() {
					for c.receive() {
					}
				})
			}
		}
		if !g.closed {
			l.running.Go(func() { l.pace(g) })
		}
	}
	go func() {
		l.running.Wait()
		close(l.done)
	}()
}

func (l *load) closedLoop(c *connection) {
	m := l.config.maker(c.number)
	m.each, m.stride = l.each, l.stride
	// No reply of the last batch is waited for longer than that.
	c.net.SetReadDeadline(c.group.epoch.Add(time.Duration(c.group.to)).Add(l.config.Timeout))
	c.closedLoop(&m, l.config.Pipeline)
}

func (l *load) pace(g *group) {
	p := &pacer{group: g, rate: int64(l.config.Rate), sleep: l.config.sleep}
	if p.sleep == nil {
		sleep, end := preciseSleep()
		defer end()
		p.sleep = sleep
	}
	p.run()
}

// drainGrace is how long the last replies are waited for when a run is cut short.
const drainGrace = time.Second

// stop cuts the run short.
func (l *load) stop() {
	deadline := time.Now().Add(min(drainGrace, l.config.Timeout))
	for _, g := range l.groups {
		g.stop.Store(true)
		for _, c := range g.conns {
			c.net.SetWriteDeadline(deadline)
			if g.closed { // else the pacer sees to it
				c.net.SetReadDeadline(deadline)
			}
		}
	}
}

// measure waits for the end. It gives what was answered by the second and the measured
// time.
func (l *load) measure(ctx context.Context) (*collector, time.Duration) {
	defer context.AfterFunc(ctx, l.stop)()
	c := newCollector(l.groups)
	g := l.groups[0]
	end := g.from
	if l.until(ctx, g.from) {
		call(l.config.Begin)
		for end < g.to && l.until(ctx, min(end+nanosInSec, g.to)) {
			if end = min(end+nanosInSec, g.to); end < g.to {
				l.progress(c.cut())
			}
		}
		end = min(g.clock(), g.to)
		call(l.config.End)
	}
	<-l.done
	l.progress(c.cut())
	return c, time.Duration(end - g.from)
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func (l *load) progress(s Second) {
	if l.config.Progress != nil {
		l.config.Progress(s)
	}
}

// until waits until the clock shows that time; false if the run is over before.
func (l *load) until(ctx context.Context, at int64) bool {
	timer := time.NewTimer(time.Duration(at - l.groups[0].clock()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-l.done:
		return false
	case <-timer.C:
		return true
	}
}

// report fills in r, when all has ended.
func (l *load) report(r *Result, c *collector, measured time.Duration) {
	r.Updates, r.Queries = c.counts.updates, c.counts.queries
	r.Commands = r.Updates + r.Queries
	r.Wrong, r.Lost = c.counts.wrong, c.counts.lost
	r.Latency, r.Series, r.Samples = c.total.latency(), c.cuts, l.samples()
	if r.Seconds = measured.Seconds(); r.Seconds > 0 {
		r.PerSecond = float64(c.counts.inTime) / r.Seconds
	}
	lateness := newHistogram()
	var found, replies uint64
	for _, g := range l.groups {
		g.lateness.drain(lateness)
		r.Unsent += g.unsent
		for _, c := range g.conns {
			r.Missing += c.unanswered()
			n, of := c.speak.results()
			found, replies = found+n, replies+of
		}
	}
	if replies > 0 {
		r.Results = float64(found) / float64(replies)
	}
	if l.config.Rate > 0 {
		late := lateness.latency()
		r.Lateness = &late
	}
}

func (l *load) samples() []string {
	var all []string
	for _, g := range l.groups {
		all = append(all, g.tally.samples...)
	}
	return all[:min(len(all), maxSamples)]
}

// close closes the connections. Nothing uses them any more.
func (l *load) close() {
	for _, g := range l.groups {
		for _, c := range g.conns {
			c.net.Close()
		}
	}
}
