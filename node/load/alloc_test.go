package load

import "testing"

// Making a command, writing it and checking its reply allocates nothing.
func TestNoAllocations(t *testing.T) {
	for _, tt := range []struct {
		protocol Protocol
		reply    func(text []byte) []byte
	}{
		{Herd, func(text []byte) []byte { return append([]byte("AT Clark +0.000000001"), text[len("IAMAT"):]...) }},
		{RedisSet, func([]byte) []byte { return []byte("+OK\r\n") }},
		{RedisGeoAdd, func([]byte) []byte { return []byte(":1\r\n") }},
	} {
		c := Config{Protocol: tt.protocol, Clients: 1000, Updates: 1}
		m, d := c.maker(0), c.dialect()
		var cmd, other command
		m.next(&cmd, 0, 1)
		text, scratch, h := make([]byte, 0, 256), make([]byte, 128), newHistogram()
		reply := tt.reply(d.append(nil, &cmd))
		allocs := testing.AllocsPerRun(100, func() {
			text = d.append(text[:0], &cmd)
			if n := d.frame(&cmd, reply); n != len(reply) || d.check(&cmd, reply, scratch) != "" {
				t.Fatalf("%s: the reply %q is wrong", tt.protocol, reply)
			}
			m.next(&other, 0, 1)
			h.record(1000)
		})
		if allocs != 0 {
			t.Errorf("%s: %f allocations a command", tt.protocol, allocs)
		}
	}
}

// BenchmarkCommand is what a command costs the generator, without sockets.
func BenchmarkCommand(b *testing.B) {
	b.ReportAllocs()
	c := Config{Protocol: Herd, Clients: 100_000, Updates: 1}
	m, d, h := c.maker(0), c.dialect(), newHistogram()
	var cmd command
	reply, scratch := make([]byte, 0, 256), make([]byte, 128)
	var text []byte
	for b.Loop() {
		m.next(&cmd, 0, 1)
		text = d.append(text[:0], &cmd)
		reply = append(append(reply[:0], "AT Clark +0.000000001"...), text[len("IAMAT"):]...)
		if why := d.check(&cmd, reply[:d.frame(&cmd, reply)], scratch); why != "" {
			b.Fatal(why)
		}
		h.record(1000)
	}
}
