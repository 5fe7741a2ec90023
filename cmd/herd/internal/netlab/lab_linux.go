package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
)

// MaxHosts is how many hosts a lab has at most.
const MaxHosts = 250

// Lab is a network of hosts. It is safe for concurrent use.
type Lab struct {
	Hosts []*Host

	net    netip.Addr // the network's address, of 24 bits
	sw     *swtch
	closed sync.Once
}

// Missing says what a lab lacks here, in a few words; empty: nothing.
func Missing() string {
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	f, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err != nil {
		return "a lab needs " + tunDevice
	}
	f.Close()
	return ""
}

// New makes a lab of n hosts without faults. The seed is of everything random. Whoever
// has it has to Close it.
func New(n int, seed uint64) (*Lab, error) {
	if n < 1 || n > MaxHosts {
		return nil, fmt.Errorf("netlab: %d hosts, want 1 to %d", n, MaxHosts)
	}
	l := &Lab{}
	var err error
	if l.net, err = guard(); err != nil {
		return nil, fmt.Errorf("netlab: refuse the lab's addresses outside of it: %w", err)
	}
	for i := range n {
		h, err := newHost(hostAddr(l.net, i))
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("netlab: host %d: %w", i, err)
		}
		l.Hosts = append(l.Hosts, h)
	}
	l.sw = newSwitch(l.Hosts, seed)
	return l, nil
}

// Close kills what runs in the hosts and takes them away.
func (l *Lab) Close() (err error) {
	l.closed.Do(func() {
		var errs []error
		for _, h := range l.Hosts {
			errs = append(errs, h.close())
		}
		if l.sw != nil {
			l.sw.close()
		}
		errs = append(errs, unguard(l.net))
		err = errors.Join(errs...)
	})
	return err
}

// Set gives the links from each of some hosts to each of others, one way, what they do
// from now on. Hosts are numbered from 0; nil is all of them.
func (l *Lab) Set(from, to []int, link Link) {
	for _, a := range l.orAll(from) {
		for _, b := range l.orAll(to) {
			if a != b {
				l.sw.set(a, b, link)
			}
		}
	}
}

// SetBoth is Set for both ways.
func (l *Lab) SetBoth(a, b []int, link Link) {
	l.Set(a, b, link)
	l.Set(b, a, link)
}

// Heal ends all faults of links. What is under way arrives when it would have.
func (l *Lab) Heal() { l.Set(nil, nil, Link{}) }

// Counts are what became of packets so far.
func (l *Lab) Counts() Counts { return l.sw.total() }

func (l *Lab) orAll(hosts []int) []int {
	if hosts != nil {
		return hosts
	}
	all := make([]int, len(l.Hosts))
	for i := range all {
		all[i] = i
	}
	return all
}

// hostAddr is the address of host i of a network.
func hostAddr(network netip.Addr, i int) netip.Addr {
	a := network.As4()
	a[3] = byte(i + 1)
	return netip.AddrFrom4(a)
}
