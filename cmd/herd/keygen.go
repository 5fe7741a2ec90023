package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) keygen() *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a gossip key, or a token",
		Long: "Keygen makes a random key of 256 bits. All nodes of a herd need the same one, in a\n" +
			"file that only its owner can read (--key-file) or in HERD_GOSSIP_KEY. What it makes is as\n" +
			"good for a token of the HTTP address.",
		Example: "  herd keygen --out /var/lib/herd/gossip.key",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(context.Context, []string) error {
		key := base64.StdEncoding.EncodeToString(newKey())
		if out != "" {
			if err := writeKey(out, key); err != nil || !asJSON {
				return err
			}
			return printJSON(a.stdout, map[string]string{"file": out})
		}
		if asJSON {
			return printJSON(a.stdout, map[string]string{"key": key})
		}
		_, err := fmt.Fprintln(a.stdout, key)
		return err
	})
	cmd.Flags().StringVar(&out, "out", "", "new file to write the key to, readable by its owner alone")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// newKey is 32 random bytes: AES-256.
func newKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return key
}

// writeKey makes a file and never replaces one: a key that is lost shuts its
// nodes out of the herd.
func writeKey(name, key string) error {
	err := writeNew(name, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}

// writeNew makes a file that was not there, for its owner alone. One that can't be written is taken
// away again: it would be in the way of the next try.
func writeNew(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(name) // what fails is left to see
	}
	return err
}
