package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
	"herd/node"
)

// maxKeyInput bounds what is read of a key on the standard input, in bytes.
const maxKeyInput = 4 << 10

func (a *app) keyring() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "keyring",
		Short: "Show and change the gossip keys of a whole herd while it runs",
		Long: "Keyring changes the gossip key of a herd without a gap: install a new key, use it,\n" +
			"remove the old one. The node asked passes each step to all live members, which write it\n" +
			"to their key files; every step may be taken again. A key is shown by its fingerprint, the\n" +
			"first bytes of its SHA-256, and comes from a file or the standard input, never from the\n" +
			"command line, which everyone on the machine sees. A herd without a key can't be given one\n" +
			"while it runs: that takes a restart of all nodes. See \"herd help operating\".",
		Example: "  herd keygen --out new.key\n" +
			"  herd keyring install new.key && herd keyring use new.key",
	})
	cmd.AddCommand(
		a.keyringVerb("list", cobra.NoArgs, "Show which members have which gossip keys",
			"List asks all live members for their gossip keys. Exit code 1 if one does not answer.",
			"  herd keyring list"),
		a.keyringVerb("install FILE", cobra.ExactArgs(1), "Have all members take a gossip key",
			"Install has all live members take in the key of a file, or of the standard input if FILE\n"+
				"is \"-\": they prove it and take it from others, and still send with the one that they\n"+
				"had. Exit code 1 if a member does not answer or refuses.",
			"  herd keyring install new.key"),
		a.keyringVerb("use FINGERPRINT|FILE", cobra.ExactArgs(1), "Have all members send with a gossip key",
			"Use has all live members send with a key that all of them have. If one lacks it, or does\n"+
				"not answer, nothing is changed, and it is named: exit code 1.",
			"  herd keyring use new.key"),
		a.keyringVerb("remove FINGERPRINT|FILE", cobra.ExactArgs(1), "Have all members forget a gossip key",
			"Remove has all live members forget a key that none of them sends with. Who has no other\n"+
				"one is a stranger from then on. If a member sends with it, or does not answer, nothing\n"+
				"is changed, and it is named: exit code 1.",
			"  herd keyring remove ba7816bf8f01cfea"),
	)
	return cmd
}

// keyringVerb is a verb of keyring: the first word of use is the action.
func (a *app) keyringVerb(use string, args cobra.PositionalArgs, short, long, example string) *cobra.Command {
	var c client
	var asJSON bool
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: args}
	action, _, _ := strings.Cut(use, " ")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		method, order := http.MethodGet, []byte(nil)
		if action != "list" {
			var err error
			if order, err = keyOrder(action, args[0]); err != nil {
				return err
			}
			method = http.MethodPost
		}
		body, err := c.send(ctx, method, "/v1/keyring", order)
		if err != nil {
			return err
		}
		return a.printKeyring(action, body, asJSON)
	})
	a.httpAddrFlag(cmd, &c)
	c.http.Timeout = 20 * time.Second // members have three for each question
	jsonFlag(cmd, &asJSON)
	return cmd
}

// keyOrder is what the node is asked to do. Only a key to be installed leaves this process.
func keyOrder(action, given string) ([]byte, error) {
	order := map[string]string{"action": action}
	if action != "install" && node.IsFingerprint(given) {
		order["fingerprint"] = given
		return json.Marshal(order)
	}
	key, err := keyOf(given)
	switch {
	case err != nil:
		return nil, usagef("read the key: %w", err)
	case action == "install":
		order["key"] = base64.StdEncoding.EncodeToString(key)
	default:
		order["fingerprint"] = node.Fingerprint(key)
	}
	return json.Marshal(order)
}

// keyOf reads the key of a file, or of the standard input.
func keyOf(file string) ([]byte, error) {
	if file != "-" {
		return config.ReadKey(file)
	}
	text, err := io.ReadAll(io.LimitReader(os.Stdin, maxKeyInput+1))
	if err == nil && len(text) > maxKeyInput {
		err = fmt.Errorf("more than %d bytes", maxKeyInput)
	}
	if err != nil {
		return nil, err
	}
	return config.ParseKey(string(text))
}

// printKeyring shows the rings and what members made of the order.
func (a *app) printKeyring(action string, body []byte, asJSON bool) error {
	var answer struct {
		Complete bool
		Members  []struct {
			Name, Gossip, Outcome, Note string
			Keys                        []string
			Unsaved                     bool
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read the keyring: %w", err)
	}
	if asJSON {
		if err := printBody(a.stdout, body); err != nil {
			return err
		}
	} else {
		rows := [][]string{{"NAME", "GOSSIP", "SENDS WITH", "TAKES TOO", "NOW", "NOTE"}}
		for _, m := range answer.Members {
			first, others := "-", []string(nil)
			if len(m.Keys) > 0 {
				first, others = m.Keys[0], m.Keys[1:]
			}
			if action == "list" && m.Outcome == "unchanged" {
				m.Outcome = "listed"
			}
			if m.Unsaved {
				m.Note = "in memory only: " + m.Note
			}
			rows = append(rows, []string{m.Name, m.Gossip, first, cmp.Or(strings.Join(others, " "), "-"), m.Outcome, m.Note})
		}
		if err := printTable(a.stdout, rows); err != nil {
			return err
		}
	}
	if !answer.Complete {
		return errors.New("not all members have answered, or one has refused: it is safe to try again")
	}
	return nil
}
