package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

func (l *loader) decodeFile(src []byte, name string) {
	if slices.Contains(l.errs.order, name) {
		return // the same file twice says nothing new
	}
	file, diags := parse(src, name)
	if file == nil {
		file = &hcl.File{Bytes: src}
	}
	if l.errs.files == nil {
		l.errs.files = map[string]*hcl.File{}
	}
	l.errs.files[name] = file
	l.errs.order = append(l.errs.order, name)
	l.errs.add(diags...)
	if diags.HasErrors() {
		return // what is missing from a broken file is not worth a word
	}
	l.decodeBody(file.Body)
}

func (l *loader) decodeBody(body hcl.Body) {
	content, diags := body.Content(l.schema(""))
	l.addUnknown(diags)
	l.decodeAttributes("", content.Attributes)

	first := map[string]hcl.Range{}
	for _, b := range content.Blocks {
		name := strings.Join(append([]string{b.Type}, b.Labels...), ".")
		schema := l.schema(name)
		if schema == nil {
			l.errs.add(&hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "Unknown provider of places",
				Detail:   fmt.Sprintf("There is only %s.", strings.Join(l.providers(), ", ")),
				Subject:  &b.LabelRanges[0],
			})
			continue
		}
		if at, again := first[name]; again {
			l.errs.add(&hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  fmt.Sprintf("Duplicate %s block", b.Type),
				Detail:   fmt.Sprintf("The first one is at %s:%d. Write all of it there.", at.Filename, at.Start.Line),
				Subject:  &b.DefRange,
			})
			continue
		}
		first[name] = b.DefRange
		content, diags := b.Body.Content(schema)
		l.addUnknown(diags)
		l.decodeAttributes(name, content.Attributes)
	}
}

func (l *loader) decodeAttributes(block string, attrs hcl.Attributes) {
	for _, r := range l.rows {
		attr, written := attrs[r.key()]
		if r.block() != block || !written {
			continue
		}
		at := attr.Expr.Range()
		l.origins[r.name] = origin{kind: fromFile, at: &at}
		switch texts, err := l.evaluate(attr.Expr, r.value.list); {
		case errors.Is(err, errReported):
			l.failed[r.name] = true
		case errors.Is(err, errWrongType):
			l.fail(r.name, mustBe(r))
		default:
			l.set(r, texts, l.origins[r.name])
		}
	}
}

// schema is what may stand in a block; nil if there is no such block.
func (l *loader) schema(block string) *hcl.BodySchema {
	schema := &hcl.BodySchema{}
	blocks := map[string]bool{}
	for _, r := range l.rows {
		in, key := split(r.name)
		if in == block {
			schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: key})
		}
		if typ, label, _ := strings.Cut(in, "."); block == "" && in != "" && !blocks[typ] {
			blocks[typ] = true
			header := hcl.BlockHeaderSchema{Type: typ}
			if label != "" {
				header.LabelNames = []string{"provider"}
			}
			schema.Blocks = append(schema.Blocks, header)
		}
	}
	if len(schema.Attributes) == 0 {
		return nil
	}
	return schema
}

// providers are the labels that a places block can have.
func (l *loader) providers() []string {
	var all []string
	for _, r := range l.rows {
		if typ, label, _ := strings.Cut(r.block(), "."); typ == "places" && !slices.Contains(all, `"`+label+`"`) {
			all = append(all, `"`+label+`"`)
		}
	}
	return all
}

// addUnknown keeps diagnostics of keys that don't belong where they stand. HCL
// suggests similar names; it can't know of a right name in the wrong block, or of
// a flag's name or half a name.
func (l *loader) addUnknown(diags hcl.Diagnostics) {
	for _, d := range diags {
		unknown := d.Summary == "Unsupported argument" || d.Summary == "Extraneous JSON object property"
		if unknown && d.Subject != nil && !strings.Contains(d.Detail, "Did you mean") {
			src := l.errs.files[d.Subject.Filename].Bytes
			key := strings.Trim(string(d.Subject.SliceBytes(src)), `"`)
			for _, r := range l.rows {
				if r.key() == key || strings.HasPrefix(r.key(), key+"_") || r.flag() == strings.ReplaceAll(key, "_", "-") {
					d.Detail += fmt.Sprintf(" Did you mean %s?", hclName(r.name))
					break
				}
			}
		}
		l.errs.add(d)
	}
}

// hclName is a name as it stands in a file: client { addr }.
func hclName(name string) string {
	block, key := split(name)
	if block == "" {
		return key
	}
	typ, label, labelled := strings.Cut(block, ".")
	if labelled {
		typ += fmt.Sprintf(" %q", label)
	}
	return typ + " { " + key + " }"
}
