package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of scraping, which costs more than anything else on the HTTP port.
const (
	maxScrapes    = 4 // at once
	scrapeTimeout = 10 * time.Second
)

// Handler serves what snapshot tells, and what the Go runtime and the system know
// of this process. snapshot is called at every scrape, by any goroutine.
func Handler(snapshot func() Stats) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collector{snapshot, all()},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout})
}

// collector is a prometheus.Collector over a snapshot. It is static.
type collector struct {
	snapshot func() Stats
	metrics  []metric
}

func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		to <- m.desc
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	s := c.snapshot()
	for _, m := range c.metrics {
		if m.spread != nil {
			to <- m.histogram(&s)
			continue
		}
		m.read(&s, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
		})
	}
}
