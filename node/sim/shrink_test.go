package sim

import (
	"slices"
	"testing"
	"time"
)

// What is left fails, can be played, and needs each of its faults.
func TestShrink(t *testing.T) {
	for seed := range uint64(50) {
		s := Generate(seed, 5*time.Minute)
		text := s.String()
		var needed [kinds]bool
		for _, f := range s.Faults {
			needed[f.Kind] = f.Kind == Cut || f.Kind == Start || f.Kind == Pause
		}
		plays := 0
		fails := func(c *Scenario) bool {
			plays++
			if err := c.Check(); err != nil {
				t.Fatalf("seed %d: %v in\n%s", seed, err, c)
			}
			for k, is := range needed {
				if is && !slices.ContainsFunc(c.Faults, func(f Fault) bool { return f.Kind == Kind(k) }) {
					return false
				}
			}
			return true
		}
		small := Shrink(s, fails)
		if s.String() != text {
			t.Fatalf("seed %d: the scenario itself was changed", seed)
		}
		if !fails(small) {
			t.Fatalf("seed %d: it does not fail any more:\n%s", seed, small)
		}
		for i := range small.Faults {
			if fails(small.without(i, 1)) {
				t.Errorf("seed %d: fault %d is not needed:\n%s", seed, i, small)
			}
		}
		if len(s.Faults) > 20 && plays > 8*len(s.Faults) {
			t.Errorf("seed %d: %d plays for %d faults", seed, plays, len(s.Faults))
		}
		if n := len(small.Faults); n > 4 { // a kill for the start
			t.Errorf("seed %d: %d of %d faults are left:\n%s", seed, n, len(s.Faults), small)
		}
	}
}
