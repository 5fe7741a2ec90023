package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/places"
)

// quickHerd is a table and nobody to wait for.
type quickHerd struct{ table *location.Table }

func (h quickHerd) Report(_ int, id []byte, f location.Fix) uint64 {
	h.table.Merge(id, location.Entry{Fix: f})
	return 1
}
func (h quickHerd) Prefetch(ids [][]byte)            { h.table.Prefetch(ids) }
func (quickHerd) Flush()                             {}
func (quickHerd) Wait(context.Context, uint64) error { return nil }
func (h quickHerd) Prompt(id []byte) (e location.Entry, found, ok bool) {
	e, found = h.table.Get(id)
	return e, found, true
}

func (h quickHerd) Lookup(_ context.Context, id []byte) (location.Entry, bool) {
	return h.table.Get(id)
}

// quickPlaces is a provider that has its answer already, or after a time.
type quickPlaces struct {
	body  []byte
	after time.Duration
}

func (p quickPlaces) AppendPrompt(dst []byte, _ places.Query) ([]byte, bool) {
	if p.after > 0 {
		return dst, false
	}
	return append(dst, p.body...), true
}

func (p quickPlaces) Near(ctx context.Context, _ places.Query) []byte {
	if p.after > 0 {
		select {
		case <-time.After(p.after):
		case <-ctx.Done():
		}
	}
	return p.body
}

// fivePlaces is as long as five places are.
var fivePlaces = strings.Repeat("x", 4000)

// pipeliner is a client that sends so many lines at once, and reads what comes
// back.
type pipeliner struct {
	port  *port
	conn  net.Conn
	batch []byte
	got   []byte
}

// newPipeliner makes a client that sends line so many times and has the reply to
// each. The provider takes a time for an answer.
func newPipeliner(t testing.TB, lines int, line, reply string, after time.Duration) *pipeliner {
	t.Helper()
	p := onLoopback(t, func(c *clientConfig) {
		c.Herd = quickHerd{location.NewTable(16, 1)}
		c.Places = quickPlaces{[]byte(fivePlaces), after}
	})
	client := &pipeliner{
		port:  p,
		conn:  p.dial(t),
		batch: []byte(strings.Repeat(line+"\n", lines)),
		got:   make([]byte, lines*len(reply+"\n")),
	}
	send(t, client.conn, report+"\n")
	receive(t, client.conn, reported+"\n")
	client.round(t)
	return client
}

func newReporter(t testing.TB, reports int) *pipeliner {
	t.Helper()
	return newPipeliner(t, reports, report, reported, 0)
}

func newAsker(t testing.TB, questions int, after time.Duration) *pipeliner {
	t.Helper()
	return newPipeliner(t, questions, question, reported+"\n"+fivePlaces+"\n", after)
}

func (p *pipeliner) round(t testing.TB) {
	if _, err := p.conn.Write(p.batch); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(p.conn, p.got); err != nil {
		t.Fatal(err)
	}
}

// A report of a known client costs no allocation in all of its session, nor does a
// question whose answer is there. The pool of buffers may be emptied now and then.
func TestLinesDoNotAllocate(t *testing.T) {
	const lines = 64
	for name, p := range map[string]*pipeliner{"reports": newReporter(t, lines), "questions": newAsker(t, lines, 0)} {
		if n := testing.AllocsPerRun(50, func() { p.round(t) }); n > lines/8 {
			t.Errorf("%v allocations for %d %s", n, lines, name)
		}
	}
}

// BenchmarkReports is the cost of one IAMAT over loopback, the client's part
// included.
func BenchmarkReports(b *testing.B) {
	for _, reports := range []int{1, 64} {
		b.Run(fmt.Sprintf("pipeline=%d", reports), func(b *testing.B) {
			b.ReportAllocs()
			p := newReporter(b, reports)
			b.ResetTimer()
			for n := 0; n < b.N; n += reports {
				p.round(b)
			}
		})
	}
}

// BenchmarkQuestions is the cost of one WHATSAT over loopback, by how long the
// provider takes, the client's part included.
func BenchmarkQuestions(b *testing.B) {
	for _, after := range []time.Duration{0, time.Millisecond} {
		for _, questions := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("provider=%s/pipeline=%d", after, questions), func(b *testing.B) {
				b.ReportAllocs()
				p := newAsker(b, questions, after)
				b.ResetTimer()
				for n := 0; n < b.N; n += questions {
					p.round(b)
				}
			})
		}
	}
}

// BenchmarkReportsWhileQuestionsHang is one IAMAT over loopback at a node on which
// nobody else asks, and at one where each of 100 connections waits for as many
// answers as it may: the slowest in a hundred, and their ratio.
func BenchmarkReportsWhileQuestionsHang(b *testing.B) {
	quiet, busy := newReporter(b, 1), newPipeliner(b, 1, report, reported, time.Hour)
	for range 100 {
		conn := busy.port.dial(b)
		send(b, conn, strings.Repeat(question+"\n", maxQuestions))
	}
	for busy.port.count.unanswered.Load() < 100*maxQuestions {
		time.Sleep(time.Millisecond)
	}
	var took [2][]time.Duration
	for b.Loop() {
		for i, p := range []*pipeliner{quiet, busy} {
			began := time.Now()
			p.round(b)
			took[i] = append(took[i], time.Since(began))
		}
	}
	var p99 [2]float64
	for i, name := range []string{"quiet-p99-ns", "hung-p99-ns"} {
		slices.Sort(took[i])
		p99[i] = float64(took[i][len(took[i])*99/100])
		b.ReportMetric(p99[i], name)
	}
	b.ReportMetric(p99[1]/p99[0], "ratio")
}
