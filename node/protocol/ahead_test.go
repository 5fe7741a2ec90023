package protocol

import (
	"strings"
	"testing"

	"herd/gossip/location"
)

func TestAhead(t *testing.T) {
	const first = "IAMAT kiwi +34-118 1"
	long := "IAMAT " + strings.Repeat("x", location.MaxID+1) + " +34-118 1\n"
	most := "kiwi" + strings.Repeat(" lime", mostAhead-1)
	tests := []struct {
		name, behind string
		ids          string
		lines        int
	}{
		{"nothing", "", "", 1},
		{"a part of a line", "IAMAT lime", "", 1},
		{"most of a line", "IAMAT lime +34-118.0 1", "kiwi", 1},
		{"two", "IAMAT lime +34-118 1\nWHATSAT plum 10 5\n", "kiwi lime plum", 3},
		{"CRLF", "IAMAT lime +34-118 1\r\nWHATSAT plum 10 5\r\nI", "kiwi lime plum", 3},
		{"no operands", "IAMAT\nIAMAT \nIAMAT  lime +34-118 1\n\n\n", "kiwi", 6},
		{"an ID only", "IAMAT lime\nIAMAT plum\r\n", "kiwi lime plum\r", 3},
		{"an ID that is too long", long, "kiwi", 2},
		{"many", strings.Repeat("IAMAT lime +34-118 1\n", 2*mostAhead), most, mostAhead},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLines(4096)
			for stream := first + "\n" + tt.behind; stream != ""; {
				n := copy(l.Space(), stream)
				l.Fed(n)
				stream = stream[n:]
			}
			line, _ := l.Next()
			ids, lines := l.Ahead(line)
			var got []string
			for _, id := range ids {
				got = append(got, string(id))
			}
			if got := strings.Join(got, " "); got != tt.ids || lines != tt.lines {
				t.Errorf("%q of %d lines, want %q of %d", got, lines, tt.ids, tt.lines)
			}
			if string(line) != first {
				t.Errorf("the line is %q now", line)
			}
			if next, s := l.Next(); s == Line && !strings.HasPrefix(tt.behind, string(next)) {
				t.Errorf("the next line is %q", next)
			}
		})
	}
}

func BenchmarkAhead(b *testing.B) {
	const line = "IAMAT client-000001.ucla.edu +34.068930-118.445127 1621464827.959498503\n"
	stream := strings.Repeat(line, mostAhead)
	l := NewLines(4096)
	b.ReportAllocs()
	for i := 0; i < b.N; i += mostAhead {
		for fed := 0; fed < len(stream); {
			n := copy(l.Space(), stream[fed:])
			l.Fed(n)
			fed += n
		}
		line, _ := l.Next()
		l.Ahead(line)
		for s := Line; s == Line; {
			_, s = l.Next()
		}
	}
}
