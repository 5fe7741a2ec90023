package gossip

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"herd/gossip/location"
)

// An op is a report of one of 100,000 clients, taken in reads of 16 by as many
// sessions as there are processors. Run it with -cpu 1,2.
func BenchmarkReports(b *testing.B) {
	c, err := New(Config{Name: "Clark", BindAddr: "127.0.0.1:0", Table: location.NewTable(256, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p, err := location.ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		b.Fatal(err)
	}
	at, err := location.ParseTime([]byte("1621464827.959498503"))
	if err != nil {
		b.Fatal(err)
	}
	ids := make([][]byte, 100_000)
	for i := range ids {
		ids[i] = fmt.Appendf(nil, "client-%013d", i)
		c.Report(0, ids[i], location.NewFix("Clark", 1, 0, p, at))
	}
	c.Flush()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		f := location.NewFix("Clark", 1621464828000000001, 0, p, at)
		for n := 1; pb.Next(); n++ {
			f.Received++
			c.Report(0, ids[rand.IntN(len(ids))], f)
			if n%16 == 0 {
				c.Flush()
			}
		}
	})
}
