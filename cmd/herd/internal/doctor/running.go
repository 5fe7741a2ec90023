package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"herd/cmd/herd/internal/human"
	"herd/node"
)

// node is what the node that runs says of itself.
func (f *Facts) node() []Finding {
	r := f.Node
	if r == nil {
		return []Finding{ok("node", "none answers at %s: judged is what a start would do", f.Config.HTTP.Addr)}
	}
	var all []Finding
	add := func(w Finding) { all = append(all, w) }
	if r.Refusal != "" {
		add(warning("node", "it answers at "+r.Addr+" and says no more: "+r.Refusal, "Give --token-file a token of it, and --ca-file who has signed its certificate."))
	}
	if r.Verdict != "ready" {
		add(fault("node", r.Verdict, unready(r.Verdict)))
	}
	if r.Refusal == "" && f.another() {
		add(warning("node", fmt.Sprintf("%q runs at %s, and the configuration says %q", r.Self.Name, r.Addr, f.Config.Name), "Name its configuration by --config, or restart it with this one."))
	}
	if l := f.Loaded.TLS; l != nil && r.Certificate != nil && !r.Certificate.Equal(l.Certificates[0].Leaf) {
		add(warning("node", "it shows another certificate than that in "+f.Config.TLS.CertFile, "Send it SIGHUP, and look into its log."))
	}
	if r.OtherLimits > 0 {
		add(warning("node", human.Count(r.OtherLimits, "member")+" with another ttl, max_clients or memory_limit", "Configure all nodes to the same: what most have holds."))
	}
	if all == nil {
		add(ok("node", "%q runs, and is ready", r.Self.Name))
	}
	return all
}

// another tells whether the node that runs is not the configuration's: how its members take
// this configuration's key then says nothing of it.
func (f *Facts) another() bool { return f.Node.Self.Name != f.Config.Name }

func unready(verdict string) string {
	switch {
	case strings.Contains(verdict, "clock"):
		return "Set its clock, and have NTP keep it."
	case strings.Contains(verdict, "leaving"):
		return "Wait until it has ended."
	}
	return "Wait; if it stays so, look whether the members it names can be reached from here."
}

// lacks is how many members are named one by one.
const lacks = 8

// members is what the node that runs sees of others, and how they are reached from here.
func (f *Facts) members() []Finding {
	if f.Node == nil || f.Node.Refusal != "" {
		return nil
	}
	var wrong []Finding
	live := 0
	for _, m := range f.Node.Members {
		if m.Origin == f.Node.Self.Origin {
			continue
		}
		if m.live() {
			live++
		}
		if w := f.member(m); w != nil {
			wrong = append(wrong, *w)
		}
	}
	if n := len(wrong); n > lacks {
		slices.SortStableFunc(wrong, func(a, b Finding) int { return int(b.Status - a.Status) })
		rest := wrong[lacks]
		wrong = append(wrong[:lacks], Finding{rest.Status, "members", fmt.Sprintf("%d more are not well", n-lacks), "See \"herd members\"."})
	}
	for i := range wrong {
		wrong[i].Check = "members"
	}
	switch {
	case wrong != nil:
	case live == 0:
		wrong = append(wrong, ok("members", "no other node is alive"))
	case f.another():
		wrong = append(wrong, ok("members", "%s, all in sync, by what %q says", human.Count(live, "other node"), f.Node.Self.Name))
	default:
		wrong = append(wrong, ok("members", "%s, all reached by TCP and UDP, all in sync", human.Count(live, "other node")))
	}
	return wrong
}

func (f *Facts) member(m Member) *Finding {
	i := slices.IndexFunc(f.Members, func(p node.Probe) bool { return p.Addr == m.Gossip })
	age := f.Now.Sub(m.Since).Round(time.Second)
	var w Finding
	switch {
	case m.live() && i >= 0 && !f.another() && unwell(f.Members[i]) != nil:
		return unwell(f.Members[i])
	case m.State == "failed":
		w = warning("", fmt.Sprintf("%q at %s failed %s ago", m.Name, m.Gossip, age), "Start it again; if it is gone for good, it is forgotten in a while.")
	case m.State == "suspect":
		w = warning("", fmt.Sprintf("%q at %s did not answer this node %s ago", m.Name, m.Gossip, age), "Look at that machine, and at the network between.")
	case m.State != "alive":
		return nil
	case m.Unseen:
		w = fault("", fmt.Sprintf("%q at %s does not see this node among the living", m.Name, m.Gossip), "Let UDP through from there to this node's gossip port.")
	case m.Lagging:
		w = warning("", fmt.Sprintf("%q is too slow for what this node sends, and catches up", m.Name), "Look at that machine's processors, and at the network between.")
	case !m.InSync:
		w = warning("", fmt.Sprintf("%q is out of sync: answers of this node do not wait for it", m.Name), "Look at that machine's processors, and at the network between, if it lasts.")
	default:
		return nil
	}
	return &w
}
