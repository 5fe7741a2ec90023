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
	"time"

	"github.com/hashicorp/go-sockaddr"
)

// resolveTimeout bounds the look-up of an advertise address given as a host name.
const resolveTimeout = 5 * time.Second

// errZone says why an address can't be a member's: memberlist knows none with a zone, and to
// another machine that would mean another link.
var errZone = errors.New("peers cannot reach an address with a zone: give one without")

// advertised is the address that peers are told to reach this node at: the first of reachedAt.
func advertised(ctx context.Context, want string, bound net.Addr) (netip.AddrPort, error) {
	all, err := reachedAt(ctx, want, bound)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return all[0], nil
}

// reachedAt is the addresses that this node may be reached at, the best first: want, a host or
// host:port, if given; else the bound one; else, if bound to every interface, those of this machine.
func reachedAt(ctx context.Context, want string, bound net.Addr) ([]netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		return nil, fmt.Errorf("bound gossip address: %w", err)
	}
	switch {
	case want != "":
		all, err := parseAdvertise(ctx, want, at)
		if err != nil {
			return nil, fmt.Errorf("advertise address %q: %w", want, err)
		}
		return all, nil
	case at.Addr().IsUnspecified():
		ips, err := ownIPs(at.Addr().Is4())
		if err != nil {
			return nil, fmt.Errorf("bound to %v and no advertise address is given: %w", at, err)
		}
		return withPort(ips, at.Port()), nil
	case at.Addr().Zone() != "":
		return nil, fmt.Errorf("bound to %v and no advertise address is given: %w", at, errZone)
	}
	return []netip.AddrPort{at}, nil
}

func withPort(ips []netip.Addr, port uint16) []netip.AddrPort {
	all := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		all[i] = netip.AddrPortFrom(ip.Unmap(), port)
	}
	return all
}

// movedTo is another address than the one that members were told, if that is none of this
// node's any more; else it is not valid. To be reached nowhere, for an interface is down, is not to be
// reached elsewhere.
func (c *Cluster) movedTo(ctx context.Context) netip.AddrPort {
	all, err := c.reachedAt(ctx)
	if err != nil || slices.Contains(all, c.transport.Advertised()) {
		return netip.AddrPort{}
	}
	return all[0]
}

// reachable is an address as other members are told it: of a port that is bound to
// every interface, at the address that this node is reached at.
func reachable(addr string, self netip.Addr) string {
	if at, err := netip.ParseAddrPort(addr); err == nil && at.Addr().IsUnspecified() {
		return netip.AddrPortFrom(self, at.Port()).String()
	}
	return addr
}

// parseAdvertise reads a host or host:port. A missing port, or port 0, is the bound one.
// Of a name with several addresses the first is one of the bound family, if there is any.
func parseAdvertise(ctx context.Context, s string, bound netip.AddrPort) ([]netip.AddrPort, error) {
	host, port := strings.Trim(s, "[]"), bound.Port()
	if h, p, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("port %q: want 0 to 65535", p)
		}
		host = h
		if n != 0 {
			port = uint16(n)
		}
	}
	var found []netip.Addr
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		if found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
		ip = ofFamily(found, bound.Addr())
	}
	if ip.IsUnspecified() {
		return nil, errors.New("peers cannot reach an unspecified address")
	}
	if ip.Zone() != "" {
		return nil, errZone
	}
	return withPort(append([]netip.Addr{ip}, found...), port), nil
}

// ofFamily is the first address that is IPv4 or IPv6 as like is; else the first.
func ofFamily(found []netip.Addr, like netip.Addr) netip.Addr {
	for _, ip := range found {
		if ip.Unmap().Is4() == like.Is4() {
			return ip
		}
	}
	return found[0]
}

// ownIPs is the addresses of this machine, one at least: those private in the sense of RFC 6890, the
// interface of the default route first; then any that other machines may reach. They
// are IPv4 addresses if peers could not reach others.
func ownIPs(only4 bool) ([]netip.Addr, error) {
	private, err := sockaddr.GetPrivateInterfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var found []netip.Addr
	for _, i := range private {
		if a := sockaddr.ToIPAddr(i.SockAddr); a != nil {
			if ip, ok := netip.AddrFromSlice(*(*a).NetIP()); ok {
				found = append(found, ip.Unmap())
			}
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			found = append(found, p.Addr())
		}
	}
	found = slices.DeleteFunc(found, func(ip netip.Addr) bool { return only4 && !ip.Is4() })
	if len(found) == 0 {
		return nil, errors.New("no address is up: give an advertise address")
	}
	return found, nil
}
