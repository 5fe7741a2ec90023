package load

import "testing"

// A client with a step keeps within it, but moves; others go anywhere.
func TestStep(t *testing.T) {
	const clients, metres = 10, 100
	far := false
	for _, step := range []int{metres, 0} {
		m := (&Config{Clients: clients, Step: step, Updates: 1, Seed: 3}).maker(0)
		was := make(map[uint32]command)
		moved := false
		for range 1000 {
			var c command
			m.next(&c, 0, 0)
			homeLat, homeLon := home(3, c.key)
			off := max(c.lat-homeLat, homeLat-c.lat, c.lon-homeLon, homeLon-c.lon)
			if step > 0 && off > microdegrees(metres) {
				t.Fatalf("%d microdegrees from home", off)
			}
			far = far || off > 1_000_000
			before, known := was[c.key]
			moved = moved || known && (before.lat != c.lat || before.lon != c.lon)
			was[c.key] = c
		}
		if !moved || len(was) != clients {
			t.Errorf("step %d: %d clients, moved: %t", step, len(was), moved)
		}
	}
	if !far {
		t.Error("nobody jumps without a step")
	}
	if n := microdegrees(1); n < 8 || n > 9 || microdegrees(0) != 0 {
		t.Errorf("a metre is %d microdegrees", n)
	}
}
