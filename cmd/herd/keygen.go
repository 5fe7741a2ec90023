package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
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
		Example: "  herd keygen --out /etc/herd/gossip.key",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(context.Context, []string) error {
		key := base64.StdEncoding.EncodeToString(newKey())
		if out != "" {
			return writeKey(out, key)
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
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	if _, err := fmt.Fprintln(f, key); err != nil {
		f.Close()
		return fmt.Errorf("write the key: %w", err)
	}
	return f.Close()
}
