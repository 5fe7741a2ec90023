package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"herd/gossip"
	"herd/gossip/location"
	"herd/node/protocol"
)

// BenchmarkSession is the cost of one IAMAT without sockets, from the bytes of a read
// to those of the replies, with the table and the batches of a real cluster. Each
// goroutine is a loop, and takes 16 lines a read; all report the same clients.
func BenchmarkSession(b *testing.B) {
	const (
		clients = 100_000
		lines   = 16
		reads   = 8192
	)
	table := location.NewTable(shards, 1)
	cluster, err := gossip.New(gossip.Config{Name: "Clark", BindAddr: "127.0.0.1:0", Table: table})
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	s := newClientServer(clientConfig{
		Listener: newPipes(), Herd: cluster, Places: &fakePlaces{}, Name: "Clark", MaxLine: 4096, MaxID: 255,
		Logger: hclog.NewNullLogger(),
	})
	r := rand.New(rand.NewPCG(1, 1))
	var input [reads][]byte
	for i := range input {
		for range lines {
			input[i] = fmt.Appendf(input[i], "IAMAT client-%06d.ucla.edu +34.%06d-118.%06d 1621464827.959498503\n",
				r.IntN(clients), r.IntN(1e6), r.IntN(1e6))
		}
	}
	var goroutines atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(goroutines.Add(1)) * reads / 7 // each begins elsewhere
		c := newSession(s, nil)
		c.lines = protocol.NewLines(s.config.MaxLine)
		turn := func(read []byte) {
			for len(read) > 0 {
				n := copy(c.lines.Space(), read)
				c.lines.Fed(n)
				read = read[n:]
				c.received = s.config.Clock().UnixNano()
				s.count.bytesIn.Add(uint64(n))
				if _, err := c.work(maxReplies); err != nil {
					b.Error(err)
				}
			}
			cluster.Flush()
			if err := cluster.Wait(s.alive, c.ticket); err != nil {
				b.Error(err)
			}
			s.count.iAmAt.Add(c.reports)
			s.count.bytesOut.Add(uint64(len(c.replies)))
			if n := bytes.Count(c.replies, []byte{'\n'}); n != lines {
				b.Errorf("%d replies to %d lines", n, lines)
			}
			c.release()
		}
		for ; ; i++ {
			for range lines {
				if !pb.Next() {
					return
				}
			}
			turn(input[i%reads])
		}
	})
}
