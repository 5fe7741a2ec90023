package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"herd/gossip/sockerr"
)

// Reconnected is what [Reconnect] measured. Each command has a connection of its own.
type Reconnected struct {
	Commands  uint64  `json:"commands"` // answered rightly
	Seconds   float64 `json:"seconds"`  // measured time
	PerSecond float64 `json:"per_second"`
	// From when the command was due to its reply, and of that to the connection.
	Latency   Latency `json:"latency"`
	Connected Latency `json:"connected"`
	// Errors are counted by kind, which is one of those of [ErrorKinds].
	Errors  map[string]uint64 `json:"errors"`
	Unsent  uint64            `json:"unsent"` // commands that were due when all connections were busy to the end
	Ports   int               `json:"ports"`  // of this end, different ones
	Reused  uint64            `json:"reused"` // connections from one that had been used before
	Samples []string          `json:"samples,omitempty"`
}

// Failed is how many commands were not answered rightly.
func (r *Reconnected) Failed() (n uint64) {
	for _, count := range r.Errors {
		n += count
	}
	return n
}

// Good tells whether everything that was due was sent and answered, and rightly.
func (r *Reconnected) Good() bool { return r.Failed() == 0 && r.Unsent == 0 }

// The kinds of errors of a connection.
const (
	errRefused = "refused"
	errReset   = "reset"
	errClosed  = "closed"  // without a reply
	errTimeout = "timeout" // to connect, or of the reply
	errNoPort  = "no-port" // of the source is free
	errNoFile  = "no-file" // is left to this process
	errWrong   = "wrong"   // reply
	errOther   = "other"
)

// ErrorKinds are the keys of [Reconnected].Errors, in the order in which to show them.
func ErrorKinds() []string {
	return []string{errRefused, errReset, errClosed, errTimeout, errNoPort, errNoFile, errWrong, errOther}
}

