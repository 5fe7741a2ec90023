package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"herd/node/events"
)

func streams() []metric {
	return []metric{
		gauge("events_readers", "Streams of events that are open.", func(s *Stats) int { return s.Events.Readers }),
		counters("events_readers_total", "Streams of events that were asked for, by what came of it: begun with what happens now, gone on where they were cut, begun anew for what they had missed is not kept, refused for there were too many.", "result",
			part{"begun", func(s *Stats) uint64 { return s.Events.Begun }},
			part{"resumed", func(s *Stats) uint64 { return s.Events.Resumed }},
			part{"reset", func(s *Stats) uint64 { return s.Events.Reset }},
			part{"refused", func(s *Stats) uint64 { return s.Events.Refused }}),
		counters("events_readers_dropped_total", "Streams of events that this node ended, by reason: slow ones had lost events, stalled ones took nothing.", "reason",
			part{"slow", func(s *Stats) uint64 { return s.Events.Slow }},
			part{"stalled", func(s *Stats) uint64 { return s.Events.Stalled }}),
		family(prometheus.CounterValue, "events_sent_total", "Events sent, each counted for each stream, by kind.", []string{"kind"},
			func(s *Stats, to sink) {
				for k, n := range s.Events.Sent {
					to(float64(n), events.Kind(k).String())
				}
			}),
		counter("events_merged_total", "Fixes, and clients gone, that were not sent, for newer news of the client took their place: the stream had asked for that.", func(s *Stats) uint64 { return s.Events.Merged }),
	}
}
