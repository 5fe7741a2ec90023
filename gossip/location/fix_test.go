package location

import (
	"cmp"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNewFix(t *testing.T) {
	const (
		second = int64(time.Second)
		ahead  = 5 * time.Minute
		now    = 1_000_000 * second
	)
	tests := []struct {
		name       string
		received   int64
		ahead      time.Duration
		time       string
		order      int64
		difference int64
		clamped    bool
	}{
		{"on time", now, ahead, "1000000", now, 0, false},
		{"late", now, ahead, "999999.25", now - second*3/4, second * 3 / 4, false},
		{"ahead", now, ahead, "1000001", now + second, -second, false},
		{"as far ahead as it may be", now, ahead, "1000300", now + 300*second, -300 * second, false},
		{"a nanosecond further", now, ahead, "1000300.000000001", now + 300*second, -300*second - 1, true},
		{"at the end of time", now, ahead, "9223372036.854775807", now + 300*second, now - math.MaxInt64, true},
		{"no leave to be ahead", now, 0, "1000000.000000001", now, -1, true},
		{"at the epoch", 0, ahead, "0", 0, 0, false},
		{"the limit overflows", math.MaxInt64 - 1, ahead, "9223372036.854775807", math.MaxInt64, -1, false},
		{"the limit is the last", math.MaxInt64 - 1, 1, "9223372036.854775807", math.MaxInt64, -1, false},
		{"the limit is the last but one", math.MaxInt64 - 2, 1, "9223372036.854775807", math.MaxInt64 - 1, -2, true},
		{"both at their greatest", math.MaxInt64, math.MaxInt64, "9223372036.854775807", math.MaxInt64, 0, false},
		{"the greatest difference", math.MaxInt64, ahead, "0", 0, math.MaxInt64, false},
		{"the smallest", 0, 0, "9223372036.854775807", 0, -math.MaxInt64, true},
	}
	for _, tt := range tests {
		p, v := mustPosition(t, "+34-118"), mustTime(t, tt.time)
		f := NewFix("Clark", tt.received, tt.ahead, p, v)
		if want := (Fix{Order: tt.order, Received: tt.received, Time: v, Position: p, Node: "Clark"}); f != want {
			t.Errorf("%s: got %+v, want %+v", tt.name, f, want)
		}
		if got := f.Difference(); got != tt.difference {
			t.Errorf("%s: difference %d, want %d", tt.name, got, tt.difference)
		}
		if got := f.Clamped(); got != tt.clamped {
			t.Errorf("%s: clamped is %t", tt.name, got)
		}
	}
}

// Compare is a total order in which only the same fix is equal.
func TestCompareIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := entry().Draw(t, "a").Fix, entry().Draw(t, "b").Fix, entry().Draw(t, "c").Fix
		ab, ba := a.Compare(&b), b.Compare(&a)
		if cmp.Compare(ab, 0) != -cmp.Compare(ba, 0) {
			t.Fatalf("a to b is %d, b to a is %d", ab, ba)
		}
		if (ab == 0) != (a == b) {
			t.Fatalf("a to b is %d, a == b is %t", ab, a == b)
		}
		if a.Compare(&a) != 0 {
			t.Fatal("a is not equal to itself")
		}
		if bc := b.Compare(&c); ab <= 0 && bc <= 0 && a.Compare(&c) > 0 {
			t.Fatal("a ≤ b ≤ c, yet a > c")
		}
	})
}

// A device whose clock is far ahead is ordered by receipt, and loses to a sane
// report once the node's clock has passed the clamp.
func TestClampEndsTheSilence(t *testing.T) {
	p := mustPosition(t, "+34-118")
	const ahead = 5 * time.Minute
	mad := NewFix("Clark", 1000e9, ahead, p, mustTime(t, "9000000000"))
	again := NewFix("Clark", 1001e9, ahead, p, mustTime(t, "8000000000"))
	before := NewFix("Bona", 1299e9, ahead, p, mustTime(t, "1299"))
	after := NewFix("Bona", 1301e9, ahead, p, mustTime(t, "1301"))
	if again.Compare(&mad) <= 0 {
		t.Error("clamped fixes are not in order of receipt")
	}
	if before.Compare(&mad) >= 0 {
		t.Error("a sane fix before the clamp wins")
	}
	if after.Compare(&mad) <= 0 {
		t.Error("a sane fix after the clamp loses")
	}
}

func TestDotCompare(t *testing.T) {
	ordered := []Dot{{}, {0, 1, 1}, {0, 1, 2}, {0, 2, 1}, {0, math.MaxUint64, math.MaxUint64}, {1, 1, 1}, {1, 1, 2}, {math.MaxUint32, 0, 0}}
	for i, d := range ordered {
		for j, e := range ordered {
			if got, want := d.compare(e), cmp.Compare(i, j); got != want {
				t.Errorf("%+v to %+v is %d, want %d", d, e, got, want)
			}
		}
	}
}
