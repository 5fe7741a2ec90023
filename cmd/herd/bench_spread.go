package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// propagated is what the nodes themselves know of how news travels. All updates of a
// run are in it, and no poll is needed.
type propagated struct {
	Updates   float64       `json:"updates"`   // sent on by the nodes that took them
	Received  float64       `json:"received"`  // by the other nodes, as they were sent on; not what deltas bring again
	Delivered float64       `json:"delivered"` // part of those that had to be received
	P50       time.Duration `json:"p50_ns"`    // of herd_propagation_seconds, all nodes together
	P90       time.Duration `json:"p90_ns"`
	P99       time.Duration `json:"p99_ns"`
}

// counts are series of all nodes, added up, by name with labels.
type counts map[string]float64

const (
	mailed      = "herd_updates_mailed_total"
	propagation = `herd_propagation_seconds_bucket{le="`
)

// counts asks all nodes for their metrics.
func (h *benchHerd) counts(ctx context.Context) (counts, error) {
	sum := counts{}
	for _, n := range h.nodes {
		if err := sum.add(ctx, n.HTTP); err != nil {
			return nil, fmt.Errorf("read the metrics of %s: %w", n.Name, err)
		}
	}
	return sum, nil
}

func (c counts) add(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(ask)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	return c.read(reply.Body)
}

// read adds the series of a page of metrics.
func (c counts) read(page io.Reader) error {
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || name != mailed && !strings.HasPrefix(name, propagation) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c[name] += v
	}
	return lines.Err()
}

// since is what has come about since before, in a herd of so many nodes.
func (c counts) since(before counts, nodes int) *propagated {
	grown := func(name string) float64 { return c[name] - before[name] }
	s := &propagated{Updates: grown(mailed)}
	var buckets []bucket
	for name := range c {
		if bound, ok := strings.CutPrefix(name, propagation); ok {
			le, _ := strconv.ParseFloat(strings.TrimSuffix(bound, `"}`), 64) // +Inf, too
			buckets = append(buckets, bucket{le, grown(name)})
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return int(math.Copysign(1, a.upTo-b.upTo)) })
	if len(buckets) > 0 {
		s.Received = buckets[len(buckets)-1].count
	}
	if s.Updates > 0 && nodes > 1 {
		s.Delivered = s.Received / s.Updates / float64(nodes-1)
	}
	s.P50, s.P90, s.P99 = quantile(buckets, 0.5), quantile(buckets, 0.9), quantile(buckets, 0.99)
	return s
}

// bucket is how many took no longer than so many seconds.
type bucket struct{ upTo, count float64 }

// quantile is what a part q takes at most, as if all of a bucket were spread evenly.
func quantile(buckets []bucket, q float64) time.Duration {
	if len(buckets) == 0 || buckets[len(buckets)-1].count == 0 {
		return 0
	}
	rank, low := q*buckets[len(buckets)-1].count, bucket{}
	for _, b := range buckets {
		if b.count >= rank && !math.IsInf(b.upTo, 1) {
			at := low.upTo + (b.upTo-low.upTo)*(rank-low.count)/(b.count-low.count)
			return time.Duration(at * float64(time.Second))
		}
		if !math.IsInf(b.upTo, 1) {
			low = b
		}
	}
	return time.Duration(low.upTo * float64(time.Second))
}
