package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// clean writes s so that a terminal shows it and does nothing else: what can't be printed
// is escaped as in Go, and with ascii, all that is not ASCII.
func clean(s string, ascii bool) string {
	harmless := true
	for _, r := range s {
		harmless = harmless && shown(r, ascii)
	}
	if harmless {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case shown(r, ascii):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		s = s[n:]
	}
	return b.String()
}

// shown tells whether r may go to the terminal as it is. Format characters, such as those
// that turn the direction of writing, are not printable. An invalid byte comes as
// utf8.RuneError, and so does one that was replaced before: neither is shown.
func shown(r rune, ascii bool) bool {
	return r != utf8.RuneError && unicode.IsPrint(r) && (r < utf8.RuneSelf || !ascii)
}

// runeWidth is how many cells of a terminal r takes.
func runeWidth(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// textWidth is how many cells s takes.
func textWidth(s string) (cells int) {
	for _, r := range s {
		cells += runeWidth(r)
	}
	return cells
}

// clip cuts clean text to so many cells, and shows that it did.
func clip(s string, cells int, g *glyphs) string {
	if textWidth(s) <= cells {
		return s
	}
	if cells < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		w := runeWidth(r)
		if used+w > cells-1 {
			return s[:i] + g.cut
		}
		used += w
	}
	return s
}

// number writes n with the digits that matter: 0.3, 950, 12345, 1.2 M.
func number(n float64) string {
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return "?"
	case n < 9.95 && n != math.Trunc(n):
		return strconv.FormatFloat(n, 'f', 1, 64)
	case n < 99_999.5:
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return short(n, "")
}

// short writes n in three digits with a prefix: 950 B, 12 kB, 4.5 MB.
func short(n float64, unit string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T"} {
		if n < 999.5 {
			break
		}
		n /= 1000
		prefix = p
	}
	digits := 0
	if prefix != "" && n < 9.95 {
		digits = 1
	}
	return strings.TrimRight(strconv.FormatFloat(n, 'f', digits, 64)+" "+prefix+unit, " ")
}

// span writes a duration in its two greatest units.
func span(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 86_400:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d d %d h", s/86_400, s%86_400/3600)
}

// brief writes a short duration, given in microseconds.
func brief(us float64, g *glyphs) string {
	switch {
	case math.IsNaN(us) || us < 0:
		return "?"
	case us < 999.5:
		return fmt.Sprintf("%.0f %s", us, g.micro)
	case us < 9_950:
		return fmt.Sprintf("%.1f ms", us/1e3)
	case us < 999_500:
		return fmt.Sprintf("%.0f ms", us/1e3)
	}
	return fmt.Sprintf("%.1f s", us/1e6)
}
