// Package roff writes manual pages, with the macros of man(7): text that is typed, and
// pages that are Markdown, as far as Herd's own use it.
package roff

import (
	"fmt"
	"strings"
)

// Title begins a page. The date, as 2006-01-02, may be empty. Words are not broken: half of
// an option can't be searched for.
func Title(name string, section int, date, source string) string {
	return fmt.Sprintf(".TH %s %d %s %s %s\n.nh\n.ad l\n", quote(strings.ToUpper(name)), section, `"`+date+`"`, quote(source), quote("Herd"))
}

// Section begins a part of a page.
func Section(heading string) string { return ".SH " + quote(strings.ToUpper(heading)) + "\n" }

// Names is the line that whatis(1) shows of a page.
func Names(name, what string) string {
	return Section("name") + Text(name) + ` \- ` + Text(what) + "\n"
}

// Item is a term and what is said of it, both roff already.
func Item(term, said string) string { return ".TP\n" + term + "\n" + said + "\n" }

// Bold is text in bold type.
func Bold(text string) string { return `\fB` + Text(text) + `\fR` }

// Italic is text in italic type.
func Italic(text string) string { return `\fI` + Text(text) + `\fR` }

// Code shows lines as they are.
func Code(text string) string {
	return ".PP\n.RS 4\n.EX\n" + Text(strings.Trim(text, "\n")) + "\n.EE\n.RE\n"
}

// Text has a text show as it is: nothing in it is a request. What is not ASCII is named
// by its number, which every formatter reads, whatever the locale.
func Text(text string) string {
	var b strings.Builder
	first := true // of its line
	for _, r := range text {
		switch {
		case first && (r == '.' || r == '\''):
			b.WriteString(`\&`)
			b.WriteRune(r)
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-': // else a hyphen, which nobody can search for or copy
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r < 0x80:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
		first = r == '\n'
	}
	return b.String()
}

// quote is one argument of a request.
func quote(text string) string {
	return `"` + strings.ReplaceAll(Text(text), `"`, `\(dq`) + `"`
}
