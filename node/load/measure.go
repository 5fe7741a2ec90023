package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency sums up many latencies. Percentiles are good to three digits.
type Latency struct {
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// longest is the greatest latency that is told from greater ones.
const longest = int64(time.Hour)

type histogram struct{ h *hdrhistogram.Histogram }

func newHistogram() histogram { return histogram{hdrhistogram.New(1, longest, 3)} }

// record adds a latency in nanoseconds.
func (h histogram) record(ns int64) {
	h.h.RecordValue(min(max(ns, 0), longest)) // in range: it can't fail
}

func (h histogram) count() uint64 { return uint64(h.h.TotalCount()) }

func (h histogram) latency() Latency {
	at := func(percentile float64) time.Duration {
		if h.h.TotalCount() == 0 {
			return 0
		}
		return time.Duration(min(h.h.ValueAtPercentile(percentile), h.h.Max()))
	}
	return Latency{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: at(100)}
}

// drain moves all of h to others.
func (h histogram) drain(to ...histogram) {
	for _, other := range to {
		other.h.Merge(h.h)
	}
	h.h.Reset()
}

// maxSamples is how many errors are kept to be shown.
const maxSamples = 5

// tally is what a group's connections count together.
type tally struct {
	mu      sync.Mutex // guards the fields below
	latency histogram
	updates uint64 // answered rightly
	queries uint64
	inTime  uint64 // of both, before the measured time was over
	wrong   uint64 // replies that are not what they should be
	lost    uint64 // connections that broke
	samples []string
}

func (t *tally) sample(why string) {
	if len(t.samples) < maxSamples {
		t.samples = append(t.samples, why)
	}
}

// Second is what was answered in one second of a run. The last one has all that came
// late.
type Second struct {
	Second   int           `json:"second"` // from 1: the one that ends so long after the beginning
	Commands uint64        `json:"commands"`
	Wrong    uint64        `json:"wrong"`
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	Max      time.Duration `json:"max_ns"`
}

// collector gathers what groups count. It is for one goroutine.
type collector struct {
	groups []*group
	second histogram // since the last cut
	total  histogram
	counts counts
	cuts   []Second
}

type counts struct{ updates, queries, inTime, wrong, lost uint64 }

func newCollector(groups []*group) *collector {
	return &collector{groups: groups, second: newHistogram(), total: newHistogram()}
}

// cut ends a second.
func (c *collector) cut() Second {
	var sum counts
	for _, g := range c.groups {
		t := &g.tally
		t.mu.Lock()
		t.latency.drain(c.second, c.total)
		sum.updates += t.updates
		sum.queries += t.queries
		sum.inTime += t.inTime
		sum.wrong += t.wrong
		sum.lost += t.lost
		t.mu.Unlock()
	}
	l := c.second.latency()
	s := Second{
		Second: len(c.cuts) + 1, Commands: c.second.count(), Wrong: sum.wrong - c.counts.wrong,
		P50: l.P50, P99: l.P99, Max: l.Max,
	}
	c.counts = sum
	c.second.h.Reset()
	c.cuts = append(c.cuts, s)
	return s
}
