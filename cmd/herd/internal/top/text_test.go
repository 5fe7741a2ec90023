package top

import (
	"math"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ text, want, ascii string }{
		{"kiwi.cs.ucla.edu", "kiwi.cs.ucla.edu", "kiwi.cs.ucla.edu"},
		{"\x1b[2J\r\n\x00", `\x1b[2J\r\n\x00`, `\x1b[2J\r\n\x00`},
		{"\u009b2J", `\u009b2J`, `\u009b2J`}, // CSI in one character
		{"\x9b2J", `\x9b2J`, `\x9b2J`},
		{"a\u202eb\u200b", `a\u202eb\u200b`, `a\u202eb\u200b`},
		{"\ufffd", `\ufffd`, `\ufffd`},
		{"é大\U0001f426", "é大\U0001f426", `\u00e9\u5927\U0001f426`},
	} {
		if got := clean(c.text, false); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		if got := clean(c.text, true); got != c.ascii {
			t.Errorf("%q in ASCII: %q, want %q", c.text, got, c.ascii)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		text  string
		cells int
		want  string
	}{
		{"kiwi", 4, "kiwi"},
		{"kiwi", 3, "ki…"},
		{"kiwi", 1, "…"},
		{"kiwi", 0, ""},
		{"大きい", 6, "大きい"},
		{"大きい", 5, "大き…"},
		{"大きい", 4, "大…"}, // half of a character does not fit
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := clip(c.text, c.cells, &unicodeGlyphs); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.cells, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(0.34): "0.3", number(9.94): "9.9", number(9.96): "10", number(99_999): "99999", number(99_999.6): "100 k",
		number(1_234_567): "1.2 M", number(math.NaN()): "?", number(math.Inf(1)): "?",
		short(950, "B"): "950 B", short(12_345, "B"): "12 kB", short(9_960, "B"): "10 kB", short(999_600, "B/s"): "1.0 MB/s", short(1e15, ""): "1000 T",
		span(-time.Hour): "0 s", span(59 * time.Second): "59 s", span(3599 * time.Second): "59 min 59 s", span(86_399 * time.Second): "23 h 59 min", span(90_000 * time.Second): "1 d 1 h",
		brief(612.4, &unicodeGlyphs): "612 µs", brief(999.6, &asciiGlyphs): "1.0 ms", brief(9_960, &asciiGlyphs): "10 ms", brief(999_600, &asciiGlyphs): "1.0 s", brief(5, &asciiGlyphs): "5 us", brief(math.NaN(), &asciiGlyphs): "?",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
