package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"herd/cmd/herd/internal/human"
	"herd/gossip/sockerr"
	"herd/node"
)

// ports are those that can't be bound, unless the node that runs has them.
func (f *Facts) ports() []Finding {
	var all []Finding
	held := 0
	for _, p := range f.Ports {
		flag := "--" + strings.NewReplacer(".", "-", "_", "-").Replace(p.Setting)
		found := fmt.Sprintf("%s %s (%s) ", p.Setting, p.Addr, strings.ToUpper(p.Network))
		switch {
		case p.Err == nil:
		case sockerr.Is(p.Err, syscall.EADDRINUSE) && f.Node.has(p):
			held++
		case sockerr.Is(p.Err, syscall.EADDRINUSE):
			who := "another process"
			if p.Holder != "" {
				who = p.Holder
			}
			all = append(all, fault("ports", found+"is held by "+who, fmt.Sprintf("End that process, or choose another port by %s.", flag)))
		case sockerr.Is(p.Err, syscall.EACCES):
			all = append(all, fault("ports", found+"may not be bound by this user", fmt.Sprintf("Choose a port above 1023 by %s, or grant CAP_NET_BIND_SERVICE.", flag)))
		case sockerr.Is(p.Err, syscall.EADDRNOTAVAIL):
			all = append(all, fault("ports", found+"is not an address of this machine", fmt.Sprintf("Give %s one that it has, or 0.0.0.0 for all.", flag)))
		default:
			all = append(all, fault("ports", found+"can't be bound: "+p.Err.Error(), fmt.Sprintf("Choose another by %s.", flag)))
		}
	}
	switch {
	case all != nil:
	case held > 0:
		all = append(all, ok("ports", "held by the node that runs"))
	default:
		all = append(all, ok("ports", "free"))
	}
	return all
}

// address is whether others can dial what they would be told.
func (f *Facts) address() []Finding {
	const advice = "Give --advertise-addr an address of this machine that the other nodes can dial."
	bound := f.Config.Gossip.Addr
	switch ip := f.Advertised.Addr(); {
	case f.AdvertiseErr != nil:
		return []Finding{fault("address", "there is none to tell other nodes: "+f.AdvertiseErr.Error(), advice)}
	case beyondLoopback(bound) && ip.IsLoopback():
		return []Finding{fault("address", fmt.Sprintf("gossip is bound to %s, and other nodes are told %s, which is each one's own machine", bound, f.Advertised), advice)}
	case !beyondLoopback(bound) && f.farSeed() != "":
		return []Finding{fault("address", fmt.Sprintf("gossip is on loopback, %s, and the seed %s is on another machine, which can't dial back", bound, f.farSeed()),
			"Set --gossip-addr to an address of this machine that the other nodes can dial, or to 0.0.0.0:4132.")}
	case beyondLoopback(bound) && !slices.Contains(f.Own, ip):
		return []Finding{warning("address", fmt.Sprintf("other nodes are told %s, which no interface of this machine has", f.Advertised),
			"That is right behind a NAT that forwards TCP and UDP; otherwise correct --advertise-addr.")}
	}
	return []Finding{ok("address", "other nodes are told %s", f.Advertised)}
}

// farSeed is one that is not on this machine; empty: none is.
func (f *Facts) farSeed() string {
	for _, s := range f.Seeds {
		for _, p := range s.Probes {
			if at, err := netip.ParseAddrPort(p.Addr); err == nil && !at.Addr().Unmap().IsLoopback() {
				return p.Addr
			}
		}
	}
	return ""
}

// itself tells whether a probe met the node that this is about, or would.
func (f *Facts) itself(p node.Probe) bool {
	if p.Stream == nil && f.Node != nil && f.Node.Self.Origin != "" {
		return fmt.Sprintf("%016x", uint64(p.Origin)) == f.Node.Self.Origin
	}
	return f.AdvertiseErr == nil && p.Addr == f.Advertised.String()
}

// clock compares this machine's with those of the nodes that were asked.
func (f *Facts) clock() []Finding {
	if y := f.Now.Year(); y < 2025 || y > 2100 {
		return []Finding{fault("clock", "it says "+f.Now.UTC().Format(time.DateTime), "Set it, and have NTP keep it.")}
	}
	var ahead []time.Duration // of others
	var doubt time.Duration
	for _, p := range f.answers() {
		if p.Timed && !f.itself(p) {
			ahead = append(ahead, p.Ahead)
			doubt = max(doubt, p.Error)
		}
	}
	if len(ahead) == 0 {
		return []Finding{ok("clock", "%s; no other node told its time", f.Now.UTC().Format(time.DateTime))}
	}
	slices.Sort(ahead)
	d := -ahead[len(ahead)/2]
	if other := -ahead[(len(ahead)-1)/2]; other.Abs() < d.Abs() {
		d = other // of two in the middle, as nodes do
	}
	side := "ahead of"
	if d < 0 {
		side = "behind"
	}
	found := fmt.Sprintf("%s %s that of %s", d.Abs().Round(time.Millisecond), side, human.Count(len(ahead), "node"))
	switch limit := f.Config.Herd.MaxClientAhead / 2; {
	case d.Abs()-doubt > limit:
		return []Finding{fault("clock", fmt.Sprintf("%s; %s may be, half of max_client_ahead", found, limit), "Set it, and have NTP keep it: look at this machine first, then at the others.")}
	case d.Abs()-doubt > time.Second:
		return []Finding{warning("clock", found, "Have NTP keep it: differences between client and node are shown wrong by that much.")}
	}
	return []Finding{ok("clock", "within %s of %s", max(d.Abs(), doubt).Round(time.Millisecond)+time.Millisecond, human.Count(len(ahead), "node"))}
}

