package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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

// advertised is the address that peers are told to reach this node at: want, a host or host:port, if
// given; else the bound one; else, if bound to every interface, one of this machine.
func advertised(ctx context.Context, want string, bound net.Addr) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("bound gossip address: %w", err)
	}
	switch {
	case want != "":
		got, err := parseAdvertise(ctx, want, at)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("advertise address %q: %w", want, err)
		}
		return got, nil
	case at.Addr().IsUnspecified():
		ip, err := ownIP(at.Addr().Is4())
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("bound to %v and no advertise address is given: %w", at, err)
		}
		return netip.AddrPortFrom(ip, at.Port()), nil
	case at.Addr().Zone() != "":
		return netip.AddrPort{}, fmt.Errorf("bound to %v and no advertise address is given: %w", at, errZone)
	}
	return at, nil
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
// Of a name with several addresses it takes one of the bound family, if there is any.
func parseAdvertise(ctx context.Context, s string, bound netip.AddrPort) (netip.AddrPort, error) {
	host, port := strings.Trim(s, "[]"), bound.Port()
	if h, p, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("port %q: want 0 to 65535", p)
		}
		host = h
		if n != 0 {
			port = uint16(n)
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return netip.AddrPort{}, err
		}
		ip = ofFamily(found, bound.Addr())
	}
	if ip.IsUnspecified() {
		return netip.AddrPort{}, errors.New("peers cannot reach an unspecified address")
	}
	if ip.Zone() != "" {
		return netip.AddrPort{}, errZone
	}
	return netip.AddrPortFrom(ip.Unmap(), port), nil
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

// ownIP picks an address of this machine: private in the sense of RFC 6890, the
// interface of the default route first; else any that other machines may reach. It
// is an IPv4 address if peers could not reach another.
func ownIP(only4 bool) (netip.Addr, error) {
	private, err := sockaddr.GetPrivateInterfaces()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list interfaces: %w", err)
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
		return netip.Addr{}, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			found = append(found, p.Addr())
		}
	}
	for _, ip := range found {
		if ip.Is4() || !only4 {
			return ip, nil
		}
	}
	return netip.Addr{}, errors.New("no address is up: give an advertise address")
}
