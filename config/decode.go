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
	l.errs.show(name, file)
	l.errs.add(diags...)
	if diags.HasErrors() {
		return // what is missing from a broken file is not worth a word
	}
	l.decodeBody(file.Body)
}

func (l *loader) decodeBody(body hcl.Body) {
	places, body := l.takePlaces(body)
	content, diags := body.Content(l.schema(""))
	l.addUnknown("", diags)
	l.decodeAttributes("", content.Attributes)

	first := map[string]hcl.Range{}
	for _, b := range slices.Concat(content.Blocks, places) {
		name := b.Type
		if b.Type == "places" {
			provider, ok := l.provider(b)
			if !ok {
				continue
			}
			name += "." + provider
			if !slices.Contains(l.chain, provider) {
				l.chain = append(l.chain, provider)
			}
		}
		if at, again := first[name]; again {
			l.report(b.DefRange, fmt.Sprintf("Duplicate %s block", title(name)),
				fmt.Sprintf("The first one is at %s:%d. Write all of it there.", at.Filename, at.Start.Line))
			continue
		}
		first[name] = b.DefRange
		if _, there := l.blocks[name]; !there {
			l.blocks[name] = b.DefRange
		}
		content, diags := b.Body.Content(l.schema(name))
		l.addUnknown(name, diags)
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

// schema is what may stand in a block. The blocks themselves have no labels:
// [loader.takePlaces] has seen to those that do.
func (l *loader) schema(block string) *hcl.BodySchema {
	schema := &hcl.BodySchema{}
	blocks := map[string]bool{}
	for _, r := range l.rows {
		in, key := split(r.name)
		if in == block {
			schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: key})
		}
		if typ, _, _ := strings.Cut(in, "."); block == "" && in != "" && !blocks[typ] {
			blocks[typ] = true
			schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: typ})
		}
	}
	return schema
}

// addUnknown keeps diagnostics of keys that don't belong where they stand. HCL
// suggests similar names; [row.means] knows of others. Block is where they stand.
func (l *loader) addUnknown(block string, diags hcl.Diagnostics) {
	rows := slices.Clone(l.rows) // the block's own first
	slices.SortStableFunc(rows, func(a, b row) int {
		switch here := a.block() == block; {
		case here == (b.block() == block):
			return 0
		case here:
			return -1
		}
		return 1
	})
	for _, d := range diags {
		unknown := d.Summary == "Unsupported argument" || d.Summary == "Extraneous JSON object property"
		if unknown && d.Subject != nil && !strings.Contains(d.Detail, "Did you mean") {
			src := l.errs.files[d.Subject.Filename].Bytes
			key := strings.Trim(string(d.Subject.SliceBytes(src)), `"`)
			for _, r := range rows {
				if r.means(key) {
					d.Detail += fmt.Sprintf(" Did you mean %s?", hclName(r.name))
					break
				}
			}
		}
		l.errs.add(d)
	}
}

// means tells whether a key that there isn't may well stand for r: the key of
// another block, half of one, a flag, or the key where its file is asked for.
func (r row) means(key string) bool {
	return r.key() == key || strings.HasPrefix(r.key(), key+"_") || r.flag() == strings.ReplaceAll(key, "_", "-") ||
		r.key() == "key_file" && strings.HasSuffix(strings.ToLower(key), "key")
}

// hclName is a name as it stands in a file: client { addr }.
func hclName(name string) string {
	block, key := split(name)
	if block == "" {
		return key
	}
	return title(block) + " { " + key + " }"
}
