package gossip

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

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

// An op is a start: a million clients, each with two fixes, are read from a folder of this machine.
func BenchmarkLoad(b *testing.B) {
	const clients = 1_000_000
	folder := b.TempDir()
	open := func() *Cluster {
		c, err := New(Config{
			Name: "Clark", BindAddr: "127.0.0.1:0", Table: location.NewTable(4096, 1),
			Disk: DiskAt(folder, SyncInterval, time.Second),
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.keeper.load(b.Context()); err != nil {
			b.Fatal(err)
		}
		return c
	}
	c := open()
	c.spawn(c.keeper.run)
	p, err := location.ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 2 * clients {
		at, err := location.ParseTime(fmt.Appendf(nil, "162146%04d.%09d", i/clients, i))
		if err != nil {
			b.Fatal(err)
		}
		c.Report(0, fmt.Appendf(nil, "client-%013d", i%clients), location.NewFix("Clark", at.Nanos(), 0, p, at))
		if i%1000 == 999 {
			c.Flush()
			c.keeper.finish(b.Context())
		}
	}
	c.Close()
	b.ResetTimer()
	for b.Loop() {
		c := open()
		b.StopTimer()
		if n := c.Table().Len(); n != clients {
			b.Fatalf("%d of %d clients are there", n, clients)
		}
		b.ReportMetric(float64(c.keeper.stats.Loaded)/c.keeper.stats.LoadTime.Seconds(), "fixes/s")
		c.Close()
		b.StartTimer()
	}
}
