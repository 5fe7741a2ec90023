package main

import (
	"context"
	"iter"
	"time"
)

// ticks yields at once and then every interval, until ctx is done.
func ticks(ctx context.Context, interval time.Duration) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		tick := time.NewTicker(max(interval, 10*time.Millisecond))
		defer tick.Stop()
		for yield(struct{}{}) {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
