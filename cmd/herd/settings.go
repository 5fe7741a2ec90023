package main

import (
	"strings"

	"github.com/spf13/cobra"

	"herd/config"
)

// settings are the flags of a node, made from config's table.
type settings struct {
	paths []string
	flags []*textFlag
}

// textFlag keeps what was typed; config turns it into a value, with the same
// words for a mistake as in a file.
type textFlag struct {
	field config.Field
	texts []string
}

func (f *textFlag) Set(text string) error { f.texts = append(f.texts, text); return nil }

func (f *textFlag) String() string {
	if f.texts == nil {
		return f.field.Default
	}
	return strings.Join(f.texts, ",")
}

func (f *textFlag) Type() string {
	switch {
	case f.field.Switch:
		return "bool"
	case f.field.List:
		return "strings"
	}
	return "string"
}

func (s *settings) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.paths, "config", nil, "file, or folder of *.hcl and *.json; repeatable")
	for _, field := range config.Fields() {
		if field.Flag == "" {
			continue
		}
		f := &textFlag{field: field}
		s.flags = append(s.flags, f)
		flag := cmd.Flags().VarPF(f, field.Flag, "", field.Help)
		if field.Switch {
			flag.NoOptDefVal = "true"
		}
	}
	cmd.Flags().SortFlags = false // config's order: what belongs together
}

// load reads the configuration as a node does.
func (a *app) load(s *settings) (*config.Loaded, error) {
	paths := s.paths
	if len(paths) == 0 {
		for p := range strings.SplitSeq(a.getenv("HERD_CONFIG"), ",") {
			if p != "" {
				paths = append(paths, p)
			}
		}
	}
	flags := map[string][]string{}
	for _, f := range s.flags {
		if f.texts != nil {
			flags[f.field.Name] = f.texts
		}
	}
	return config.Load(paths, a.environ, flags)
}
