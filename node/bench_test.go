package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"herd/gossip/location"
)

// quickHerd is a table and nobody to wait for.
type quickHerd struct{ table *location.Table }

func (h quickHerd) Report(id []byte, f location.Fix) uint64 {
	h.table.Merge(id, location.Entry{Fix: f})
	return 1
}
func (quickHerd) Flush()                             {}
func (quickHerd) Wait(context.Context, uint64) error { return nil }
func (h quickHerd) Lookup(_ context.Context, id []byte) (location.Entry, bool) {
	return h.table.Get(id)
}

// pipeliner is a client that sends so many reports at once, and reads what comes
// back.
type pipeliner struct {
	conn  net.Conn
	batch []byte
	got   []byte
}

func newPipeliner(t testing.TB, reports int) *pipeliner {
	t.Helper()
	p := onLoopback(t, func(c *clientConfig) { c.Herd = quickHerd{location.NewTable(16, 1)} })
	return &pipeliner{
		conn:  p.dial(t),
		batch: []byte(strings.Repeat(report+"\n", reports)),
		got:   make([]byte, reports*len(reported+"\n")),
	}
}

func (p *pipeliner) round(t testing.TB) {
	if _, err := p.conn.Write(p.batch); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(p.conn, p.got); err != nil {
		t.Fatal(err)
	}
}

// A report of a known client costs no allocation in all of its session. The pool
// of buffers may be emptied now and then.
func TestReportsDoNotAllocate(t *testing.T) {
	const reports = 64
	p := newPipeliner(t, reports)
	p.round(t)
	if n := testing.AllocsPerRun(50, func() { p.round(t) }); n > reports/8 {
		t.Errorf("%v allocations for %d reports", n, reports)
	}
}

// BenchmarkReports is the cost of one IAMAT over loopback, the client's part
// included.
func BenchmarkReports(b *testing.B) {
	for _, reports := range []int{1, 64} {
		b.Run(fmt.Sprintf("pipeline=%d", reports), func(b *testing.B) {
			b.ReportAllocs()
			p := newPipeliner(b, reports)
			b.ResetTimer()
			for n := 0; n < b.N; n += reports {
				p.round(b)
			}
		})
	}
}
