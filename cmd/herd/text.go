package main

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// tookText writes how long something took, in as many digits as are of use.
func tookText(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// clip is a text from a file or a server for a cell of a table: what a terminal
// would obey is left out, and what is beyond the width.
func clip(s string, width int) string {
	s = printable(s)
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

// printable leaves out what a terminal would obey.
func printable(s string) string {
	const nonJoiner, joiner = '\u200c', '\u200d' // spelling, in some languages
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r) || r == nonJoiner || r == joiner:
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, s)
}

var (
	htmlLink = regexp.MustCompile(`<a\s[^>]*?href="([^"]*)"[^>]*>(.*?)</a>`)
	htmlTag  = regexp.MustCompile(`<[^>]*>`)
)

// textOf is an attribution as text.
func textOf(attribution string) string {
	text := htmlLink.ReplaceAllString(attribution, "$2 ($1)")
	return printable(html.UnescapeString(htmlTag.ReplaceAllString(text, "")))
}

// distanceText writes how far something is.
func distanceText(metres float64) string {
	if metres < 1000 {
		return fmt.Sprintf("%.0f m", metres)
	}
	return fmt.Sprintf("%.1f km", metres/1000)
}
