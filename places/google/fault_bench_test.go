package google

import (
	"context"
	"runtime"
	"testing"
	"time"

	"herd/places/google/fakegoogle"
)

// BenchmarkFaults asks a Google that fails in every way, with 50 ms for each
// question and 64 of them at once, and tells what is left of it:
//
//	go test ./places/google -run '^$' -bench Faults -benchtime 10000x
func BenchmarkFaults(b *testing.B) {
	other := start(b, fakegoogle.Options{})
	s := start(b, fakegoogle.Options{Tick: time.Millisecond})
	p := provider(b, s, Config{})
	list := faults(other)
	left := func() (goroutines int, heap uint64) {
		p.CloseIdle()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	ask := func(n int) {
		slots := make(chan struct{}, 64)
		for i := range n {
			if i%200 == 0 { // what is in flight meets the next fault too
				f := list[i/200%len(list)]
				if f.String() == "huge" {
					f = list[0] // it is heavy
				}
				s.SetFault(f.Fault)
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				ctx, cancel := context.WithTimeout(b.Context(), 50*time.Millisecond)
				defer cancel()
				_, err := p.Near(ctx, campus)
				if err := discreet(err); err != nil {
					b.Error(err)
				}
			}()
		}
		for range cap(slots) {
			slots <- struct{}{}
		}
	}
	ask(1000) // what is there once is not growth
	goroutines, heap := left()
	b.ResetTimer()
	ask(b.N)
	b.StopTimer()
	for wait := time.Now(); time.Since(wait) < 5*time.Second; runtime.Gosched() {
		if n, _ := left(); n <= goroutines {
			break
		}
	}
	after, grown := left()
	b.ReportMetric(float64(after-goroutines), "goroutines-left")
	b.ReportMetric((float64(grown)-float64(heap))/1024, "heap-KiB-grown")
}
