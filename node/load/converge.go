package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// pollPause is between a reply and the next query: finer costs the server more.
	pollPause = 100 * time.Microsecond
	// roundPause is between a write that all have shown and the next one, on average.
	roundPause = 5 * time.Millisecond
	// convergeKeys is the first client that is written: no other load has it.
	convergeKeys = 1_000_000_000
	// mostWatched is how many clients of a burst are asked for: all of many would be a
	// load of its own.
	mostWatched = 32
)

// Converged is what [Converge] measured. When a write became visible lies between two
// bounds: the upper one is when a reply came that showed it, the lower one when the
// last query was sent that was answered without it.
type Converged struct {
	Servers int    `json:"servers"`
	Burst   int    `json:"burst"`   // clients written at once
	Watched int    `json:"watched"` // of them
	Writes  int    `json:"writes"`
	Polls   uint64 `json:"polls"`
	// All from just before the writes: to a reply; to when one other server showed one
	// of the watched; to when all did; to when all had shown all the watched of a burst.
	Acked           Latency  `json:"acked"`
	Seen            Latency  `json:"seen"`
	SeenLower       Latency  `json:"seen_lower"`
	Everywhere      Latency  `json:"everywhere"`
	EverywhereLower Latency  `json:"everywhere_lower"`
	Whole           Latency  `json:"whole_burst"`
	Wrong           uint64   `json:"wrong"`   // replies to writes
	Lost            uint64   `json:"lost"`    // connections: the first one ends the run
	Missing         uint64   `json:"missing"` // times that a server did not show a write within the time-out
	Samples         []string `json:"samples,omitempty"`
}

// Good tells whether every write was answered rightly and shown by all.
func (c *Converged) Good() bool { return c.Wrong == 0 && c.Lost == 0 && c.Missing == 0 }

// Converge writes new clients, config.Burst of them at once, at each node of a herd in
// turn or at the first one of Redis, and polls all other servers until they show them. It
// goes on for config.Duration, or until ctx is done; what is written in the warm-up does
// not count. Of config it needs, besides, Addrs, two at least, Protocol, Sources, Timeout,
// Seed and Dial; Connections are those to each server on which a burst is written.
func Converge(ctx context.Context, config Config) (*Converged, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	switch {
	case len(config.Addrs) < 2:
		return nil, errors.New("one server has nobody to agree with")
	case config.Protocol == RedisGeoSearch:
		return nil, fmt.Errorf("%s can't tell whether a write is visible", config.Protocol)
	}
	config = config.withDefaults()
	config.Radius, config.Limit = 0, 0 // no provider of places is asked
	c := &convergence{config: config, epoch: time.Now(), maker: config.maker(0)}
	// What an earlier run has left must not look like what this one writes.
	c.maker.random += random(time.Now().UnixNano())
	for _, h := range []*histogram{&c.acked, &c.seen, &c.seenLow, &c.all, &c.allLow, &c.whole} {
		*h = newHistogram()
	}
	defer c.close()
	for i, addr := range config.Addrs {
		if err := c.connect(ctx, i, addr); err != nil {
			return nil, err
		}
	}
	c.run(ctx)
	return &c.result, nil
}

// party is a server that converges.
type party struct {
	writers []*asker
	watcher *asker
	polls   uint64
}

// convergence is a run of Converge.
type convergence struct {
	config  Config
	epoch   time.Time
	parties []*party
	maker   maker
	result  Converged

	mu sync.Mutex // guards acked and the counts of result while writers are at work

	acked, seen, seenLow, all, allLow, whole histogram
}

func (c *convergence) clock() int64 { return int64(time.Since(c.epoch)) }

// connect makes the connections to a server.
func (c *convergence) connect(ctx context.Context, i int, addr string) error {
	p := &party{}
	c.parties = append(c.parties, p)
	for n := range 1 + min(c.config.Burst, c.config.Connections) {
		conn, err := c.config.connect(ctx, i, addr)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		a := newAsker(conn, c.config.dialect())
		if n == 0 {
			p.watcher = a
		} else {
			p.writers = append(p.writers, a)
		}
	}
	return nil
}

func (p *party) conns() (all []net.Conn) {
	if p.watcher != nil {
		all = append(all, p.watcher.conn)
	}
	for _, w := range p.writers {
		all = append(all, w.conn)
	}
	return all
}

func (c *convergence) close() {
	for _, p := range c.parties {
		for _, conn := range p.conns() {
			conn.Close()
		}
	}
}

