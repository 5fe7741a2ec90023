package gossip

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// book is the addresses at which a member may be found: the seeds as they were
// given, and every member seen lately, in an earlier life of this node too if it has
// a file. memberlist forgets the dead soon and never calls them again; the book is
// why a herd that was cut in two heals. It is safe for concurrent use.
type book struct {
	own string   // this node's advertised address
	dns resolver // of seeds

	addresses func(ctx context.Context, seed string) ([]string, error) // dns's; tests have their own

	beyond atomic.Uint64 // addresses of seeds that were left out

	recalled []string // addresses of an earlier life, the one seen last first; set once

	mu    sync.Mutex          // guards the fields below
	seeds []string            // as given, replaced as a whole: host:port, or "srv+" and a name
	tried map[string][]string // by seed, its addresses that have had their turn in this round
	found map[string]lookup   // by seed, what it led to
	seen  map[string]time.Time

	next, nextSeed int // where the next search begins, so that all get their turn
}

// lookup is what a seed led to.
type lookup struct {
	addrs []string
	at    time.Time
}

func newBook(own string, seeds []string, dns *net.Resolver) *book {
	b := &book{
		own: own, seeds: seeds,
		tried: make(map[string][]string), found: make(map[string]lookup), seen: make(map[string]time.Time),
	}
	b.dns = resolver{dns, &b.beyond}
	b.addresses = b.dns.addresses
	return b
}

// given is the seeds.
func (b *book) given() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seeds
}

// give has these be the seeds from now on.
func (b *book) give(seeds []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seeds, b.tried, b.found = seeds, make(map[string][]string), make(map[string]lookup)
}

// note takes in who is there now, and takes out who left: an address without a
// node is no loss, and whoever comes back says so itself. members is all that the member table has:
// who left may be back elsewhere, by the same name.
func (b *book) note(members []Member) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	last := make(map[string]*Member) // by address, who was learned of last, and is or was there
	for i := range members {
		m := &members[i]
		if l := last[m.Gossip]; l == nil || m.seen.After(l.seen) || l.State == Left && !l.seen.After(m.seen) {
			last[m.Gossip] = m
		}
	}
	for addr, m := range last {
		switch {
		case m.Self:
		case m.State.live():
			if _, known := b.seen[addr]; !known && len(b.seen) >= maxMembers {
				b.forgetOldestLocked()
			}
			b.seen[addr] = now
		case m.State == Left:
			delete(b.seen, addr)
		}
	}
	for addr, at := range b.seen {
		if now.Sub(at) > remember {
			delete(b.seen, addr)
		}
	}
}

// forgetOldestLocked makes room.
func (b *book) forgetOldestLocked() {
	oldest := ""
	for addr, at := range b.seen {
		if oldest == "" || at.Before(b.seen[oldest]) {
			oldest = addr
		}
	}
	delete(b.seen, oldest)
}

// owns tells whether an address is this node's and nobody else's.
func (b *book) owns(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return addr == b.own || err == nil && isLoopback(host)
}

const (
	lately      = 4                // members that were seen last: of a herd that was cut in two, some of the other half
	lookedUp    = 10 * time.Second // how long what a seed's name led to is good for
	lookedUpAll = 30 * time.Second // likewise, while members are at all of its addresses
)

// missing picks an address at which no live member is, to be tried: one of a seed, of one of
// the members seen last, and of any other, by turns. So those where nobody is any more, however many
// they are, take no more than their share. Empty: nobody is missing. A node that is alone looks up the
// seeds' names at each call, and others now and then.
func (b *book) missing(ctx context.Context, members []Member) string {
	there, alone := map[string]bool{b.own: true}, true
	for _, m := range members {
		if m.State.live() {
			there[m.Gossip], alone = true, alone && m.Self
		}
	}
	lost, seeds, first := b.lost(there)
	late, rest := lost[:min(len(lost), lately)], lost[min(len(lost), lately):]
	for i := range 3 {
		addr := ""
		switch turn := first + i; turn % 3 {
		case 0:
			addr = b.missingSeed(ctx, seeds, there, alone)
		case 1:
			addr = one(late, first/3)
		case 2:
			addr = one(rest, rand.Int())
		}
		if addr != "" {
			return addr
		}
	}
	return ""
}

// one is one of some addresses; empty: there are none.
func one(addrs []string, turn int) string {
	if len(addrs) == 0 {
		return ""
	}
	return addrs[turn%len(addrs)]
}

// lost is the addresses that are not there, the one seen last first, with the seeds, and whose
// turn it is.
func (b *book) lost(there map[string]bool) (lost, seeds []string, turn int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for addr := range b.seen {
		if !there[addr] {
			lost = append(lost, addr)
		}
	}
	slices.SortFunc(lost, func(x, y string) int {
		return cmp.Or(b.seen[y].Compare(b.seen[x]), strings.Compare(x, y))
	})
	b.next++
	return lost, b.seeds, b.next
}

// missingSeed is an address of a seed at which nobody is, if there is one. Seeds take turns.
func (b *book) missingSeed(ctx context.Context, seeds []string, there map[string]bool, alone bool) string {
	b.mu.Lock()
	b.nextSeed++
	first := b.nextSeed
	b.mu.Unlock()
	for i := range seeds {
		seed := seeds[(first+i)%len(seeds)]
		addrs := slices.DeleteFunc(b.lookUp(ctx, seed, there, alone), func(a string) bool { return there[a] })
		if len(addrs) > 0 {
			return b.turn(seed, addrs)
		}
	}
	return ""
}

// lookUp is the addresses of a seed, which may have been looked up a while ago. The
// caller may change it.
func (b *book) lookUp(ctx context.Context, seed string, there map[string]bool, alone bool) []string {
	b.mu.Lock()
	last, known := b.found[seed]
	b.mu.Unlock()
	good := lookedUp
	if len(last.addrs) > 0 && !slices.ContainsFunc(last.addrs, func(a string) bool { return !there[a] }) {
		good = lookedUpAll
	}
	if !known || alone || time.Since(last.at) > good {
		addrs, _ := b.addresses(ctx, seed) // a name that is not known today may be tomorrow
		last = lookup{addrs, time.Now()}
		b.mu.Lock()
		if slices.Contains(b.seeds, seed) {
			b.found[seed] = last
		}
		b.mu.Unlock()
	}
	return slices.Clone(last.addrs)
}

// turn picks one of a seed's addresses, of which there are some: the first one that has not
// had its turn, so that all have one, in their order, before any has another.
func (b *book) turn(seed string, addrs []string) string {
	if len(addrs) == 1 {
		return addrs[0]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tried[seed]) > maxResolved { // its records change all the time
		delete(b.tried, seed)
	}
	i := slices.IndexFunc(addrs, func(a string) bool { return !slices.Contains(b.tried[seed], a) })
	if i < 0 {
		i = 0
		delete(b.tried, seed)
	}
	b.tried[seed] = append(b.tried[seed], addrs[i])
	return addrs[i]
}
