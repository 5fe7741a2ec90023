package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"herd/config"
)

func (a *app) config() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "config",
		Short:   "Check and show configurations",
		Example: "  herd config check /etc/herd",
	})
	cmd.AddCommand(a.configCheck(), a.configPrint())
	return cmd
}

func (a *app) configCheck() *cobra.Command {
	var s settings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [flags] [PATH…]",
		Short: "Find what is wrong with a configuration",
		Long: "Check reads what a node reads before it opens a port: files, variables and flags, keys,\n" +
			"tokens and certificates too, and reports all problems. Exit code 2 if there are any. What\n" +
			"this machine has no room for, as more connections than it allows open files, \"herd\n" +
			"doctor\" finds.",
		Example: "  herd config check /etc/herd",
	}
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		s.paths = slices.Concat(s.paths, args)
		_, err := a.load(&s)
		var wrong *config.Error
		if err != nil && !errors.As(err, &wrong) {
			return err
		}
		if !asJSON {
			if err == nil {
				fmt.Fprintln(a.stdout, "The configuration is valid.")
			}
			return err
		}
		report := struct {
			Valid    bool             `json:"valid"`
			Problems []config.Problem `json:"problems"`
		}{err == nil, []config.Problem{}}
		if wrong != nil {
			report.Problems = wrong.Problems()
		}
		if err := printJSON(a.stdout, report); err != nil {
			return err
		}
		if wrong != nil {
			return &exit{code: exitUsage}
		}
		return nil
	})
	s.register(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) configPrint() *cobra.Command {
	var s settings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "print [flags] [PATH…]",
		Short: "Show every setting and what set it",
		Long: "Print shows the settings that a node would run with, as a configuration file with\n" +
			"the origin of each value beside it. Keys are never shown.",
		Example: "  herd config print --name Clark /etc/herd",
	}
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		s.paths = slices.Concat(s.paths, args)
		loaded, err := a.load(&s)
		if err != nil {
			return err
		}
		if !asJSON {
			return loaded.Print(a.stdout)
		}
		type setting struct {
			Name   string `json:"name"`
			Value  any    `json:"value"`
			Origin string `json:"origin"`
		}
		all := []setting{}
		for _, s := range loaded.Settings {
			all = append(all, setting{s.Name, s.Value, s.Origin})
		}
		return printJSON(a.stdout, all)
	})
	s.register(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}
