package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"testing"

	"herd/gossip/location"
)

// crowd has clients in a square of 3 by 3 degrees.
func crowd(tb testing.TB, table *location.Table, clients int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	when, err := location.ParseTime([]byte("1621464827.959498503"))
	if err != nil {
		tb.Fatal(err)
	}
	for i := range clients {
		p, err := location.ParsePosition(fmt.Appendf(nil, "+%09.6f-%010.6f", 32+3*r.Float64(), 117+3*r.Float64()))
		if err != nil {
			tb.Fatal(err)
		}
		f := location.NewFix("Clark", 1621464827_959498503, 0, p, when)
		table.Merge(fmt.Appendf(nil, "bench-%014d", i), location.Entry{Fix: f})
	}
}

// BenchmarkGetNear asks over a connection, one question after the other.
func BenchmarkGetNear(b *testing.B) {
	n := newTestNode(b)
	crowd(b, n.table, 100_000)
	server := httptest.NewServer(n.api.Handler)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for _, limit := range []int{1, 5, 20, 100} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			r := rand.New(rand.NewPCG(2, 2))
			ask, got := []byte{}, make([]byte, 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				ask = fmt.Appendf(ask[:0], "GET /v1/near?lat=%.6f&lon=%.6f&radius=10000&limit=%d HTTP/1.1\r\nHost: localhost\r\n\r\n", 32+3*r.Float64(), -117-3*r.Float64(), limit)
				conn.Write(ask)
				for have := 0; ; {
					k, err := conn.Read(got[have:])
					if err != nil {
						b.Fatal(err)
					}
					if have += k; bytes.HasSuffix(got[:have], []byte("]}\n")) {
						break
					}
				}
			}
		})
	}
}
