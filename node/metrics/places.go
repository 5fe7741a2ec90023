package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"herd/places"
)

// questions are about places: what is near.
func questions() []metric {
	return []metric{
		counter("places_questions_total", "Questions what is near.", func(s *Stats) uint64 { return s.Places.Asked }),
		counters("places_questions_unasked_total", "Questions what is near that no provider answered, by why.", "reason",
			part{"needless", func(s *Stats) uint64 { return s.Places.Skipped }},
			part{"failed", func(s *Stats) uint64 { return s.Places.Failed }}),
		counter("places_ledger_refused_total", "Times that what another node said it has spent was not taken in: of a day to come, or one account too many.", func(s *Stats) uint64 { return s.Places.LedgerRefused }),
		providers(prometheus.CounterValue, "places_results_total", "Questions put to a places provider, by result.", "result",
			func(p *places.ProviderStats, to func(float64, ...string)) {
				for result, n := range p.Results {
					to(float64(n), result)
				}
			}),
		providers(prometheus.CounterValue, "places_calls_total", "Calls of a places provider begun: what is billed. None is counted for one that answers from memory.", "",
			func(p *places.ProviderStats, to func(float64, ...string)) { to(float64(p.Calls)) }),
		providers(prometheus.CounterValue, "places_calls_retried_total", "Calls that were a second try.", "",
			func(p *places.ProviderStats, to func(float64, ...string)) { to(float64(p.Retries)) }),
		providers(prometheus.CounterValue, "places_calls_saved_total", "Questions answered without a call of their own, by how.", "how",
			func(p *places.ProviderStats, to func(float64, ...string)) {
				to(float64(p.Coalesced), "coalesced")
				to(float64(p.CacheHits), "cached")
			}),
		providers(prometheus.CounterValue, "places_fallbacks_total", "Answers of a places provider in place of one before it.", "",
			func(p *places.ProviderStats, to func(float64, ...string)) { to(float64(p.Fallbacks)) }),
		providers(prometheus.GaugeValue, "places_calls_in_flight", "Calls that a places provider has not returned from.", "",
			func(p *places.ProviderStats, to func(float64, ...string)) { to(float64(p.InFlight)) }),
		providers(prometheus.GaugeValue, "places_paused", "1 while a places provider is left alone after failures, until it answers again.", "",
			func(p *places.ProviderStats, to func(float64, ...string)) {
				paused := 0.0
				if p.Paused {
					paused = 1
				}
				to(paused)
			}),
		providers(prometheus.GaugeValue, "places_spent_calls", "Calls of a places provider that the whole herd has made this Pacific day or month, as far as this node knows.", "period",
			func(p *places.ProviderStats, to func(float64, ...string)) {
				to(float64(p.SpentToday), "day")
				to(float64(p.SpentMonth), "month")
			}),
		providers(prometheus.GaugeValue, "places_budget_calls", "Calls of a places provider that the whole herd may make a Pacific day or month; 0 is no bound.", "period",
			func(p *places.ProviderStats, to func(float64, ...string)) {
				to(float64(p.Budget.Day), "day")
				to(float64(p.Budget.Month), "month")
			}),
	}
}

// providers is a family with a value, or one for each value of a label, for every
// places provider.
func providers(kind prometheus.ValueType, name, help, label string, read func(*places.ProviderStats, func(float64, ...string))) metric {
	labels := []string{"provider"}
	if label != "" {
		labels = append(labels, label)
	}
	return family(kind, name, help, labels, func(s *Stats, to sink) {
		for i := range s.Places.Providers {
			p := &s.Places.Providers[i]
			read(p, func(v float64, values ...string) { to(v, append([]string{p.Name}, values...)...) })
		}
	})
}
