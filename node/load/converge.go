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

const (
	// pollPause is between a reply and the next query: finer costs the server more.
	pollPause = 100 * time.Microsecond
	// roundPause is between a write that all have shown and the next one, on average.
	roundPause = 5 * time.Millisecond
	// convergeKeys is the first client that is written: no other load has it.
	convergeKeys = 1_000_000_000
)

// Converged is what [Converge] measured. When a write became visible lies between two
// bounds: the upper one is when a reply came that showed it, the lower one when the
// last query was sent that was answered without it.
type Converged struct {
	Servers int    `json:"servers"`
	Writes  int    `json:"writes"`
	Polls   uint64 `json:"polls"`
	// All from just before the write: to its reply; to when one other server showed it;
	// to when all did.
	Acked           Latency  `json:"acked"`
	Seen            Latency  `json:"seen"`
	SeenLower       Latency  `json:"seen_lower"`
	Everywhere      Latency  `json:"everywhere"`
	EverywhereLower Latency  `json:"everywhere_lower"`
	Wrong           uint64   `json:"wrong"`   // replies to writes
	Lost            uint64   `json:"lost"`    // connections: the first one ends the run
	Missing         uint64   `json:"missing"` // times that a server did not show a write within the time-out
	Samples         []string `json:"samples,omitempty"`
}

// Good tells whether every write was answered rightly and shown by all.
func (c *Converged) Good() bool { return c.Wrong == 0 && c.Lost == 0 && c.Missing == 0 }

// Converge writes one client after the other, at each node of a herd in turn or at the
// first one of Redis, and polls all other servers until they show it. It goes on for config.Duration, or until ctx is
// done; what is written in the warm-up does not count. Of config it needs, besides, Addrs,
// two at least, Protocol, Sources, Timeout, Seed and Dial.
func Converge(ctx context.Context, config Config) (*Converged, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	switch {
	case len(config.Addrs) < 2:
		return nil, errors.New("one server has nobody to agree with")
	case config.Protocol != Herd && config.Protocol != RedisSet:
		return nil, fmt.Errorf("%s can't tell whether a write is visible", config.Protocol)
	}
	config = config.withDefaults()
	config.Radius, config.Limit = 0, 0 // no provider of places is asked
	c := &convergence{config: config, epoch: time.Now(), maker: config.maker(0)}
	for _, h := range []*histogram{&c.acked, &c.seen, &c.seenLow, &c.all, &c.allLow} {
		*h = newHistogram()
	}
	defer c.close()
	for i, addr := range config.Addrs {
		var source netip.Addr
		if len(config.Sources) > 0 {
			source = config.Sources[i%len(config.Sources)]
		}
		conn, err := config.Dial(ctx, addr, source)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		c.servers = append(c.servers, &asker{conn: conn, speak: config.dialect(), buf: make([]byte, 16<<10)})
	}
	c.run(ctx)
	return &c.result, nil
}

// convergence is a run of Converge.
type convergence struct {
	config  Config
	epoch   time.Time
	servers []*asker
	maker   maker
	result  Converged

	acked, seen, seenLow, all, allLow histogram
}

func (c *convergence) clock() int64 { return int64(time.Since(c.epoch)) }

func (c *convergence) close() {
	for _, s := range c.servers {
		s.conn.Close()
	}
}

