package gossip

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
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

	beyond atomic.Uint64 // addresses of seeds that were left out

	recalled []string // addresses of an earlier life, the one seen last first; set once

	mu    sync.Mutex          // guards the fields below
	seeds []string            // as given, replaced as a whole: host:port, or "srv+" and a name
	tried map[string][]string // by seed, its addresses that have had their turn in this round
	seen  map[string]time.Time
	next  int // where the next search begins, so that all get their turn
}

func newBook(own string, seeds []string, dns *net.Resolver) *book {
	b := &book{
		own: own, seeds: seeds,
		tried: make(map[string][]string), seen: make(map[string]time.Time),
	}
	b.dns = resolver{dns, &b.beyond}
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
	b.seeds, b.tried = seeds, make(map[string][]string)
}

// note takes in who is there now, and takes out who left: an address without a
// node is no loss, and whoever comes back says so itself.
func (b *book) note(members []Member) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := make(map[string]bool) // somebody is there, or was and did not leave
	for _, m := range members {
		kept[m.Gossip] = kept[m.Gossip] || m.State != Left
	}
	for _, m := range members {
		switch {
		case m.Self:
		case m.State.live():
			if _, known := b.seen[m.Gossip]; !known && len(b.seen) >= maxMembers {
				b.forgetOldestLocked()
			}
			b.seen[m.Gossip] = now
		case !kept[m.Gossip]:
			delete(b.seen, m.Gossip)
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

// missing picks an address at which no live member is, to be tried. Empty: nobody
// is missing. Names are resolved anew at each call.
func (b *book) missing(ctx context.Context, members []Member) string {
	there := map[string]bool{b.own: true}
	for _, m := range members {
		if m.State.live() {
			there[m.Gossip] = true
		}
	}
	b.mu.Lock()
	seeds := len(b.seeds)
	entries := append([]string(nil), b.seeds...)
	for addr := range b.seen {
		entries = append(entries, addr)
	}
	b.next++
	first := b.next
	b.mu.Unlock()
	rand.Shuffle(len(entries)-seeds, func(i, j int) {
		i, j = i+seeds, j+seeds
		entries[i], entries[j] = entries[j], entries[i]
	})
	for i := range entries {
		entry := entries[(first+i)%len(entries)]
		addrs, err := b.dns.addresses(ctx, entry)
		if err != nil {
			continue // a name that is not known today may be tomorrow
		}
		addrs = slices.DeleteFunc(addrs, func(a string) bool { return there[a] })
		if len(addrs) > 0 {
			return b.turn(entry, addrs)
		}
	}
	return ""
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
