package location

import (
	"fmt"
	"testing"
)

const (
	usualPosition = "+34.068930-118.445127"
	usualTime     = "1621464827.959498503"
)

// Nothing that happens for each report of a known client allocates.
func TestAllocations(t *testing.T) {
	var (
		position, when = []byte(usualPosition), []byte(usualTime)
		p, v           = mustPosition(t, usualPosition), mustTime(t, usualTime)
		id             = []byte("kiwi.cs.ucla.edu")
		table          = NewTable(16, 1)
		buf            = make([]byte, 0, 64)
		received       int64
	)
	table.Merge(id, Entry{Fix: NewFix("Clark", 0, 0, p, v)})
	tests := []struct {
		name string
		f    func()
	}{
		{"parse a position", func() { ParsePosition(position) }},
		{"parse a time", func() { ParseTime(when) }},
		{"append a position", func() { p.Append(buf) }},
		{"append a time", func() { v.Append(buf) }},
		{"get", func() { table.Get(id) }},
		{"merge a newer fix", func() {
			received++
			table.Merge(id, Entry{Fix: NewFix("Clark", received, 0, p, v)})
		}},
		{"merge a stale fix", func() { table.Merge(id, Entry{Fix: NewFix("Clark", 0, 0, p, v)}) }},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func BenchmarkParsePosition(b *testing.B) {
	for _, text := range []string{usualPosition, "+34.06893012345678901-118.445127"} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			b.ReportAllocs()
			in := []byte(text)
			for b.Loop() {
				if _, err := ParsePosition(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseTime(b *testing.B) {
	b.ReportAllocs()
	in := []byte(usualTime)
	for b.Loop() {
		if _, err := ParseTime(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPosition(b *testing.B) {
	b.ReportAllocs()
	p := mustPosition(b, usualPosition)
	buf := make([]byte, 0, 64)
	for b.Loop() {
		buf = p.Append(buf[:0])
	}
}

func BenchmarkAppendTime(b *testing.B) {
	b.ReportAllocs()
	v := mustTime(b, usualTime)
	buf := make([]byte, 0, 64)
	for b.Loop() {
		buf = v.Append(buf[:0])
	}
}

func BenchmarkMerge(b *testing.B) {
	p, v := mustPosition(b, usualPosition), mustTime(b, usualTime)
	const clients = 1 << 14
	ids := make([][]byte, clients)
	for i := range ids {
		ids[i] = fmt.Appendf(nil, "client-%05d.example", i)
	}
	fill := func() *Table {
		table := NewTable(64, 1)
		for _, id := range ids {
			table.Merge(id, Entry{Fix: NewFix("Clark", 1, 0, p, v)})
		}
		return table
	}
	b.Run("added", func(b *testing.B) {
		b.ReportAllocs()
		table, i := NewTable(64, 1), 0
		for b.Loop() {
			if i++; i%clients == 0 {
				b.StopTimer()
				table = NewTable(64, 1)
				b.StartTimer()
			}
			table.Merge(ids[i%clients], Entry{Fix: NewFix("Clark", 1, 0, p, v)})
		}
	})
	b.Run("replaced", func(b *testing.B) {
		b.ReportAllocs()
		table, i := fill(), 0
		for b.Loop() {
			i++
			table.Merge(ids[i%clients], Entry{Fix: NewFix("Clark", int64(2+i), 0, p, v)})
		}
	})
	b.Run("watched", func(b *testing.B) {
		b.ReportAllocs()
		table, i, told := fill(), 0, 0
		table.SetWatch(func([]byte, Fix) { told++ })
		for b.Loop() {
			i++
			table.Merge(ids[i%clients], Entry{Fix: NewFix("Clark", int64(2+i), 0, p, v)})
		}
	})
	b.Run("stale", func(b *testing.B) {
		b.ReportAllocs()
		table, i := fill(), 0
		for b.Loop() {
			i++
			table.Merge(ids[i%clients], Entry{Fix: NewFix("Bona", 1, 0, p, v)})
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		table := fill()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				table.Merge(ids[i%clients], Entry{Fix: NewFix("Clark", int64(2+i), 0, p, v)})
			}
		})
	})
}
