package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
	"herd/node/protocol"
	"herd/places"
	"herd/places/dataset"
)

// BenchmarkSessionQuestions is the cost of one WHATSAT without sockets, from the bytes
// of a read to those of the replies, with the chain that a node has and the five nearest
// of the embedded places within 50 km. A loop takes 16 lines a read; the clients are
// wherever towns are.
func BenchmarkSessionQuestions(b *testing.B) {
	const (
		clients = 90_000
		lines   = 16
		reads   = 8192
	)
	provider := dataset.Embedded(dataset.Distance)
	set, err := provider.Set()
	if err != nil {
		b.Fatal(err)
	}
	herd := quickHerd{location.NewTable(16, 1)}
	s := newClientServer(clientConfig{
		Listener: newPipes(), Herd: herd, Places: newNearbyChain(places.Config{Links: places.Links(provider)}),
		Name: "Clark", clientBounds: clientBounds{MaxLine: 4096, MaxID: 255}, Logger: hclog.NewNullLogger(),
	})
	r := rand.New(rand.NewPCG(1, 1))
	towns := set.Table().Places
	const half = 50_000 // a degree either way
	for i := range clients {
		town := &towns[r.IntN(len(towns))]
		lat := float64(min(max(town.Lat+r.Int32N(2*half)-half, -89e5), 89e5)) / 1e5
		lng := float64(min(max(town.Lng+r.Int32N(2*half)-half, -179e5), 179e5)) / 1e5
		pos, err := location.ParsePosition(fmt.Appendf(nil, "%+.5f%+.5f", lat, lng))
		if err != nil {
			b.Fatal(err)
		}
		at, err := location.ParseTime([]byte("1621464827.959498503"))
		if err != nil {
			b.Fatal(err)
		}
		herd.Report(0, fmt.Appendf(nil, "client-%06d.ucla.edu", i),
			location.NewFix("Clark", time.Now().UnixNano(), time.Minute, pos, at))
	}
	var input [reads][]byte
	for i := range input {
		for range lines {
			input[i] = fmt.Appendf(input[i], "WHATSAT client-%06d.ucla.edu 50 5\n", r.IntN(clients))
		}
	}
	c := newSession(s, nil)
	c.lines = protocol.NewLines(s.config.MaxLine)
	var answered, found, size int
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; answered < b.N; i++ {
		for read := input[i%reads]; len(read) > 0; {
			n := copy(c.lines.Space(), read)
			c.lines.Fed(n)
			read = read[n:]
			c.received = s.config.Clock().UnixNano()
			if _, err := c.work(maxReplies); err != nil {
				b.Fatal(err)
			}
		}
		if i < 256 {
			found += bytes.Count(c.replies, []byte(`"place_id"`))
			size += len(c.replies)
		}
		answered += lines
		c.release()
	}
	asked := float64(min(answered, 256*lines))
	b.ReportMetric(float64(found)/asked, "places/op")
	b.ReportMetric(float64(size)/asked, "B/reply")
}