func (c *convergence) run(ctx context.Context) {
	writers := len(c.servers)
	if c.config.Protocol != Herd { // the others are replicas
		writers = 1
	}
	end := int64(c.config.Warmup + c.config.Duration)
	for n := uint32(0); c.clock() < end && ctx.Err() == nil && c.result.Lost == 0; n++ {
		c.round(n, int(n)%writers)
		// Not in step with anything that the servers do at intervals.
		pause := time.Duration(c.maker.below(uint64(2 * roundPause)))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	r := &c.result
	r.Servers = len(c.servers)
	r.Acked, r.Seen, r.SeenLower = c.acked.latency(), c.seen.latency(), c.seenLow.latency()
	r.Everywhere, r.EverywhereLower = c.all.latency(), c.allLow.latency()
	for _, s := range c.servers {
		r.Polls += s.polls
	}
}

// sighting is when a server showed a write: bounds, by the clock.
type sighting struct {
	lower, upper int64
	err          error
}

// round writes the n-th client and waits until all others show it.
func (c *convergence) round(n uint32, writer int) {
	var cmd command
	c.maker.next(&cmd, 0, time.Now().UnixNano())
	cmd.key = convergeKeys + n
	cmd.query = false
	start := c.clock()
	patience := start + int64(c.config.Timeout)
	deadline := time.Now().Add(2 * c.config.Timeout) // of a server that answers nothing
	sightings := make([]sighting, len(c.servers))
	var watching sync.WaitGroup
	for i, s := range c.servers {
		s.conn.SetDeadline(deadline)
		if i != writer {
			watching.Go(func() { sightings[i] = s.watch(cmd, c.clock, patience, c.config.sleep) })
		}
	}
	w := c.servers[writer]
	reply, err := w.ask(&cmd)
	acked := c.clock()
	why := ""
	if err == nil {
		why = w.speak.check(&cmd, reply, w.scratch[:])
	}
	watching.Wait()

	switch {
	case err != nil:
		c.fail(w, err)
		return
	case start < int64(c.config.Warmup):
		return
	}
	c.result.Writes++
	if why != "" {
		c.result.Wrong++
		c.sample("%s: %.120q answered %.160q", why, w.speak.append(nil, &cmd), reply)
		return
	}
	c.acked.record(acked - start)
	c.record(writer, start, sightings)
}

// record takes what the others of a round saw.
func (c *convergence) record(writer int, start int64, sightings []sighting) {
	var all sighting
	complete := true
	for i, s := range sightings {
		switch {
		case i == writer:
			continue
		case s.err != nil:
			c.fail(c.servers[i], s.err)
			complete = false
			continue
		}
		s.lower = max(s.lower, start)
		c.seen.record(s.upper - start)
		c.seenLow.record(s.lower - start)
		all.upper, all.lower = max(all.upper, s.upper), max(all.lower, s.lower)
	}
	if complete {
		c.all.record(all.upper - start)
		c.allLow.record(all.lower - start)
	}
}

// fail counts an error of a server: one that has shown nothing in time is not gone.
func (c *convergence) fail(s *asker, err error) {
	if errors.Is(err, errNotShown) {
		c.result.Missing++
	} else {
		c.result.Lost++
	}
	c.sample("%s: %v", s.conn.RemoteAddr(), cause(err))
}

func (c *convergence) sample(format string, args ...any) {
	if len(c.result.Samples) < maxSamples {
		c.result.Samples = append(c.result.Samples, fmt.Sprintf(format, args...))
	}
}

// errNotShown is the time-out of a server that answers.
var errNotShown = errors.New("the write is not visible")

// asker is a connection with one command at a time. It is for one goroutine.
type asker struct {
	conn    net.Conn
	speak   dialect
	text    []byte
	buf     []byte
	scratch [128]byte
	polls   uint64
}

// ask sends a command and reads the reply, which is good until the next call.
func (a *asker) ask(c *command) ([]byte, error) {
	a.text = a.speak.append(a.text[:0], c)
	if _, err := a.conn.Write(a.text); err != nil {
		return nil, err
	}
	have := 0
	for {
		n, err := a.conn.Read(a.buf[have:])
		have += n
		if length := a.speak.frame(c, a.buf[:have]); length > 0 {
			if length < have {
				return nil, errors.New("more replies than commands")
			}
			return a.buf[:length], nil
		}
		switch {
		case err != nil:
			return nil, err
		case have == len(a.buf):
			return nil, errors.New("a reply does not end")
		}
	}
}

// watch polls until the server shows what an update has written, or the clock shows
// that patience is at an end. sleep is nil but in tests.
func (a *asker) watch(update command, clock func() int64, patience int64, sleep func(time.Duration)) (s sighting) {
	if sleep == nil {
		precise, end := preciseSleep()
		defer end()
		sleep = precise
	}
	query := update
	query.query = true
	for {
		sent := clock()
		reply, err := a.ask(&query)
		a.polls++
		switch {
		case err != nil:
			s.err = err
			return s
		case a.speak.shows(&update, reply, a.scratch[:]):
			s.upper = clock()
			return s
		case sent > patience:
			s.err = errNotShown
			return s
		}
		s.lower = sent
		sleep(pollPause)
	}
}
