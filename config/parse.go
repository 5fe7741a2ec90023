package config

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// maxDepth bounds the nesting of brackets. HCL's parsers recurse, and a few
// ten thousand open brackets overflow the stack, which ends the process.
const maxDepth = 64

func parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if at, deep := tooDeep(src, name); deep {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "Too many open brackets",
			Detail:   fmt.Sprintf("No more than %d can be open at once.", maxDepth),
			Subject:  &at,
		}}
	}
	if filepath.Ext(name) == ".json" {
		return json.Parse(src, name)
	}
	if before, _, found := bytes.Cut(src, []byte("{")); found && len(bytes.TrimSpace(before)) == 0 {
		// No HCL begins so, and HCL's own complaints about JSON are many.
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "JSON in a file of HCL",
			Detail:   "This begins like JSON. Name the file *.json.",
			Subject:  &at,
		}}
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

// tooDeep finds the first bracket too many. It counts those in strings and
// comments too, which is cruder than the language and harms nobody.
func tooDeep(src []byte, name string) (hcl.Range, bool) {
	depth := 0
	at := hcl.InitialPos
	for i, c := range src {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			at.Line, at.Column = at.Line+1, 0
		}
		at.Byte = i
		if depth > maxDepth {
			return hcl.Range{Filename: name, Start: at, End: at}, true
		}
		at.Column++
	}
	return hcl.Range{}, false
}
