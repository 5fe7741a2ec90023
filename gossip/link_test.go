package gossip

import (
	"testing"

	"herd/gossip/replica"
)

// Who a message is for is seen without a copy of it, and only what is wholly so is ours.
func TestIsOurs(t *testing.T) {
	l := &link{version: sharingVersion}
	chunk := make([]byte, 64<<10)
	for _, c := range []struct {
		lane    replica.Lane
		message []byte
		want    bool
	}{
		{replica.Delta, chunk, false},
		{replica.Live, []byte(goodbye[frameHeader:]), true},
		{replica.Delta, []byte(alive[frameHeader:]), true},
		{replica.Live, []byte{kindState, 1}, true},
		{replica.Delta, []byte{kindState, 1}, false},
		{replica.Live, []byte{alive[frameHeader], 1}, false},
	} {
		var got bool
		allocs := testing.AllocsPerRun(10, func() { got = l.isOurs(c.lane, c.message) })
		if got != c.want || allocs > 0 {
			t.Errorf("lane %d, %d bytes from %x: %v, want %v; %v allocations", c.lane, len(c.message), c.message[0], got, c.want, allocs)
		}
	}
}
