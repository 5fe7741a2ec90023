package gossip

import (
	"sync/atomic"
	"time"
)

// spreadBounds are the upper bounds of a [Spread]'s buckets but the last, which has
// none. They are close where herds live: from a tenth of a millisecond to a few.
var spreadBounds = [...]time.Duration{
	25 * time.Microsecond, 50 * time.Microsecond, 75 * time.Microsecond, 100 * time.Microsecond,
	150 * time.Microsecond, 200 * time.Microsecond, 250 * time.Microsecond, 300 * time.Microsecond,
	400 * time.Microsecond, 500 * time.Microsecond, 750 * time.Microsecond, time.Millisecond,
	1500 * time.Microsecond, 2 * time.Millisecond, 3 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// Spread is how a number of durations are spread.
type Spread struct {
	Counts [len(spreadBounds) + 1]uint64 // by bucket: the first whose bound is not exceeded
	Sum    time.Duration                 // what is beyond the last bound counts as that bound
}

// SpreadBounds returns the upper bounds of a Spread's buckets, in ascending order. The
// last bucket has none.
func SpreadBounds() []time.Duration { return append([]time.Duration(nil), spreadBounds[:]...) }

// Total is how many durations there are.
func (s *Spread) Total() (n uint64) {
	for _, count := range s.Counts {
		n += count
	}
	return n
}

// Add counts one more duration, which is not negative.
func (s *Spread) Add(d time.Duration) {
	s.Counts[bucketOf(d)]++
	s.Sum += summed(d)
}

// bucketOf is the bucket of a duration.
func bucketOf(d time.Duration) int {
	i := 0
	for i < len(spreadBounds) && d > spreadBounds[i] {
		i++
	}
	return i
}

// summed is what a duration counts in a sum.
func summed(d time.Duration) time.Duration { return min(d, spreadBounds[len(spreadBounds)-1]) }

// Quantile is the duration that a part q of all, 0 < q ≤ 1, does not exceed, taken
// as evenly spread within their bucket; zero if there are none. What is beyond the
// last bound counts as that bound.
func (s *Spread) Quantile(q float64) time.Duration {
	rank, low := q*float64(s.Total()), time.Duration(0)
	for i, bound := range spreadBounds {
		n := float64(s.Counts[i])
		if n > 0 && rank <= n {
			return low + time.Duration(rank/n*float64(bound-low))
		}
		rank, low = rank-n, bound
	}
	if s.Total() == 0 {
		return 0
	}
	return low
}

// spread is a Spread that grows. It is safe for concurrent use.
type spread struct {
	counts [len(spreadBounds) + 1]atomic.Uint64
	sum    atomic.Int64
}

// arrivals adds the ages, at the wall clock now, of fixes received at those times by
// the nodes that took them: nanoseconds since the epoch. A clock that is behind
// the other's can't show less than nothing. In the sum none counts for more than the last
// bound: a few fixes of a node whose clock is that of 1970 would have it run over.
func (s *spread) arrivals(now int64, received []int64) {
	var counts [len(spreadBounds) + 1]uint64
	var sum time.Duration
	for _, at := range received {
		age := max(time.Duration(now-at), 0)
		sum += summed(age)
		counts[bucketOf(age)]++
	}
	for i, n := range counts {
		if n > 0 {
			s.counts[i].Add(n)
		}
	}
	s.sum.Add(int64(sum))
}

// add adds one duration, which is not negative.
func (s *spread) add(d time.Duration) {
	s.counts[bucketOf(d)].Add(1)
	s.sum.Add(int64(summed(d)))
}

// load is how things stand.
func (s *spread) load() (all Spread) {
	for i := range s.counts {
		all.Counts[i] = s.counts[i].Load()
	}
	all.Sum = time.Duration(s.sum.Load())
	return all
}
