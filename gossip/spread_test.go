package gossip

import (
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	var s spread
	const now = int64(1e18)
	ages := []time.Duration{-time.Second, 0, 25 * time.Microsecond, 26 * time.Microsecond, 250 * time.Microsecond, time.Hour}
	received := make([]int64, len(ages))
	for i, age := range ages {
		received[i] = now - int64(age)
	}
	s.arrivals(now, received)
	s.arrivals(now, received[5:])
	all := s.load()
	want := map[time.Duration]uint64{25 * time.Microsecond: 3, 50 * time.Microsecond: 1, 250 * time.Microsecond: 1}
	for i, bound := range SpreadBounds() {
		if all.Counts[i] != want[bound] {
			t.Errorf("%d up to %s, want %d", all.Counts[i], bound, want[bound])
		}
	}
	if sum := 2*5*time.Second + 301*time.Microsecond; all.Total() != 7 || all.Counts[len(SpreadBounds())] != 2 || all.Sum != sum {
		t.Errorf("%d in all, %v, want 7 and %v: %v", all.Total(), all.Sum, sum, all.Counts)
	}
	if n := testing.AllocsPerRun(10, func() { s.arrivals(now, received) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Fixes of a node whose clock is that of 1970 do not have the sum run over.
func TestSpreadOfWrongClock(t *testing.T) {
	var s spread
	for range 10 {
		s.arrivals(time.Now().UnixNano(), []int64{1e9, 2e9})
	}
	if all := s.load(); all.Sum < 0 || all.Total() != 20 {
		t.Errorf("sum %v of %d", all.Sum, all.Total())
	}
}

func TestQuantile(t *testing.T) {
	var s Spread
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("of none: %s", got)
	}
	s.Counts[3], s.Counts[4], s.Counts[len(SpreadBounds())] = 50, 40, 10 // to 100 µs, to 150 µs, beyond all
	for q, want := range map[float64]time.Duration{
		0.25: 87500 * time.Nanosecond, 0.5: 100 * time.Microsecond, 0.7: 125 * time.Microsecond,
		0.9: 150 * time.Microsecond, 0.99: 5 * time.Second,
	} {
		if got := s.Quantile(q); got != want {
			t.Errorf("%v of all up to %s, want %s", q, got, want)
		}
	}
}
