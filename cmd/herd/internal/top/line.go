package top

import "strings"

// Style says how text looks, where there are colours.
type Style int

// What text is told apart by, besides what it says.
const (
	Normal Style = iota
	Strong
	Faint
	Good
	Warn
	Bad
	Chosen // what the keys act on
)

// The codes of the styles (ECMA-48, 8.3.117), with colours and without.
var (
	coloured = [...]string{Normal: "", Strong: "1", Faint: "2", Good: "32", Warn: "33", Bad: "1;31", Chosen: "1;7"}
	black    = [...]string{Normal: "", Strong: "1", Faint: "2", Good: "", Warn: "1", Bad: "1", Chosen: "1;7"}
)

// span of text in one style.
type part struct {
	text  string
	style Style
}

// Line is a line of a drawing.
type Line []part

// String is the line without styles and without blanks at its end.
func (l Line) String() string {
	var b strings.Builder
	for _, p := range l {
		b.WriteString(p.text)
	}
	return strings.TrimRight(b.String(), " ")
}

// Styled is the line with the escape sequences that a terminal needs to show the styles,
// with colours or without.
func (l Line) Styled(colours bool) string {
	codes := &black
	if colours {
		codes = &coloured
	}
	var b strings.Builder
	for _, p := range l {
		if code := codes[p.style]; code != "" && p.text != "" {
			b.WriteString("\x1b[" + code + "m" + p.text + "\x1b[m")
			continue
		}
		b.WriteString(p.text)
	}
	return strings.TrimRight(b.String(), " ")
}

// width is how many cells the line takes.
func (l Line) width() (cells int) {
	for _, p := range l {
		cells += textWidth(p.text)
	}
	return cells
}

// glyphs are the characters of a drawing that are not letters and digits.
type glyphs struct {
	ascii                                 bool
	cut, micro, none                      string
	alive, leaving, suspect, failed, left string
	course                                []rune // from nothing to the most
}

var (
	unicodeGlyphs = glyphs{false, "…", "µs", "–", "●", "◎", "◐", "✗", "○", []rune(" ▁▂▃▄▅▆▇█")}
	asciiGlyphs   = glyphs{true, "~", "us", "-", "*", "o", "?", "x", "-", []rune(" _.-=+*#@")}
)

func glyphsFor(ascii bool) *glyphs {
	if ascii {
		return &asciiGlyphs
	}
	return &unicodeGlyphs
}

// writer makes lines that are no wider than the drawing.
type writer struct {
	*glyphs
	width int
	line  Line
	used  int // cells
}

// add appends text, cut to what room there is.
func (w *writer) add(style Style, text string) {
	text = clip(clean(text, w.ascii), w.width-w.used, w.glyphs)
	if text == "" {
		return
	}
	w.line = append(w.line, part{text, style})
	w.used += textWidth(text)
}

// to fills up with blanks to the column at.
func (w *writer) to(at int) { w.add(Normal, strings.Repeat(" ", max(0, min(at, w.width)-w.used))) }

// end gives the line and begins another.
func (w *writer) end() Line {
	l := w.line
	w.line, w.used = nil, 0
	return l
}