// answers are the probes of all who proved the key, each node once.
func (f *Facts) answers() []node.Probe {
	var all []node.Probe
	for _, s := range f.Seeds {
		all = append(all, s.Probes...)
	}
	all = append(all, f.Members...)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(p node.Probe) bool {
		id := fmt.Sprint(p.Origin)
		again := seen[id]
		seen[id] = seen[id] || p.Stream == nil
		return p.Stream != nil || again
	})
}

// seeds is whether one lets this node join.
func (f *Facts) seeds() []Finding {
	if len(f.Seeds) == 0 {
		return []Finding{ok("seeds", "none: the node begins a herd of its own")}
	}
	var wrong []Finding
	good, others := 0, 0
	for _, s := range f.Seeds {
		if s.Err != nil {
			others++
			wrong = append(wrong, fault("seeds", fmt.Sprintf("%s: %s", s.Text, s.Err), unresolved+" or have the name resolved; the node tries it again for ever."))
			continue
		}
		for _, p := range s.Probes {
			if f.itself(p) {
				continue
			}
			others++
			if w := unwell(p); w != nil {
				wrong = append(wrong, *w)
			} else {
				good++
			}
		}
	}
	for i := range wrong {
		wrong[i].Check = "seeds"
		if good > 0 && (strings.HasSuffix(wrong[i].Found, silent) || strings.HasPrefix(wrong[i].Advice, unresolved)) {
			wrong[i].Status = Warning // one that answers is enough
		}
	}
	if others == 0 {
		return []Finding{ok("seeds", "this node itself alone")}
	}
	if good > 0 {
		wrong = append(wrong, ok("seeds", "%d of %d take this node, by TCP and UDP", good, others))
	}
	return wrong
}

// unresolved begins the advice on a seed that is no address.
const unresolved = "Correct --join,"

// silent ends what is found of a node that is not there.
const silent = "does not answer by TCP"

// unwell is what is wrong with the ways to a node, nil if nothing is.
func unwell(p node.Probe) *Finding {
	who := p.Addr
	if p.Peer != "" {
		who = fmt.Sprintf("%s (%q)", p.Addr, p.Peer)
	}
	_, port, _ := net.SplitHostPort(p.Addr)
	var key *node.KeyError
	var f Finding
	switch {
	case errors.As(p.Stream, &key) && p.OtherLabel:
		f = fault("", who+" has this gossip key and no label", "Give all nodes of the herd one gossip.label, or none.")
	case errors.As(p.Stream, &key):
		f = fault("", fmt.Sprintf("%s: %s", who, key.Reason), "Copy its key file, and gossip.label, to this node, or correct --join if it is of another herd.")
	case sockerr.Is(p.Stream, syscall.ECONNREFUSED):
		f = fault("", "nobody listens there: "+who+" "+silent, fmt.Sprintf("Start that node, correct the address, or let TCP through to port %s there.", port))
	case p.Stream != nil && p.Packet == nil:
		f = fault("", fmt.Sprintf("%s answers by UDP and %s: %v", who, silent, p.Stream), fmt.Sprintf("Let TCP through to port %s there, both ways.", port))
	case errors.Is(p.Stream, context.DeadlineExceeded):
		f = fault("", fmt.Sprintf("no answer in time: %s %s", who, silent), fmt.Sprintf("Correct the address, or let TCP and UDP through to port %s there.", port))
	case p.Stream != nil:
		f = fault("", fmt.Sprintf("%v: %s %s", p.Stream, who, silent), fmt.Sprintf("See whether a node listens there, and let TCP and UDP through to port %s.", port))
	case p.Packet != nil:
		f = fault("", who+" answers by TCP and not by UDP", fmt.Sprintf("Let UDP through to port %s there, and the answers back.", port))
	default:
		return nil
	}
	return &f
}

// name is whether another live node goes by it.
func (f *Facts) name() []Finding {
	for _, p := range f.answers() {
		for _, h := range p.Holders {
			self := f.Node != nil && f.Node.Self.Origin == fmt.Sprintf("%016x", uint64(h.Origin))
			// At this node's address it is the one that ran here before.
			if self || f.Node != nil && f.Node.Refusal != "" || f.AdvertiseErr == nil && h.Gossip == f.Advertised.String() {
				continue
			}
			return []Finding{fault("name", fmt.Sprintf("%q is the name of a live node at %s", f.Config.Name, h.Gossip), "Give this node another by --name, or end that one first.")}
		}
	}
	return nil
}
