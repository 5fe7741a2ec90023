package load

import (
	"fmt"
	"slices"
	"strings"
)

// Protocol is what the servers speak, and which of their commands are sent.
type Protocol string

// The protocols. Each has the same clients at the same places.
const (
	Herd           Protocol = "herd"            // IAMAT and WHATSAT
	RedisSet       Protocol = "redis-set"       // SET, the client's position and time as text
	RedisGeoAdd    Protocol = "redis-geoadd"    // GEOADD
	RedisGeoSearch Protocol = "redis-geosearch" // GEOSEARCH around a client
)

// Protocols are all of them.
func Protocols() []Protocol { return []Protocol{Herd, RedisSet, RedisGeoAdd, RedisGeoSearch} }

func (p Protocol) validate(updates, queries int) error {
	switch {
	case !slices.Contains(Protocols(), p):
		var names []string
		for _, known := range Protocols() {
			names = append(names, string(known))
		}
		return fmt.Errorf("the protocol must be one of %s", strings.Join(names, ", "))
	case p != Herd && updates+queries > 0:
		return fmt.Errorf("%s is one command, not a mix", p)
	}
	return nil
}

// dialect is a protocol as connections speak it. It is used by one goroutine after
// another.
type dialect interface {
	// append writes the text of a command.
	append(b []byte, c *command) []byte
	// frame is the length of the whole reply to c that b begins with; 0 if it is not
	// all there.
	frame(c *command, b []byte) int
	// check says what is wrong with a reply; empty if nothing is. It may use scratch.
	check(c *command, reply, scratch []byte) string
	// shows tells whether the reply to a query shows what c, an update, has written.
	shows(c *command, reply, scratch []byte) bool
	// results is how many results were counted in how many replies to queries.
	results() (n, replies uint64)
}

// dialect makes what one connection speaks.
func (c *Config) dialect() dialect {
	switch {
	case c.Protocol == Herd && c.Near && c.Queries > 0:
		return newNearDialect(c)
	case c.Protocol == Herd:
		return newHerdDialect(c.Radius, c.Limit)
	}
	d := newRedisDialect(c.Protocol, c.Radius, c.Limit)
	d.near, d.truth = c.Near, c.truth
	return d
}
