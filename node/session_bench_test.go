package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"herd/gossip"
	"herd/gossip/location"
	"herd/node/protocol"
)

// BenchmarkSession is the cost of one IAMAT without sockets, from the bytes of a read
// to those of the replies, with the table and the batches of a real cluster. There is a
// loop for each processor; all get reports of the same clients. A turn reads 16 lines of
// each of its sessions, and flushes once. Turns of one session are the hardest: little
// is done between two meetings.
func BenchmarkSession(b *testing.B) {
	for _, sessions := range []int{8, 1} {
		b.Run(fmt.Sprint("turn-of-", sessions), func(b *testing.B) { benchmarkSessions(b, sessions) })
	}
}

func benchmarkSessions(b *testing.B, sessions int) {
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
		Listener: newPipes(), Herd: cluster, Places: &fakePlaces{}, Name: "Clark", clientBounds: clientBounds{MaxLine: 4096, MaxID: 255},
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
	read := func(c *session, bytes []byte) {
		for len(bytes) > 0 {
			n := copy(c.lines.Space(), bytes)
			c.lines.Fed(n)
			bytes = bytes[n:]
			c.received = s.config.Clock().UnixNano()
			s.count.bytesIn.Add(c.stripe, uint64(n))
			if _, err := c.work(maxReplies); err != nil {
				b.Error(err)
			}
		}
	}
	write := func(c *session) {
		if err := cluster.Wait(s.alive, c.ticket); err != nil {
			b.Error(err)
		}
		s.count.iAmAt.Add(c.stripe, c.reports)
		s.count.bytesOut.Add(c.stripe, uint64(len(c.replies)))
		if n := bytes.Count(c.replies, []byte{'\n'}); n != lines {
			b.Errorf("%d replies to %d lines", n, lines)
		}
		c.release()
	}
	var taken atomic.Int64 // ops
	loop := func(stripe int) {
		seated := make([]*session, sessions)
		for i := range seated {
			seated[i] = newSession(s, nil)
			seated[i].stripe = stripe
			seated[i].lines = protocol.NewLines(s.config.MaxLine)
		}
		i := stripe * reads / 7 // each begins elsewhere
		for taken.Add(int64(sessions*lines)) < int64(b.N+sessions*lines) {
			for _, c := range seated {
				read(c, input[i%reads])
				i++
			}
			cluster.Flush()
			for _, c := range seated {
				write(c)
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) {
		wg.Go(func() { loop(i) })
	}
	wg.Wait()
}
