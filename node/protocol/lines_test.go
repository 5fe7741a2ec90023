package protocol

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// cut feeds a stream in pieces of the lengths that sizes gives in turn, a full
// Space where there is none, and gives the lines and whether the last was too long.
func cut(l *Lines, stream []byte, sizes ...int) (lines []string, tooLong bool) {
	for i := 0; ; {
		switch line, s := l.Next(); s {
		case Line:
			lines = append(lines, string(line))
		case TooLong:
			return append(lines, string(line)), true
		case Done:
			return lines, false
		case More:
			if len(stream) == 0 {
				l.End()
				continue
			}
			space := l.Space()
			if len(space) == 0 {
				panic("Next says More and there is no Space")
			}
			if i < len(sizes) {
				space = space[:min(max(sizes[i], 1), len(space))]
				i++
			}
			n := copy(space, stream)
			stream = stream[n:]
			l.Fed(n)
		}
	}
}

// linesModel is what cut should give, as simply as it can be said.
func linesModel(stream string, longest int) (lines []string, tooLong bool) {
	for stream != "" {
		line, rest, ended := strings.Cut(stream, "\n")
		if ended {
			line = strings.TrimSuffix(line, "\r")
		}
		if len(line) > longest {
			return append(lines, line[:longest]), true
		}
		lines, stream = append(lines, line), rest
	}
	return lines, false
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("x", 1_000_000)
	tests := []struct {
		stream  string
		want    []string
		tooLong bool
	}{
		{"12345678\n", []string{"12345678"}, false},
		{"12345678\r\n", []string{"12345678"}, false},
		{"12345678", []string{"12345678"}, false},
		{"1234567\r", []string{"1234567\r"}, false},
		{"1234567\r\r\n", []string{"1234567\r"}, false},
		{"123456789\n", []string{"12345678"}, true},
		{"123456789\r\n", []string{"12345678"}, true},
		{"123456789", []string{"12345678"}, true},
		{"12345678\r", []string{"12345678"}, true}, // no terminator, but a byte of the line
		{"12345678\rx\n", []string{"12345678"}, true},
		{"12345678\r\r\n", []string{"12345678"}, true},
		{"a\nb\n123456789\nc\n", []string{"a", "b", "12345678"}, true}, // nothing after it
		{"12345678\r" + long, []string{"12345678"}, true},
		{"a\n" + long, []string{"a", "xxxxxxxx"}, true},
		{"         \n", []string{"        "}, true}, // white space counts
		{strings.Repeat("\n", 1000), make([]string, 1000), false},
	}
	for _, tt := range tests {
		got, tooLong := cut(NewLines(8), []byte(tt.stream))
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) || tooLong != tt.tooLong {
			t.Errorf("%.40q is %.200q, too long: %t; want %.200q, %t", tt.stream, got, tooLong, tt.want, tt.tooLong)
		}
	}
}

func TestNothingAfterTooLong(t *testing.T) {
	l := NewLines(8)
	n := copy(l.Space(), "123456789\nIAMAT\n")
	l.Fed(n)
	if _, s := l.Next(); s != TooLong {
		t.Fatalf("got %d, want TooLong", s)
	}
	for range 2 {
		if line, s := l.Next(); s != Done {
			t.Errorf("got %q, %d; want Done", line, s)
		}
	}
}

// However a stream is cut, the lines are the same.
func TestLinesAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\r\r\n", "\n\n", "a", "\x00", strings.Repeat("y", 600)}),
			rapid.StringMatching(`[a-z\r]{0,12}\n`),
		)).Draw(t, "stream")
		sizes := rapid.SliceOf(rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 20), rapid.IntRange(1, 2000))).Draw(t, "sizes")
		longest := rapid.OneOf(rapid.IntRange(1, 14), rapid.IntRange(500, 1300)).Draw(t, "longest")
		checkLines(t, strings.Join(pieces, ""), longest, sizes)
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("IAMAT kiwi +34-118 5\nWHATSAT kiwi 10 5\r\nHELLO"), 40, []byte{1, 2, 3})
	f.Add([]byte("12345678\r\n12345678\r1\n"), 8, []byte{9, 1})
	f.Add([]byte("\r\n\n\r\r\n\x00"), 1, []byte{})
	f.Add(bytes.Repeat([]byte("IAMAT kiwi +34-118 5\n"), 100), 4096, []byte{255, 255, 255})
	f.Fuzz(func(t *testing.T, stream []byte, longest int, cuts []byte) {
		sizes := make([]int, len(cuts))
		for i, c := range cuts {
			sizes[i] = int(c)
		}
		checkLines(t, string(stream), min(max(longest, 1), 1<<20), sizes)
	})
}

// checkLines cuts the stream as told, at once, and byte by byte.
func checkLines(t fataler, stream string, longest int, sizes []int) {
	t.Helper()
	want, wantTooLong := linesModel(stream, longest)
	bytewise := make([]int, len(stream))
	for _, sizes := range [][]int{sizes, nil, bytewise} {
		l := NewLines(longest)
		got, tooLong := cut(l, []byte(stream), sizes...)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || tooLong != wantTooLong {
			t.Fatalf("%q, lines of %d at most, cut at %v: %q, too long: %t; want %q, %t", stream, longest, sizes, got, tooLong, want, wantTooLong)
		}
		if len(l.buf) > l.bound() {
			t.Fatalf("%q: the buffer has grown to %d", stream, len(l.buf))
		}
	}
}

func TestBufferSize(t *testing.T) {
	command := []byte("IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503\n")
	alone := make([]int, 100)
	for i := range alone {
		alone[i] = len(command)
	}
	tests := []struct {
		name    string
		longest int
		stream  []byte
		sizes   []int
		least   int
		most    int
	}{
		{"nothing yet", 4096, nil, nil, 0, 0},
		{"a command at a time", 4096, bytes.Repeat(command, 100), alone, leastBuffer, leastBuffer},
		{"as fast as it can", 4096, bytes.Repeat(command, 10_000), nil, mostBuffer, mostBuffer},
		{"a line that is too long", 4096, bytes.Repeat([]byte("x"), 1<<20), nil, 4096, mostBuffer},
		{"a line longer than reads are", 100_000, bytes.Repeat([]byte("x"), 100_000), nil, 100_000, 100_002},
		{"short lines where long ones may be", 1 << 20, bytes.Repeat(command, 10_000), nil, mostBuffer, mostBuffer},
	}
	for _, tt := range tests {
		l := NewLines(tt.longest)
		cut(l, tt.stream, tt.sizes...)
		if n := len(l.buf); n < tt.least || n > tt.most {
			t.Errorf("%s: %d bytes, want %d to %d", tt.name, n, tt.least, tt.most)
		}
	}
}

// A long line's room is given back when the line has been answered.
func TestLongLineIsNotHeldForEver(t *testing.T) {
	l := NewLines(100_000)
	line := strings.Repeat("x", 100_000)
	got, tooLong := cut(l, []byte(line+"\r\n"))
	if len(got) != 1 || got[0] != line || tooLong {
		t.Errorf("%d lines, too long: %t; want the line that was sent", len(got), tooLong)
	}
	if n := len(l.Space()); n != leastBuffer {
		t.Errorf("%d bytes, want %d", n, leastBuffer)
	}
}
