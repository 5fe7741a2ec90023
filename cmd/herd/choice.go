package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is the value of a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return "string" }

func (c choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("it must be one of %s", strings.Join(c.words, ", "))
	}
	*c.value = text
	return nil
}

// choiceFlag gives a verb a flag that takes one of the words: the value at p, if
// nobody says otherwise.
func choiceFlag(cmd *cobra.Command, p *string, name, help string, words ...string) {
	cmd.Flags().Var(choice{p, words}, name, help)
	err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("herd: " + err.Error()) // the flag is there, and only once
	}
}
