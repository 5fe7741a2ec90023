package replica

import "testing"

func TestArrive(t *testing.T) {
	type step struct{ prev, seq uint64 }
	for _, test := range []struct {
		name   string
		steps  []step
		vector uint64
		beyond run
	}{
		{"in order", []step{{0, 1}, {1, 2}, {2, 3}}, 3, run{}},
		{"again", []step{{0, 1}, {1, 2}, {0, 1}}, 2, run{}},
		{"over what is there", []step{{0, 3}, {1, 5}}, 5, run{}},
		{"beyond a gap", []step{{0, 1}, {2, 3}}, 1, run{2, 3}},
		{"run extended", []step{{0, 1}, {2, 3}, {3, 4}}, 1, run{2, 4}},
		{"run repeated", []step{{0, 1}, {2, 3}, {3, 4}, {2, 3}}, 1, run{2, 4}},
		{"gap filled", []step{{0, 1}, {2, 3}, {3, 4}, {1, 2}}, 4, run{}},
		{"second gap", []step{{0, 1}, {2, 3}, {5, 6}}, 1, run{5, 6}},
		{"second gap, first filled", []step{{0, 1}, {2, 3}, {5, 6}, {1, 2}}, 2, run{5, 6}},
	} {
		c := New(Config{Self: 1})
		for _, s := range test.steps {
			c.arrive(2, s.prev, s.seq)
		}
		if c.vector[2] != test.vector || c.beyond[2] != test.beyond {
			t.Errorf("%s: vector %d, beyond %v; want %d, %v", test.name, c.vector[2], c.beyond[2], test.vector, test.beyond)
		}
	}
}

func TestCovers(t *testing.T) {
	v := Vector{1: 5, 2: 3}
	for _, test := range []struct {
		w    Vector
		want bool
	}{
		{nil, true}, {Vector{1: 5}, true}, {Vector{1: 6}, false}, {Vector{3: 1}, false}, {Vector{1: 1, 2: 3}, true},
	} {
		if got := v.Covers(test.w); got != test.want {
			t.Errorf("%v covers %v: %v", v, test.w, got)
		}
	}
}
