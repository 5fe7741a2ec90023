package config

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"herd/gossip/durable"
)

// KeyFile is the file that a node's gossip keys were read from, for them to be changed in.
// It is used by one goroutine at a time.
type KeyFile struct {
	name string   // empty: they came from the environment
	held [][]byte // what the file held when it was last read or written here
}

// Save has the file hold these keys, the primary first, in one step: another node that
// reads it meanwhile sees the old ones or these. Comments stay, above the keys, and so does
// the mode. A file that somebody else has changed to other keys is left alone: a key that
// is lost shuts its nodes out. No error shows a key.
func (f *KeyFile) Save(keys [][]byte) error {
	if f == nil || f.name == "" {
		return errors.New("the key came from " + keyVariable + ", which is for whoever starts the node to change")
	}
	name, err := filepath.EvalSymlinks(f.name) // a link stays one
	if err != nil {
		return fmt.Errorf("key file %s: %w", f.name, bare(err))
	}
	text, err := readPrivate(name)
	if err != nil {
		return fmt.Errorf("key file %s: %w", f.name, bare(err))
	}
	there, err := parseKeys(text)
	switch {
	case err != nil:
		return fmt.Errorf("key file %s: %w", f.name, err)
	case equalKeys(there, keys): // another node that has this file was quicker
		f.held = keys
		return nil
	case !equalKeys(there, f.held):
		return fmt.Errorf("key file %s: somebody has changed its keys since the node read them: it is left alone", f.name)
	}
	err = replace(name, keyText(text, keys))
	switch {
	case errors.Is(err, durable.ErrFolder): // they are there, whether they outlive a power cut or not
		f.held = keys
		return fmt.Errorf("key file %s: %w", f.name, err)
	case err != nil:
		return fmt.Errorf("key file %s: %w", f.name, bare(err))
	}
	f.held = keys
	return nil
}

// keyText is a file of keys with the comments of another one.
func keyText(old string, keys [][]byte) string {
	var b strings.Builder
	for line := range strings.Lines(old) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			b.WriteString(line + "\n")
		}
	}
	for _, key := range keys {
		b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return b.String()
}

// replace puts a file with another text, the same mode and the same owner in the place of one.
func replace(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return durable.Replace(name, info.Mode().Perm(), func(f *os.File) error {
		_, err := f.WriteString(text)
		return errors.Join(err, sameOwner(f, info))
	})
}

func equalKeys(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