func kindOf(err error) string {
	for _, k := range []struct {
		err  error
		kind string
	}{
		{syscall.ECONNREFUSED, errRefused},
		{syscall.ECONNRESET, errReset},
		{syscall.EPIPE, errReset},
		{io.EOF, errClosed},
		{os.ErrDeadlineExceeded, errTimeout},
		{syscall.ETIMEDOUT, errTimeout},
		{syscall.EADDRNOTAVAIL, errNoPort},
		{syscall.EADDRINUSE, errNoPort},
		{syscall.EMFILE, errNoFile},
	} {
		if sockerr.Is(err, k.err) {
			return k.kind
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errTimeout
	}
	return errOther
}

// mostQueued is how many commands may be due while all connections are busy.
const mostQueued = 100_000

// Reconnect sends config.Rate commands a second, each on a connection of its own that it
// closes after the reply, with at most config.Connections at a time. It goes on for
// config.Duration after the warm-up, or until ctx is done. An error means that there is
// nothing to report: the first connection failed, for one.
func Reconnect(ctx context.Context, config Config) (*Reconnected, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Rate == 0 {
		return nil, errors.New("the rate must be at least 1 a second")
	}
	config = config.withDefaults()
	for i, addr := range config.Addrs {
		conn, err := config.connect(ctx, i, addr)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		conn.Close()
	}
	r := &reconnection{
		config: config, epoch: time.Now(), from: int64(config.Warmup),
		due: make(chan turn, mostQueued), used: map[netip.AddrPort]bool{},
		latency: newHistogram(), connected: newHistogram(),
	}
	r.result.Errors = map[string]uint64{}
	r.to = r.from + int64(config.Duration)
	var working sync.WaitGroup
	for i := range config.Connections {
		working.Go(func() { r.work(ctx, i) })
	}
	r.pace(ctx)
	close(r.due)
	working.Wait()
	return r.report(), nil
}

// turn is a command that is due.
type turn struct {
	number int
	at     int64
}

// reconnection is a run of Reconnect.
type reconnection struct {
	config   Config
	epoch    time.Time
	from, to int64 // the measured time, by the clock
	due      chan turn

	mu                 sync.Mutex // guards the fields below
	result             Reconnected
	used               map[netip.AddrPort]bool // of this end
	latency, connected histogram
}

func (r *reconnection) clock() int64 { return int64(time.Since(r.epoch)) }

// pace hands out turns when they are due.
func (r *reconnection) pace(ctx context.Context) {
	sleep := r.config.sleep
	if sleep == nil {
		precise, end := preciseSleep()
		defer end()
		sleep = precise
	}
	if r.config.Begin != nil && r.from == 0 {
		r.config.Begin()
	}
	begun := r.from == 0
	for n := 0; ctx.Err() == nil; n++ {
		at := int64(n)/int64(r.config.Rate)*nanosInSec + int64(n)%int64(r.config.Rate)*nanosInSec/int64(r.config.Rate)
		for now := r.clock(); now < min(at, r.to) && ctx.Err() == nil; now = r.clock() {
			sleep(time.Duration(min(at-now, r.to-now, nanosInSec/10))) // to see the end of ctx
		}
		if !begun && at >= r.from {
			begun = true
			call(r.config.Begin)
		}
		if at >= r.to {
			break
		}
		select {
		case r.due <- turn{n, at}:
		default:
			r.unsent(at)
		}
	}
	r.to = min(r.to, r.clock())
	call(r.config.End)
}

func (r *reconnection) unsent(at int64) {
	if at >= r.from {
		r.mu.Lock()
		r.result.Unsent++
		r.mu.Unlock()
	}
}

// work takes turns.
func (r *reconnection) work(ctx context.Context, worker int) {
	m := r.config.maker(worker)
	a := newAsker(nil, r.config.dialect())
	limit := r.from + int64(r.config.Duration+r.config.Timeout)
	for t := range r.due {
		if ctx.Err() != nil || r.clock() > limit {
			r.unsent(t.at)
			continue
		}
		r.take(a, &m, t)
	}
}

// take connects, sends one command, takes the reply and hangs up.
func (r *reconnection) take(a *asker, m *maker, t turn) {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.Timeout)
	defer cancel()
	addr := r.config.Addrs[t.number%len(r.config.Addrs)]
	conn, err := r.config.connect(ctx, t.number, addr)
	connected := r.clock()
	if err != nil {
		r.count(t, nil, connected, err, "")
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(r.config.Timeout))
	a.conn = conn
	var c command
	m.next(&c, 0, time.Now().UnixNano())
	wrong, err := a.askOne(&c)
	r.count(t, conn, connected, err, wrong)
}

// count takes what came of a turn.
func (r *reconnection) count(t turn, conn net.Conn, connected int64, err error, wrong string) {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.at < r.from {
		return
	}
	if conn != nil {
		if local, ok := conn.LocalAddr().(*net.TCPAddr); ok {
			port := local.AddrPort()
			if r.used[port] {
				r.result.Reused++
			}
			r.used[port] = true
		}
	}
	switch {
	case err != nil:
		r.result.Errors[kindOf(err)]++
		wrong = fmt.Sprintf("%s: %v", r.config.Addrs[t.number%len(r.config.Addrs)], cause(err))
	case wrong != "":
		r.result.Errors[errWrong]++
	default:
		r.result.Commands++
		r.latency.record(now - t.at)
		r.connected.record(connected - t.at)
	}
	if wrong != "" && len(r.result.Samples) < maxSamples {
		r.result.Samples = append(r.result.Samples, wrong)
	}
}

func (r *reconnection) report() *Reconnected {
	result := &r.result
	result.Ports = len(r.used)
	result.Latency, result.Connected = r.latency.latency(), r.connected.latency()
	if result.Seconds = time.Duration(r.to - r.from).Seconds(); result.Seconds > 0 {
		result.PerSecond = float64(result.Commands) / result.Seconds
	}
	return result
}