func (c *convergence) run(ctx context.Context) {
	writers := len(c.parties)
	if c.config.Protocol != Herd { // the others are replicas
		writers = 1
	}
	end := int64(c.config.Warmup + c.config.Duration)
	for n := 0; c.clock() < end && ctx.Err() == nil && c.result.Lost == 0; n++ {
		c.round(n, n%writers)
		// Not in step with anything that the servers do at intervals.
		pause := time.Duration(c.maker.below(uint64(2 * roundPause)))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	r := &c.result
	r.Servers, r.Burst, r.Watched = len(c.parties), c.config.Burst, min(c.config.Burst, mostWatched)
	r.Acked, r.Seen, r.SeenLower = c.acked.latency(), c.seen.latency(), c.seenLow.latency()
	r.Everywhere, r.EverywhereLower, r.Whole = c.all.latency(), c.allLow.latency(), c.whole.latency()
	for _, p := range c.parties {
		r.Polls += p.polls
	}
}

// burst makes the clients of the n-th round, and those of them to be watched: evenly
// spread, the last one among them.
func (c *convergence) burst(n int) (all, watched []command) {
	all = make([]command, c.config.Burst)
	for i := range all {
		c.maker.next(&all[i], 0, time.Now().UnixNano())
		all[i].key = uint32(convergeKeys + n*len(all) + i)
		all[i].query = false
	}
	k := min(len(all), mostWatched)
	for i := range k {
		watched = append(watched, all[(i+1)*len(all)/k-1])
	}
	return all, watched
}

// round writes clients and waits until all other servers show those that are watched.
func (c *convergence) round(n, writer int) {
	all, watched := c.burst(n)
	start := c.clock()
	patience := start + int64(c.config.Timeout)
	deadline := time.Now().Add(2 * c.config.Timeout) // of a server that answers nothing
	sightings := make([][]sighting, len(c.parties))
	errs := make([]error, len(c.parties))
	var watching, writing sync.WaitGroup
	for i, p := range c.parties {
		for _, conn := range p.conns() {
			conn.SetDeadline(deadline)
		}
		if i != writer {
			watching.Go(func() { sightings[i], errs[i] = p.watch(watched, c.clock, patience, c.config.sleep) })
		}
	}
	counts := start >= int64(c.config.Warmup)
	wrong := c.result.Wrong
	w := c.parties[writer].writers
	for i, a := range w {
		share := all[i*len(all)/len(w) : (i+1)*len(all)/len(w)]
		writing.Go(func() { c.write(a, share, start, counts) })
	}
	writing.Wait()
	watching.Wait()
	for i, err := range errs {
		if err != nil {
			c.lose(c.parties[i].watcher, err)
		}
	}
	if counts && c.result.Lost == 0 && c.result.Wrong == wrong { // else nothing is known of the write
		c.record(writer, start, sightings)
	}
}

// write writes clients on a connection and takes the replies.
func (c *convergence) write(a *asker, commands []command, start int64, counts bool) {
	err := a.ask(commands, func(i int, reply []byte) {
		at := c.clock()
		why := a.speak.check(&commands[i], reply, a.scratch[:])
		if !counts {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.result.Writes++
		if why != "" {
			c.result.Wrong++
			c.sample(misfit(a.speak, &commands[i], reply, why))
			return
		}
		c.acked.record(at - start)
	})
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lose(a, err)
	}
}

// record takes what the others of a round saw.
func (c *convergence) record(writer int, start int64, sightings [][]sighting) {
	watched := min(c.config.Burst, mostWatched)
	all := make([]sighting, watched) // of each client, by all
	complete := true
	for i, each := range sightings {
		if i == writer {
			continue
		}
		for k, s := range each {
			if !s.shown {
				c.result.Missing++
				c.sample(fmt.Sprintf("%s: the write is not visible", c.parties[i].watcher.conn.RemoteAddr()))
				complete = false
				continue
			}
			s.lower = max(s.lower, start)
			c.seen.record(s.upper - start)
			c.seenLow.record(s.lower - start)
			all[k].upper, all[k].lower = max(all[k].upper, s.upper), max(all[k].lower, s.lower)
		}
	}
	if !complete {
		return
	}
	whole := int64(0)
	for _, s := range all {
		c.all.record(s.upper - start)
		c.allLow.record(s.lower - start)
		whole = max(whole, s.upper-start)
	}
	c.whole.record(whole)
}

// lose counts a connection that broke.
func (c *convergence) lose(a *asker, err error) {
	c.result.Lost++
	c.sample(fmt.Sprintf("%s: %v", a.conn.RemoteAddr(), cause(err)))
}

func (c *convergence) sample(why string) {
	if len(c.result.Samples) < maxSamples {
		c.result.Samples = append(c.result.Samples, why)
	}
}

// sighting is when a server showed a write, if it did: bounds, by the clock.
type sighting struct {
	shown        bool
	lower, upper int64
}

// watch polls until the server shows what updates have written, or the clock shows that
// patience is at an end. sleep is nil but in tests.
func (p *party) watch(updates []command, clock func() int64, patience int64, sleep func(time.Duration)) ([]sighting, error) {
	if sleep == nil {
		precise, end := preciseSleep()
		defer end()
		sleep = precise
	}
	sightings := make([]sighting, len(updates))
	var queries []command
	var hidden, still []int // which updates have not been seen
	for i := range updates {
		hidden = append(hidden, i)
	}
	for {
		queries, still = queries[:0], nil
		for _, i := range hidden {
			q := updates[i]
			q.query = true
			queries = append(queries, q)
		}
		sent := clock()
		err := p.watcher.ask(queries, func(k int, reply []byte) {
			i := hidden[k]
			if p.watcher.speak.shows(&updates[i], reply, p.watcher.scratch[:]) {
				sightings[i].shown, sightings[i].upper = true, clock()
				return
			}
			sightings[i].lower = sent
			still = append(still, i)
		})
		p.polls += uint64(len(queries))
		hidden = still
		if err != nil || len(hidden) == 0 || sent > patience {
			return sightings, err
		}
		sleep(pollPause)
	}
}
