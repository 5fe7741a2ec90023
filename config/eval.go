package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

var (
	errReported  = errors.New("reported already")
	errWrongType = errors.New("wrong type")
)

// evaluate computes an expression and gives it as text, one or a list. In
// reach are env.NAME, env("NAME", "default") and file("path").
func (l *loader) evaluate(expr hcl.Expression, list bool) ([]string, error) {
	s := &scope{environ: l.environ}
	ctx, diags := s.context(expr)
	if diags.HasErrors() {
		l.errs.add(diags...)
		return nil, errReported
	}
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		s.conceal(diags)
		l.errs.add(diags...)
		return nil, errReported
	}
	want := cty.String
	if list {
		want = cty.List(cty.String)
	}
	v, err := convert.Convert(v, want)
	if err != nil || v.IsNull() || !v.IsWhollyKnown() {
		return nil, errWrongType
	}
	if !list {
		return []string{v.AsString()}, nil
	}
	var texts []string
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			return nil, errWrongType
		}
		texts = append(texts, e.AsString())
	}
	return texts, nil
}

// scope is what one expression can see of the world, and remembers what it saw.
type scope struct {
	environ map[string]string
	handed  []string
}

func (s *scope) hand(text string) cty.Value {
	s.handed = append(s.handed, text)
	return cty.StringVal(text)
}

// context holds just the variables that the expression names, so that an unset
// one is told by name and nothing can walk over the whole environment.
func (s *scope) context(expr hcl.Expression) (*hcl.EvalContext, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	env := map[string]cty.Value{}
	for _, t := range expr.Variables() {
		if t.RootName() != "env" {
			continue // HCL reports it, with a suggestion
		}
		name, ok := variableName(t)
		if !ok {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "Which environment variable?",
				Detail:   "Write env.NAME.",
				Subject:  t.SourceRange().Ptr(),
			})
			continue
		}
		value, set := s.environ[name]
		if !set {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "Unset environment variable",
				Detail:   fmt.Sprintf("%s is not set. Set it, or give a default: env(%q, \"…\").", name, name),
				Subject:  t.SourceRange().Ptr(),
			})
			continue
		}
		env[name] = s.hand(value)
	}
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{"env": cty.ObjectVal(env)},
		Functions: map[string]function.Function{"env": s.envFunction(), "file": s.fileFunction()},
	}, diags
}

func variableName(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// envFunction is env("NAME", "default"): an empty variable counts as unset, as
// everywhere.
func (s *scope) envFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "name", Type: cty.String},
			{Name: "default", Type: cty.String},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if v := s.environ[args[0].AsString()]; v != "" {
				return s.hand(v), nil
			}
			return args[1], nil
		},
	})
}

// fileFunction is file("path"): the text of a file without its last line end.
// A relative path starts at the working folder, as those of flags do.
func (s *scope) fileFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readRegular(args[0].AsString(), maxFile)
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "%s", bare(err))
			}
			return s.hand(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")), nil
		},
	})
}

// conceal drops the detail of a message that would show what the expression was
// handed. HCL quotes values here and there.
func (s *scope) conceal(diags hcl.Diagnostics) {
	for _, d := range diags {
		for _, text := range s.handed {
			if text != "" && strings.Contains(d.Detail, text) {
				d.Detail = "The value can't be used here. It may be a secret and is not shown."
			}
		}
	}
}

// readRegular is readBounded for what must not be a pipe or a device, where
// reading could wait for ever.
func readRegular(name string, most int) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return readBounded(name, most)
}
