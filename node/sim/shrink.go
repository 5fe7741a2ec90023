package sim

import (
	"slices"
	"time"
)

// Shrink makes a scenario that fails smaller, by leaving out faults as long as it still
// fails: first many at once, in the end each one alone. Then it has the quiet phase begin as
// soon as may be. Chance has a part in a play, so fails should play a scenario a few times;
// what matters only now and then may stay, or go. s is left as it is.
func Shrink(s *Scenario, fails func(*Scenario) bool) *Scenario {
	for n := len(s.Faults); n > 0; {
		smaller := false
		for from := 0; from < len(s.Faults); {
			if c := s.without(from, n); fails(c) {
				s, smaller = c, true // the next ones are at from now
			} else {
				from += n
			}
		}
		if n > 1 || !smaller {
			n /= 2
		}
	}
	return s.sooner(fails)
}

// without is the scenario without n faults, and without those that can't be then: the start of
// a node that runs.
func (s *Scenario) without(from, n int) *Scenario {
	c := *s
	c.Faults = nil
	running := make([]bool, maxNodes)
	for i := range s.Nodes {
		running[i] = true
	}
	for i, f := range s.Faults {
		after := slices.Clone(running)
		if i >= from && i < from+n || f.check(after) != nil {
			continue
		}
		running = after
		c.Faults = append(c.Faults, f)
	}
	return &c
}

// sooner has the quiet phase begin when the last fault has begun, or has ended.
func (s *Scenario) sooner(fails func(*Scenario) bool) *Scenario {
	var began, ended time.Duration
	for _, f := range s.Faults {
		began, ended = max(began, f.At), max(ended, f.At+f.For)
	}
	for _, run := range []time.Duration{began, ended} {
		c := *s
		if c.Run = run + time.Second; c.Run < s.Run && fails(&c) {
			return &c
		}
	}
	return s
}
