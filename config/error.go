package config

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Error is all that is wrong with a configuration.
type Error struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File // to show the source from
	order []string             // file names, as they were read

	temporary int // of diags: what may be right by itself in a while
}

// Temporary tells whether all that is wrong is that templates find no address on this machine, which it may
// get later: to start again is of use.
func (e *Error) Temporary() bool { return e.temporary == len(e.diags) }

// Problem is one thing wrong, for programs. File, Line and Column are zero if
// it is not about a place in a file; then Detail says where the value came from.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
}

// Problems lists what is wrong: by file and line, then what no file says.
func (e *Error) Problems() []Problem {
	var all []Problem
	for _, d := range e.diags {
		p := Problem{Summary: d.Summary, Detail: d.Detail}
		if d.Subject != nil {
			p.File, p.Line, p.Column = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
		}
		all = append(all, p)
	}
	return all
}

// Error is one line a problem, file and line first.
func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems() {
		line := p.Summary + ": " + p.Detail
		if p.File != "" {
			line = fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, line)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Render writes the problems for a person, each with its source line. Width
// wraps the text at so many columns, 0 not at all; color is for terminals.
func (e *Error) Render(w io.Writer, width int, color bool) error {
	return hcl.NewDiagnosticTextWriter(w, e.files, uint(max(width, 0)), color).WriteDiagnostics(e.diags)
}

// add keeps diagnostics without what HCL knows of the values in them: its
// writer would print variables, and those may be secrets.
func (e *Error) add(diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		d.Expression, d.EvalContext = nil, nil
		e.diags = append(e.diags, d)
	}
}

// keyLike finds what may be a key written into a file: one of Google's, or what
// is called a key, which no setting is.
var keyLike = regexp.MustCompile(`AIza[\w-]{20,}|(?i:key"?\s*[=:]\s*"?)((?:\\.|[^"\\\s&])+)`)

// show keeps a file to show its lines from.
func (e *Error) show(name string, file *hcl.File) {
	if e.files == nil {
		e.files = map[string]*hcl.File{}
	}
	shown := *file
	shown.Bytes = slices.Clone(file.Bytes)
	e.files[name] = &shown
	e.order = append(e.order, name)
	for _, at := range keyLike.FindAllSubmatchIndex(shown.Bytes, -1) {
		from, to := at[0], at[1]
		if at[2] >= 0 {
			from = at[2]
		}
		cover(shown.Bytes[from:to])
	}
}

// conceal covers a part of a file that may hold a secret.
func (e *Error) conceal(at hcl.Range) {
	cover(e.files[at.Filename].Bytes[at.Start.Byte:at.End.Byte])
}

func cover(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = '*'
		}
	}
}

// orNil is e as an error, its problems in order, or nil if there are none.
func (e *Error) orNil() error {
	if !e.diags.HasErrors() {
		return nil
	}
	place := func(d *hcl.Diagnostic) (file, offset int) {
		if d.Subject == nil {
			return len(e.order), 0
		}
		return slices.Index(e.order, d.Subject.Filename), d.Subject.Start.Byte
	}
	slices.SortStableFunc(e.diags, func(a, b *hcl.Diagnostic) int {
		afile, aoffset := place(a)
		bfile, boffset := place(b)
		return cmp.Or(cmp.Compare(afile, bfile), cmp.Compare(aoffset, boffset))
	})
	return e
}

func (p problem) diagnostic() *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid value for " + p.field, Detail: p.detail}
}
