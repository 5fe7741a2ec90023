package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Validate checks every field and what fields demand of each other. The error
// is an [*Error] with all there is to say. Load has done it already.
func (c Config) Validate() error {
	var e Error
	for _, p := range c.problems() {
		e.add(p.diagnostic())
	}
	return e.orNil()
}

// problem is something wrong with the value of a field, wherever it came from;
// or with the values of two, which then are equally to blame.
type problem struct {
	field, detail, other string
}

func (c *Config) problems() []problem {
	var found []problem
	for _, r := range table(c) {
		if !r.value.valid() {
			found = append(found, problem{field: r.name, detail: mustBe(r)})
		}
	}
	return slices.Concat(found, c.clashes(), c.zones(), c.openChaos(), c.nowhere(), c.Places.problems())
}

// openChaos finds faults on command for everybody.
func (c *Config) openChaos() []problem {
	host, _, err := net.SplitHostPort(c.HTTP.Addr)
	if !c.Chaos || c.InsecureChaos || err != nil || loopback(host) { // an address that is none has been told
		return nil
	}
	return []problem{{
		field: "chaos", other: "http.addr",
		detail: fmt.Sprintf("With chaos, whoever reaches the HTTP address %s can pause and kill this node. Keep http.addr on loopback, or set insecure_chaos = true if the network keeps strangers out.", c.HTTP.Addr),
	}}
}

// nowhere finds answers that would wait for a disk that there is none of.
func (c *Config) nowhere() []problem {
	if c.Storage.Sync != "always" || c.Storage.DataDir != "" {
		return nil
	}
	return []problem{{
		field: "storage.sync", other: "storage.data_dir",
		detail: `With "always" a report is answered when it is on disk, and this node keeps nothing there. Set storage.data_dir, or leave storage.sync out.`,
	}}
}

func mustBe(r row) string { return "It must be " + r.value.allowed + "." }

// zones finds addresses of members that only some machines understand.
func (c *Config) zones() []problem {
	var found []problem
	add := func(field, addr string) {
		if hasZone(addr) {
			found = append(found, problem{
				field:  field,
				detail: fmt.Sprintf("%s has a zone, and members know each other by addresses that mean the same on all machines. Give one without a zone.", addr),
			})
		}
	}
	add("gossip.advertise_addr", c.Gossip.AdvertiseAddr)
	for _, seed := range c.Gossip.Join {
		add("gossip.join", seed)
	}
	if c.Gossip.AdvertiseAddr == "" && hasZone(c.Gossip.Addr) {
		found = append(found, problem{
			field:  "gossip.addr",
			detail: fmt.Sprintf("Other machines can't dial %s: its zone means nothing to them. Set gossip.advertise_addr to an address without one, or bind another.", c.Gossip.Addr),
		})
	}
	return found
}

func hasZone(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && strings.Contains(host, "%")
}

// clashes finds two ports of the node at one place. Port 0 never clashes.
func (c *Config) clashes() []problem {
	ports := []struct{ field, addr string }{
		{"client.addr", c.Client.Addr},
		{"gossip.addr", c.Gossip.Addr},
		{"http.addr", c.HTTP.Addr},
	}
	var found []problem
	for i, p := range ports {
		for _, q := range ports[:i] {
			if sameSocket(p.addr, q.addr) {
				found = append(found, problem{
					field: p.field, other: q.field,
					detail: fmt.Sprintf("%s and %s have the same port. Give each its own, or port 0 for any free one.", q.field, p.field),
				})
			}
		}
	}
	return found
}

func sameSocket(a, b string) bool {
	ahost, aport, aerr := net.SplitHostPort(strings.Replace(a, "localhost:", "127.0.0.1:", 1))
	bhost, bport, berr := net.SplitHostPort(strings.Replace(b, "localhost:", "127.0.0.1:", 1))
	if aerr != nil || berr != nil || aport != bport || strings.Trim(aport, "0") == "" {
		return false
	}
	return ahost == bhost || everywhere(ahost) || everywhere(bhost)
}

func everywhere(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// needsKey tells whether the gossip port can be reached from other machines
// and nobody has said that it may be without a key.
func (g Gossip) needsKey() bool {
	host, _, _ := net.SplitHostPort(g.Addr)
	return !g.Insecure && !loopback(host)
}
