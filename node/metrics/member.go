package metrics

import "github.com/prometheus/client_golang/prometheus"

// Member is how a live member stands to this node. This node is one too, so that the
// series are there before there is another.
type Member struct {
	Name      string
	OutOfSync bool   // this node's answers do not wait for it
	Queue     int    // bytes that wait for it
	Overflows uint64 // times that its queue was dropped since its session began
	Lacks     uint64 // batches of this node that it has not acknowledged
	Ahead     uint64 // batches of it that this node lacks, as far as it knows
}

// members are the families with a series for each live member: a thousand at the most. Who
// has no gossip key has no say in their names.
func members() []metric {
	each := func(kind prometheus.ValueType, name, help string, read func(*Member) float64) metric {
		return family(kind, name, help, []string{"member"}, func(s *Stats, to sink) {
			for i := range s.Members {
				to(read(&s.Members[i]), s.Members[i].Name)
			}
		})
	}
	return []metric{
		each(prometheus.GaugeValue, "member_out_of_sync", "1 while this node's answers do not wait for the member: a kill of this node may lose what the member lacks.", func(m *Member) float64 { return float64(flag(m.OutOfSync)) }),
		each(prometheus.GaugeValue, "member_queue_bytes", "Bytes of batches that wait for the member.", func(m *Member) float64 { return float64(m.Queue) }),
		each(prometheus.CounterValue, "member_overflows_total", "Times that the member's queue was dropped, since its session began.", func(m *Member) float64 { return float64(m.Overflows) }),
		each(prometheus.GaugeValue, "member_lacks_batches", "Batches of this node that the member has not acknowledged.", func(m *Member) float64 { return float64(m.Lacks) }),
		each(prometheus.GaugeValue, "member_ahead_batches", "Batches of the member that this node lacks, as far as it knows.", func(m *Member) float64 { return float64(m.Ahead) }),
	}
}
