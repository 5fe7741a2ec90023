package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Bounds of what may be asked for: this is a tool, and a slip of the finger should
// not take a machine down.
const (
	maxConnections = 50_000
	maxClients     = 100_000_000
	maxRate        = 10_000_000 // commands a second
	MaxPipeline    = 1024
	MaxBurst       = 10_000
	maxNear        = 1000    // results of a query who is near
	maxStep        = 100_000 // metres
	MaxDuration    = 24 * time.Hour
)

// Config is a load. Addrs, Connections, Clients and Duration have no default.
type Config struct {
	Addrs    []string     // host:port of the servers; connections are spread over them
	Sources  []netip.Addr // addresses to connect from, in turn; none: the system's choice
	Protocol Protocol

	Connections int
	Clients     int // how many clients the commands are about
	Rate        int // commands a second in all, in the open loop; 0: the closed loop
	Pipeline    int // closed loop: commands under way on a connection; 0 is 1

	Burst int // [Converge]: clients that are written at once; 0 is 1

	Warmup   time.Duration // load before what is measured
	Duration time.Duration // what is measured
	Timeout  time.Duration // how long the last replies are waited for; 0: 5 s

	// Of Updates+Queries commands, so many are of that kind. Both zero: updates, or
	// queries if the protocol has nothing else. With queries, all clients are stored
	// first.
	Updates, Queries int
	Step             int // metres north, south, east or west of its home that a client keeps within; 0: it is anywhere
	Radius           int // km around a client that a query looks
	Limit            int // results of a query

	// Near has queries ask who is near points, where clients are that never move, and
	// replies are compared with what is true. A herd is asked at the HTTP addresses Addrs,
	// and its clients are stored at the addresses Store.
	Near          bool
	Store         []string
	Authorization string // the header of questions over HTTP, a secret; empty: none

	Seed uint64 // of everything random

	// Begin and End are called when the measured time begins and ends, while the load
	// goes on; Progress after every second of it. Any may be nil.
	Begin, End func()
	Progress   func(Second)

	// TLS has connections speak TLS, each with a handshake of its own; nil: in the clear. It
	// is not changed, and need not have a ServerName: that is the host of the address.
	TLS *tls.Config

	// Dial replaces the network: it connects to addr from source, if that is valid.
	Dial func(ctx context.Context, addr string, source netip.Addr) (net.Conn, error)

	sleep func(time.Duration) // replaces the precise sleep in tests
	truth *truth              // what replies are compared with; nil: nothing
}

// Validate names the first field that is out of bounds.
func (c *Config) Validate() error {
	switch {
	case len(c.Addrs) == 0:
		return errors.New("no address")
	case c.Connections < 1 || c.Connections > maxConnections:
		return fmt.Errorf("connections must be from 1 to %d", maxConnections)
	case c.Clients < 1 || c.Clients > maxClients:
		return fmt.Errorf("clients must be from 1 to %d", maxClients)
	case c.Rate < 0 || c.Rate > maxRate:
		return fmt.Errorf("the rate must be from 0 to %d a second", maxRate)
	case c.Pipeline < 0 || c.Pipeline > MaxPipeline:
		return fmt.Errorf("the pipeline must be from 1 to %d", MaxPipeline)
	case c.Burst < 0 || c.Burst > MaxBurst:
		return fmt.Errorf("the burst must be from 1 to %d", MaxBurst)
	case c.Duration <= 0 || c.Warmup < 0 || c.Duration > MaxDuration || c.Warmup > MaxDuration:
		return fmt.Errorf("the duration must be more than 0s and at most %s", MaxDuration)
	case c.Updates < 0 || c.Queries < 0 || c.Updates > maxShare || c.Queries > maxShare:
		return fmt.Errorf("the parts of a mix must be from 0 to %d", maxShare)
	case c.Step < 0 || c.Step > maxStep:
		return fmt.Errorf("the step must be from 0 to %d metres", maxStep)
	case c.Radius < 0 || c.Radius > 50:
		return errors.New("the radius must be from 0 to 50 km")
	case c.Limit < 0 || c.Limit > 20 && !c.Near:
		return errors.New("the limit must be from 0 to 20")
	case c.Near && (c.Limit < 1 || c.Limit > maxNear):
		return fmt.Errorf("the limit must be from 1 to %d", maxNear)
	case c.Near && c.Protocol != Herd && c.Protocol != RedisGeoSearch:
		return fmt.Errorf("%s does not tell who is near", c.Protocol)
	}
	if strings.ContainsAny(c.Authorization, "\r\n") {
		return errors.New("the authorization is no header of HTTP")
	}
	for _, addr := range c.Addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("%q is not an address: %w", addr, err)
		}
	}
	return c.Protocol.validate(c.Updates, c.Queries)
}

// maxShare bounds one side of a mix.
const maxShare = 1_000_000

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.Updates == 0 && c.Queries == 0 {
		c.Updates = 1
		if c.Protocol == RedisGeoSearch || c.Near {
			c.Updates, c.Queries = 0, 1
		}
	}
	c.Pipeline, c.Burst = max(c.Pipeline, 1), max(c.Burst, 1)
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Dial == nil {
		c.Dial = dial
	}
	return c
}

// dialTimeout is for a connection to be made, and as long again for a handshake.
const dialTimeout = 10 * time.Second

func dial(ctx context.Context, addr string, source netip.Addr) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1, Control: latePort}
	if source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	return d.DialContext(ctx, "tcp", addr)
}

// connect makes the i-th connection of a run.
func (c *Config) connect(ctx context.Context, i int, addr string) (net.Conn, error) {
	var source netip.Addr
	if len(c.Sources) > 0 {
		source = c.Sources[i%len(c.Sources)]
	}
	conn, err := c.Dial(ctx, addr, source)
	if err != nil || c.TLS == nil {
		return conn, err
	}
	return c.secure(ctx, conn, addr)
}

// ErrHandshake is wrapped by errors of servers that are there and can't be agreed with over TLS.
var ErrHandshake = errors.New("TLS handshake")

// secure shakes hands over conn, which it closes if that fails.
func (c *Config) secure(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	settings := c.TLS
	if settings.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		settings = settings.Clone()
		settings.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	secured := tls.Client(conn, settings)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w with %s: %w", ErrHandshake, addr, err)
	}
	return secured, nil
}
