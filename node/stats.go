package node

import (
	"net/http"

	"herd/node/metrics"
)

// Stats is what the node has counted and how it stands. It never fails, whatever
// the node's phase.
func (n *Node) Stats() metrics.Stats {
	s := metrics.Stats{
		Events:        n.events.Stats(),
		Version:       n.config.Version,
		Ready:         n.in(serving),
		CaughtUp:      n.cluster.Sync().CaughtUp,
		Clients:       n.table.Len(),
		Server:        n.serverStats(),
		Gossip:        n.cluster.Stats(),
		Places:        n.places.Stats(),
		Reloads:       n.reloads.Load(),
		ReloadsFailed: n.reloadsFailed.Load(),
		HTTPRefused:   n.apiConns.refused.Load(),
		HTTP:          n.requests.stats(),
	}
	if n.faults != nil {
		s.Faults = n.faults.Stats()
	}
	return s
}

func (n *Node) getMetrics() http.HandlerFunc { return metrics.Handler(n.Stats).ServeHTTP }

func (n *Node) serverStats() metrics.Server {
	c := &n.server.count
	s := metrics.Server{
		Connections:  n.server.connections(),
		Accepted:     c.accepted.Load(),
		Refused:      c.refused.Load(),
		AcceptErrors: c.acceptErrors.Load(),
		Idle:         c.idle.Load(),
		Stalled:      c.stalled.Load(),
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
