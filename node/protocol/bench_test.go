package protocol

import (
	"bytes"
	"testing"

	"herd/gossip/location"
)

const (
	usualIAmAt   = "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503"
	usualWhatsAt = "WHATSAT kiwi.cs.ucla.edu 10 5"
)

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{"IAMAT": usualIAmAt, "WHATSAT": usualWhatsAt, "invalid": "HELLO there"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			line := []byte(text)
			for b.Loop() {
				Parse(line, Limits{})
			}
		})
	}
}

func BenchmarkAppendAt(b *testing.B) {
	b.ReportAllocs()
	c := Parse([]byte(usualIAmAt), Limits{})
	f := location.NewFix("Clark", c.Time.Nanos()+263873386, 0, c.Position, c.Time)
	buf := make([]byte, 0, 256)
	for b.Loop() {
		buf = AppendAt(buf[:0], c.ID, &f)
	}
}

// BenchmarkLines is the cost of one line, read 64 at a time.
func BenchmarkLines(b *testing.B) {
	b.ReportAllocs()
	batch := bytes.Repeat([]byte(usualIAmAt+"\n"), 64)
	l := NewLines(4096)
	for n := 0; n < b.N; {
		for rest := batch; len(rest) > 0; {
			fed := copy(l.Space(), rest)
			l.Fed(fed)
			rest = rest[fed:]
			for {
				if _, s := l.Next(); s != Line {
					break
				}
				n++
			}
		}
	}
}
