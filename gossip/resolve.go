package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	// maxResolved is how many addresses of one seed are tried: whoever answers for a name
	// must not have this node dial the world.
	maxResolved = 64

	// srvPrefix begins a seed that is the name of SRV records (RFC 2782).
	srvPrefix = "srv+"
)

// resolver turns seeds into addresses, anew at each call.
type resolver struct {
	dns    *net.Resolver
	beyond *atomic.Uint64 // addresses that were too many; nil: nobody counts
}

// addresses are those of a seed, as "host:port" with an IP, each once, 64 at the most. A
// host that is a name has all its A and AAAA records; of SRV records those of the lowest
// priority come first, and among equal ones chance decides, by their weights.
func (r resolver) addresses(ctx context.Context, seed string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	var all []string
	var err error
	if name, ok := strings.CutPrefix(seed, srvPrefix); ok {
		all, err = r.services(ctx, name)
	} else {
		all, err = r.host(ctx, seed)
	}
	if beyond := len(all) - maxResolved; beyond > 0 {
		all = all[:maxResolved]
		if r.beyond != nil {
			r.beyond.Add(uint64(beyond))
		}
	}
	return all, err
}

// host is the addresses of host:port.
func (r resolver) host(ctx context.Context, hostport string) ([]string, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return nil, fmt.Errorf("seed %s: %w", hostport, errZone)
		}
		return []string{net.JoinHostPort(ip.Unmap().String(), port)}, nil
	}
	n, err := r.dns.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	return r.named(ctx, host, n)
}

func (r resolver) named(ctx context.Context, name string, port int) ([]string, error) {
	ips, err := r.dns.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ip := range ips {
		if addr := net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(port)); !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all, nil
}

// services are the addresses that the SRV records of a name lead to. A target that can't
// be resolved takes none of the others away; an error is that of the last one.
func (r resolver) services(ctx context.Context, name string) ([]string, error) {
	_, records, err := r.dns.LookupSRV(ctx, "", "", name) // by priority, shuffled by weight
	if len(records) == 0 {
		if err == nil {
			err = errors.New("no record is of use")
		}
		return nil, fmt.Errorf("look up the SRV records of %s: %w", name, err)
	}
	err = nil
	var all []string
	for _, s := range records[:min(len(records), maxResolved)] {
		if s.Target == "." || s.Port == 0 {
			err = fmt.Errorf("the SRV records of %s say that there is no such service", name)
			continue
		}
		found, failed := r.named(ctx, s.Target, int(s.Port)) // its final dot keeps it from the search list
		if failed != nil {
			err = failed
		}
		for _, addr := range found {
			if !slices.Contains(all, addr) {
				all = append(all, addr)
			}
		}
		if len(all) >= maxResolved {
			break
		}
	}
	if len(all) > 0 {
		err = nil
	}
	return all, err
}
