package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is one family of series and how it is read from a snapshot.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*Stats, sink)
}

// sink takes the value of a series, and the values of its labels.
type sink func(value float64, labels ...string)

func family(kind prometheus.ValueType, name, help string, labels []string, read func(*Stats, sink)) metric {
	return metric{prometheus.NewDesc("herd_"+name, help, labels, nil), kind, read}
}

func counter(name, help string, read func(*Stats) uint64) metric {
	return family(prometheus.CounterValue, name, help, nil, func(s *Stats, to sink) { to(float64(read(s))) })
}

func seconds(name, help string, read func(*Stats) time.Duration) metric {
	return family(prometheus.CounterValue, name, help, nil, func(s *Stats, to sink) { to(read(s).Seconds()) })
}

func gauge(name, help string, read func(*Stats) int) metric {
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
