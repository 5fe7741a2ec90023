package gossip

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// book is the addresses at which a member may be found: the seeds as they were
// given, and every member seen lately, in an earlier life of this node too if it has a file. memberlist forgets the dead soon and
// never calls them again; the book is why a herd that was cut in two heals. It is
// safe for concurrent use.
type book struct {
	own   string   // this node's advertised address
	seeds []string // host:port, as given

	recalled []string // addresses of an earlier life, the one seen last first; set once

	mu   sync.Mutex // guards the fields below
	seen map[string]time.Time
	next int // where the next search begins, so that all get their turn
}

func newBook(own string, seeds []string) *book {
	return &book{own: own, seeds: seeds, seen: make(map[string]time.Time)}
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
	entries := append([]string(nil), b.seeds...)
	for addr := range b.seen {
		entries = append(entries, addr)
	}
	b.next++
	first := b.next
	b.mu.Unlock()
	rand.Shuffle(len(entries)-len(b.seeds), func(i, j int) {
		i, j = i+len(b.seeds), j+len(b.seeds)
		entries[i], entries[j] = entries[j], entries[i]
	})
	for i := range entries {
		addrs, err := resolve(ctx, entries[(first+i)%len(entries)])
		if err != nil {
			continue // a name that is not known today may be tomorrow
		}
		addrs = slices.DeleteFunc(addrs, func(a string) bool { return there[a] })
		if len(addrs) > 0 {
			return addrs[rand.IntN(len(addrs))]
		}
	}
	return ""
}

// resolve turns host:port into addresses, by DNS if the host is a name.
func resolve(ctx context.Context, hostport string) ([]string, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []string{net.JoinHostPort(ip.Unmap().String(), port)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ip := range ips {
		all = append(all, net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(n)))
	}
	return all, nil
}
