package roff

import (
	"regexp"
	"strings"
)

// Markdown turns a page into roff. It knows headings, paragraphs, lists of one level,
// code, tables and emphasis. A page is as wide as a terminal and a table may be wider: each of
// its rows becomes an item, with the first cell as its term. The title of the page, and
// pictures, are left out.
func Markdown(page string) string {
	m := &markdown{}
	for line := range strings.Lines(page) {
		m.line(strings.TrimRight(line, " \r\n"))
	}
	m.flush()
	return m.out.String()
}

type markdown struct {
	out    strings.Builder
	text   []string // of a paragraph or an item that is open
	item   string   // the request that begins it
	code   []string // lines of code, while there are some
	fenced bool
	heads  []string // of the table that is open
}

var (
	bullet   = regexp.MustCompile(`^[-*] +`)
	numbered = regexp.MustCompile(`^(\d+\.) +`)
	ruler    = regexp.MustCompile(`^\|[-|: ]+\|$`)
	span     = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*|\\*[^*\\s](?:[^*]*[^*\\s])?\\*|!?\\[[^\\]]*\\]\\([^)]*\\)")
)

func (m *markdown) line(line string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(trimmed, "```"):
		if !m.fenced {
			m.flush()
		}
		m.fenced = !m.fenced
		m.endCode(!m.fenced)
	case m.fenced, strings.HasPrefix(line, "    ") && m.text == nil:
		m.code = append(m.code, line)
	case line == "" && m.code != nil: // a gap in the code, or its end
		m.code = append(m.code, "")
	case line == "", strings.HasPrefix(line, "<!--"), strings.HasPrefix(line, "!["), strings.HasPrefix(line, "# "):
		m.flush()
	case strings.HasPrefix(line, "## "):
		m.flush()
		m.out.WriteString(Section(strings.ReplaceAll(line[3:], "`", "")))
	case strings.HasPrefix(line, "### "):
		m.flush()
		m.out.WriteString(".SS " + quote(strings.ReplaceAll(line[4:], "`", "")) + "\n")
	case strings.HasPrefix(line, "|"):
		m.row(line)
	case bullet.MatchString(line):
		m.flush()
		m.item = `.IP \(bu 2`
		m.text = []string{bullet.ReplaceAllString(line, "")}
	case numbered.MatchString(line):
		m.flush()
		m.item = `.IP ` + numbered.FindStringSubmatch(line)[1] + ` 4`
		m.text = []string{numbered.ReplaceAllString(line, "")}
	default:
		m.endCode(true)
		m.text = append(m.text, trimmed)
	}
}

// flush ends whatever is open.
func (m *markdown) flush() {
	m.endCode(true)
	if m.text != nil {
		if m.item == "" {
			m.item = ".PP"
		}
		m.out.WriteString(m.item + "\n" + inline(strings.Join(m.text, "\n")) + "\n")
	}
	m.text, m.item, m.heads = nil, "", nil
}

func (m *markdown) endCode(ends bool) {
	if ends && m.code != nil {
		m.out.WriteString(Code(unindent(m.code)))
		m.code = nil
	}
}

// unindent takes away by what all lines are indented.
func unindent(lines []string) string {
	least := -1
	for _, line := range lines {
		if n := len(line) - len(strings.TrimLeft(line, " ")); line != "" && (least < 0 || n < least) {
			least = n
		}
	}
	for i, line := range lines {
		lines[i] = line[min(max(least, 0), len(line)):]
	}
	return strings.Join(lines, "\n")
}

// row makes an item of a line of a table; the first line has the heads of the others.
func (m *markdown) row(line string) {
	if ruler.MatchString(line) {
		return
	}
	cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|")
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(c), "\x00", "|")
	}
	if m.heads == nil {
		m.flush()
		m.heads = cells
		return
	}
	var said []string
	for i, c := range cells[1:] {
		switch {
		case c == "" || c == "–":
		case i+2 == len(m.heads): // the last column is what it is about
			said = append(said, inline(c))
		case i+1 < len(m.heads):
			said = append(said, Italic(m.heads[i+1])+": "+inline(c)+"\n.br")
		}
	}
	m.out.WriteString(Item(inline(cells[0]), strings.Join(said, "\n")))
}

// inline turns emphasis and links in a text into fonts.
func inline(text string) string {
	var b strings.Builder
	rest := text
	for {
		at := span.FindStringIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(rest[:at[0]])
		s := rest[at[0]:at[1]]
		switch {
		case s[0] == '`':
			b.WriteString("\x01" + strings.Trim(s, "`") + "\x03")
		case strings.HasPrefix(s, "**"):
			b.WriteString("\x01" + strings.Trim(s, "*") + "\x03")
		case s[0] == '*':
			b.WriteString("\x02" + strings.Trim(s, "*") + "\x03")
		case s[0] == '[':
			words, link, _ := strings.Cut(strings.Trim(s, "[)"), "](")
			b.WriteString(words)
			if strings.Contains(link, "://") && link != words {
				b.WriteString(" (" + link + ")")
			}
		}
		rest = rest[at[1]:]
	}
	b.WriteString(rest)
	// Fonts are put in last: Text would show them.
	return strings.NewReplacer("\x01", `\fB`, "\x02", `\fI`, "\x03", `\fR`).Replace(Text(b.String()))
}
