package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// takePlaces takes the places blocks out of a body, with all of their labels and
// in their order. HCL wants as many labels of one block as of any other of its
// type, and a file of places has a label more.
func (l *loader) takePlaces(body hcl.Body) (hcl.Blocks, hcl.Body) {
	var found hcl.Blocks
	if native, ok := body.(*hclsyntax.Body); ok {
		rest := *native
		rest.Blocks = nil
		for _, b := range native.Blocks {
			if b.Type == "places" {
				found = append(found, b.AsHCLBlock())
			} else {
				rest.Blocks = append(rest.Blocks, b)
			}
		}
		return found, &rest
	}
	content, rest, diags := body.PartialContent(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "places", LabelNames: []string{"provider"}}},
	})
	l.errs.add(diags...)
	for _, b := range content.Blocks {
		if b.Labels[0] == "file" {
			found = append(found, l.namedFiles(b)...)
		} else {
			found = append(found, b)
		}
	}
	return found, rest
}

// namedFiles are the blocks inside of {"file": {"NAME": {…}}}. To HCL they are
// blocks without labels, of types that it has to be told.
func (l *loader) namedFiles(file *hcl.Block) hcl.Blocks {
	names, diags := file.Body.JustAttributes()
	l.errs.add(diags...)
	if diags.HasErrors() {
		return nil
	}
	schema := &hcl.BodySchema{}
	for name, attr := range names {
		_, noObject := hcl.ExprMap(attr.Expr)
		_, noList := hcl.ExprList(attr.Expr)
		if noObject.HasErrors() && noList.HasErrors() {
			l.noFileName(attr.NameRange)
			return nil
		}
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name})
	}
	if len(names) == 0 {
		l.noFileName(file.DefRange)
	}
	content, _, diags := file.Body.PartialContent(schema)
	l.errs.add(diags...)
	for _, b := range content.Blocks {
		b.Labels = []string{"file", b.Type}
		b.LabelRanges = []hcl.Range{file.LabelRanges[0], b.TypeRange}
		b.Type = "places"
	}
	return content.Blocks
}

// provider is the name of the provider that a places block is about, as in
// [Places.Order]. If there can be none of that name, that is reported.
func (l *loader) provider(b *hcl.Block) (name string, ok bool) {
	if len(b.Labels) == 0 {
		l.report(b.DefRange, "Missing provider of places", providerHeaders())
		return "", false
	}
	kind, labels := b.Labels[0], 1
	switch kind {
	case "file":
		labels = 2
	case "google", "overpass", "embedded":
	default:
		detail := didYouMean(kind, []string{"google", "overpass", "file", "embedded"})
		if name, dotted := strings.CutPrefix(kind, "file."); dotted {
			detail = fmt.Sprintf(" Did you mean places \"file\" %q?", name)
		}
		l.report(b.LabelRanges[0], "Unknown provider of places", providerHeaders()+detail)
		return "", false
	}
	switch {
	case len(b.Labels) < labels:
		l.noFileName(b.LabelRanges[0])
	case len(b.Labels) > labels:
		l.report(b.LabelRanges[labels], "Too many labels of a places block", providerHeaders())
	case labels == 1:
		return kind, true
	case !isWord(b.Labels[1], 1, maxFileName):
		l.report(b.LabelRanges[1], "Invalid name of a file of places", fmt.Sprintf("It must be %s.", wordAllowed(1, maxFileName)))
	default:
		return "file." + b.Labels[1], l.addFile(b)
	}
	return "", false
}

func (l *loader) noFileName(at hcl.Range) {
	l.report(at, "Missing name of a file of places", `Give it one, to tell it from others: places "file" "campus"; in JSON {"places": {"file": {"campus": {…}}}}.`)
}

// addFile makes the settings of a file of places, if they are not there yet.
func (l *loader) addFile(b *hcl.Block) bool {
	name := b.Labels[1]
	if _, there := l.config.Places.File(name); there {
		return true
	}
	if len(l.config.Places.Files) == maxFiles {
		l.report(b.DefRange, "Too many files of places", fmt.Sprintf("There can be %d.", maxFiles))
		return false
	}
	l.config.Places.Files = append(l.config.Places.Files, newFile(name))
	l.rows = table(&l.config)
	return true
}

func (l *loader) report(at hcl.Range, summary, detail string) {
	l.errs.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at})
}

// providerHeaders says what a places block can be.
func providerHeaders() string {
	var all []string
	for _, f := range Fields() {
		if block, _ := split(f.Name); strings.HasPrefix(block, "places.") && !slices.Contains(all, title(block)) {
			all = append(all, title(block))
		}
	}
	last := len(all) - 1
	return fmt.Sprintf("Write %s or %s.", strings.Join(all[:last], ", "), all[last])
}

// deriveOrder settles the chain: what was said of it, paths made files, or else the
// order of the blocks.
func (l *loader) deriveOrder() {
	p := &l.config.Places
	from, said := l.origins["places_order"]
	if !said && len(l.chain) > 0 {
		p.Order = l.chain
		l.origins["places_order"] = origin{name: "the order of the blocks"}
	}
	if said && !l.failed["places_order"] {
		for i, entry := range p.Order {
			if isPath(entry) {
				p.Order[i] = "file." + l.fileOf(entry, from)
			}
		}
	}
	l.rows = table(&l.config) // with the files, in the order of the chain
}

// isPath tells a path from the name of a provider.
func isPath(entry string) bool {
	return strings.ContainsAny(entry, `/\.`) && !strings.HasPrefix(entry, "file.")
}

// fileOf is the name of the file of places of that path. If no block has the path,
// one is made of it.
func (l *loader) fileOf(path string, from origin) string {
	p := &l.config.Places
	if i := slices.IndexFunc(p.Files, func(f File) bool { return f.Path == path }); i >= 0 {
		return p.Files[i].Name
	}
	base, _, _ := strings.Cut(path[strings.LastIndexAny(path, `/\`)+1:], ".")
	base = strings.Map(func(r rune) rune {
		if notInWord(r) {
			return '-'
		}
		return r
	}, base)
	if base == "" {
		base = "places"
	}
	name := base[:min(len(base), maxFileName)]
	for n := 2; slices.ContainsFunc(p.Files, func(f File) bool { return f.Name == name }); n++ {
		suffix := fmt.Sprintf("-%d", n)
		name = base[:min(len(base), maxFileName-len(suffix))] + suffix
	}
	file := newFile(name)
	file.Path = path
	p.Files = append(p.Files, file)
	l.origins["places.file."+name+".path"] = from
	return name
}
