package roff

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	for _, c := range [][2]string{
		{"plain words", "plain words"},
		{".TH is no request", `\&.TH is no request`},
		{"a\n'b'", "a\n" + `\&'b\(aq`},
		{`C:\n`, `C:\en`},
		{"--json", `\-\-json`},
		{"PATH…", `PATH\[u2026]`},
	} {
		if got := Text(c[0]); got != c[1] {
			t.Errorf("%q: got %q, want %q", c[0], got, c[1])
		}
	}
}

// Whatever a page says, it makes no requests but those of its form.
func TestMarkdownIsInert(t *testing.T) {
	known := map[string]bool{".PP": true, ".RS": true, ".RE": true, ".EX": true, ".EE": true, ".SH": true, ".SS": true, ".IP": true, ".TP": true, ".br": true}
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching("(## |### |- |1\\. |\\| |    |```|)[-.'\\\\|*`a-z \\[\\]()]{0,12}")).Draw(t, "lines")
		for line := range strings.Lines(Markdown(strings.Join(lines, "\n"))) {
			if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); line[0] == '.' && !known[word] || line[0] == '\'' {
				t.Fatalf("%q makes %q", lines, line)
			}
			for rest := line; ; {
				_, after, found := strings.Cut(rest, `\`)
				if !found {
					break
				}
				if after == "" || !strings.ContainsRune("&e-([fc", rune(after[0])) {
					t.Fatalf("%q makes the escape %q", lines, `\`+after)
				}
				rest = after[1:]
			}
		}
	})
}

func TestMarkdown(t *testing.T) {
	const page = "# Title\n\nFiles are *.hcl and *.json; `--json`\nis **typed**, see [here](https://example.com/) and *there*.\n\n" +
		"    .not a request\n\n    herd dev\n\n- one\n  goes on\n- two\n\n1. first\n\n```console\n$ herd\n```\n\n## `block`\n\n" +
		"| key | default | what |\n|---|---|---|\n| `a` | – | one \\| other |\n| `b` | `2` | both |\n\n![a picture](page.png)\n"
	const want = ".PP\nFiles are *.hcl and *.json; \\fB\\-\\-json\\fR\nis \\fBtyped\\fR, see here (https://example.com/) and \\fIthere\\fR.\n" +
		".PP\n.RS 4\n.EX\n\\&.not a request\n\nherd dev\n.EE\n.RE\n.IP \\(bu 2\none\ngoes on\n.IP \\(bu 2\ntwo\n.IP 1. 4\nfirst\n" +
		".PP\n.RS 4\n.EX\n$ herd\n.EE\n.RE\n.SH \"BLOCK\"\n" +
		".TP\n\\fBa\\fR\none | other\n.TP\n\\fBb\\fR\n\\fIdefault\\fR: \\fB2\\fR\n.br\nboth\n"
	if got := Markdown(page); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
