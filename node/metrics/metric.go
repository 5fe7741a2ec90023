package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"herd/gossip"
)

// metric is one family of series and how it is read from a snapshot.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*Stats, sink)

	spread func(*Stats) gossip.Spread // of a histogram, which has no kind and no read
}

// sink takes the value of a series, and the values of its labels.
type sink func(value float64, labels ...string)

func family(kind prometheus.ValueType, name, help string, labels []string, read func(*Stats, sink)) metric {
	return metric{desc: prometheus.NewDesc("herd_"+name, help, labels, nil), kind: kind, read: read}
}

func histogram(name, help string, spread func(*Stats) gossip.Spread) metric {
	return metric{desc: prometheus.NewDesc("herd_"+name, help, nil, nil), spread: spread}
}

// histogram is what a histogram shows of s.
func (m *metric) histogram(s *Stats) prometheus.Metric {
	all := m.spread(s)
	buckets, n := make(map[float64]uint64), uint64(0)
	for i, bound := range gossip.SpreadBounds() {
		n += all.Counts[i]
		buckets[bound.Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(m.desc, all.Total(), all.Sum.Seconds(), buckets)
}

func counter(name, help string, read func(*Stats) uint64) metric {
	return family(prometheus.CounterValue, name, help, nil, func(s *Stats, to sink) { to(float64(read(s))) })
}

func seconds(name, help string, read func(*Stats) time.Duration) metric {
	return family(prometheus.CounterValue, name, help, nil, func(s *Stats, to sink) { to(read(s).Seconds()) })
}

func gauge[T int | int64](name, help string, read func(*Stats) T) metric {
	return family(prometheus.GaugeValue, name, help, nil, func(s *Stats, to sink) { to(float64(read(s))) })
}

// part is one series of a family with a label.
type part struct {
	label string
	read  func(*Stats) uint64
}

// counters is a family whose one label has fixed values.
func counters(name, help, label string, parts ...part) metric {
	return family(prometheus.CounterValue, name, help, []string{label}, func(s *Stats, to sink) {
		for _, p := range parts {
			to(float64(p.read(s)), p.label)
		}
	})
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
