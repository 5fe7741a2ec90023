package history

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"herd/gossip/location"
)

// long is a history of n commands in which nothing is wrong: five nodes, a client for
// every hundred commands, a fault for every ten thousand; every write is in sync at
// all nodes.
func long(n int) *History {
	nodes := []Process{p("Bailey"), p("Bona"), p("Campbell"), p("Clark"), p("Jaquez")}
	h := &History{Settings: Settings{Wall: int64(1e18), Ahead: time.Minute}}
	shown := make([]string, n/100+1)
	position, err := location.ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		panic(err)
	}
	for i := range n {
		key := i * 7919 % len(shown)
		o := Op{Client: fmt.Sprintf("client-%d", key), At: nodes[i%5], Inv: int64(10 * i), Ret: int64(10*i + 25)}
		if i%3 == 0 && i > len(shown) || shown[key] == "" {
			nanos := h.Wall + int64(i)
			t, err := location.ParseTime(fmt.Appendf(nil, "%d.%09d", nanos/1e9, nanos%1e9))
			if err != nil {
				panic(err)
			}
			f := location.NewFix(o.At.Node, nanos+5, time.Minute, position, t)
			o.Position, o.Time, o.Line = position.String(), t.String(), atLine(o.Client, &f)
			shown[key] = o.Line
			for _, q := range nodes {
				if q != o.At {
					o.Held = append(o.Held, q)
				}
			}
		} else {
			o.Kind, o.Line = Read, shown[key]
		}
		h.Ops = append(h.Ops, o)
		if i%10_000 == 5000 {
			h.Faults = append(h.Faults, Fault{Name: "cut", Nodes: []string{"Bona"}, Inv: o.Inv, Ret: o.Inv + 30_000})
			h.Holds = append(h.Holds, Hold{Who: nodes[1], Of: nodes[2:], All: i%20_000 == 5000, Inv: o.Inv - 100, Ret: o.Inv})
		}
	}
	for _, q := range nodes {
		h.Dumps = append(h.Dumps, Dump{At: q, Lines: shown, Inv: int64(10*n + 100), Ret: int64(10*n + 200)})
	}
	return h
}

// BenchmarkCheck shows that the time is near to linear: compare ns/op of a command.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := long(n)
			b.ReportAllocs()
			for b.Loop() {
				if r := Check(h); !r.OK() {
					b.Fatal(r)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/command")
		})
	}
}

func BenchmarkRecorder(b *testing.B) {
	r := NewRecorder(Settings{}, b.N)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			inv, err := r.Begin()
			if err != nil {
				b.Error(err)
			}
			r.End(Op{Inv: inv})
		}
	})
}

func BenchmarkFile(b *testing.B) {
	h := long(10_000)
	var file bytes.Buffer
	if err := h.Write(&file); err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(file.Len()))
		for b.Loop() {
			if err := h.Write(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(file.Len()))
		for b.Loop() {
			if _, err := ReadHistory(bytes.NewReader(file.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}
