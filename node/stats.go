package node

import (
	"net/http"

	"herd/gossip"
	"herd/node/metrics"
)

// Stats is what the node has counted and how it stands. It never fails, whatever
// the node's phase.
func (n *Node) Stats() metrics.Stats {
	s := metrics.Stats{
		Version:          n.config.Version,
		Ready:            n.in(serving),
		Leaving:          n.in(leaving),
		CaughtUp:         n.cluster.Sync().CaughtUp,
		Clients:          n.table.Len(),
		TableBytes:       n.table.Bytes(),
		Server:           n.serverStats(),
		Gossip:           n.cluster.Stats(),
		Places:           n.places.Stats(),
		Events:           n.events.Stats(),
		Members:          n.memberStats(),
		HTTPConns:        n.apiConns.open(),
		Reloads:          n.reloadStats(),
		HTTPHandshakes:   n.certificates.failed.Load(),
		CertificateEnds:  n.certificates.expiry(),
		HTTPDenied:       n.authority.stats(),
		HTTPRefused:      n.apiConns.refused.Load(),
		HTTPAcceptErrors: n.apiConns.failed.Load(),
		HTTP:             n.requests.stats(),
		Near:             n.nearStats(),
	}
	if n.faults != nil {
		s.Faults = n.faults.Stats()
	}
	return s
}

func (n *Node) reloadStats() metrics.Reloads {
	r := &n.reloads
	return metrics.Reloads{Good: r.good.Load(), Failed: r.failed.Load(), LastFailed: r.lastFailed.Load(), LastGood: r.lastGood.Load()}
}

func (n *Node) getMetrics() http.HandlerFunc { return metrics.Handler(n.Stats).ServeHTTP }

// memberStats is how the live members stand to this node. Two of one name are shown as
// one, with what is worse.
func (n *Node) memberStats() []metrics.Member {
	own := n.config.Settings.Name
	all, at := []metrics.Member{{Name: own}}, map[string]int{own: 0}
	for _, m := range n.cluster.Members() {
		if m.State != gossip.Alive && m.State != gossip.Suspect {
			continue
		}
		i, ok := at[m.Name]
		if !ok {
			i = len(all)
			at[m.Name] = i
			all = append(all, metrics.Member{Name: m.Name})
		}
		s := &all[i]
		s.OutOfSync = s.OutOfSync || !m.Self && !m.InSync
		s.Queue += m.Queued
		s.Overflows += m.Overflows
	}
	for _, p := range n.cluster.Progress() {
		if i, ok := at[p.Name]; ok && p.Name != own {
			all[i].Ahead = max(all[i].Ahead, p.Lag[own])
		}
		if p.Name == own {
			for name, lacks := range p.Lag {
				if i, ok := at[name]; ok {
					all[i].Lacks = lacks
				}
			}
		}
	}
	return all
}

func (n *Node) serverStats() metrics.Server {
	c := &n.server.count
	s := metrics.Server{
		Connections:  n.server.connections(),
		Limit:        n.server.bounds.Load().MaxConns,
		Accepted:     c.accepted.Load(),
		Refused:      c.refused.Load(),
		AcceptErrors: c.acceptErrors.Load(),
		Idle:         c.idle.Load(),
		Handshakes:   c.handshakes.Load(),
		Stalled:      c.stalled.Load(),
		Drained:      c.drained.Load(),
		Cut:          c.cut.Load(),
		Unanswered:   int(c.unanswered.Load()),
		Stopped:      c.stopped.Load(),
		IAmAt:        c.iAmAt.Load(),
		WhatsAt:      c.whatsAt.Load(),
		In:           c.bytesIn.Load(),
		Out:          c.bytesOut.Load(),
	}
	for reason := range c.invalid {
		s.Invalid[reason] = c.invalid[reason].Load()
	}
	return s
}
