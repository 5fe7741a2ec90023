package metrics

import "github.com/prometheus/client_golang/prometheus"

// limits are what bounds the table, and what that did.
func limits() []metric {
	return []metric{
		family(prometheus.GaugeValue, "ttl_seconds", "How long after its time a position is shown, in this herd: the ttl of most of its nodes; 0 is for ever.", nil,
			func(s *Stats, to sink) { to(s.Gossip.Limits.TTL.Seconds()) }),
		gauge("max_clients", "Clients that are kept in this herd: the max_clients of most of its nodes; 0 is all.", func(s *Stats) int64 { return s.Gossip.Limits.MaxClients }),
		gauge("table_bytes_limit", "Bytes that the table of fixes may take in this herd: three quarters of the memory_limit of most of its nodes; 0 is no limit.", func(s *Stats) int64 { return s.Gossip.Limits.Bytes }),
		gauge("table_clients_limit", "Clients that may be in the table, by herd_max_clients and herd_table_bytes_limit; 0 is any number.", func(s *Stats) int { return s.Gossip.Most }),
		gauge("members_with_other_limits", "Members whose ttl, max_clients or memory_limit is not this node's.", func(s *Stats) int { return s.Gossip.LimitsDiffer }),
		counters("clients_removed_total", "Clients removed from the table, by reason: they were too many and their reports the oldest, or had expired.", "reason",
			part{"evicted", func(s *Stats) uint64 { return s.Gossip.Replica.Evicted }},
			part{"expired", func(s *Stats) uint64 { return s.Gossip.Replica.Expired }}),
		family(prometheus.GaugeValue, "eviction_floor_timestamp_seconds", "Time of the latest report for which there was no room: clients whose last report is older are not kept. 0: there was room for all.", nil,
			func(s *Stats, to sink) { to(s.Gossip.Floor.Seconds()) }),
		counter("updates_refused_total", "Reports taken from clients and answered, but not kept: they had expired, or were older than what there is room for.", func(s *Stats) uint64 { return s.Gossip.Replica.Refused }),
	}
}
