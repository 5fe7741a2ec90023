package config

import (
	"fmt"
	"io/fs"
	"os"
)

// readPrivate reads a file that is for this process alone.
func readPrivate(name string) (string, error) {
	text, err := readRegular(name, maxFile)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if err := private(info); err != nil {
		return "", err
	}
	return string(text), nil
}

// checkMode tells whether nobody but this process, and root, has access to a file. What root
// owns its group may read: a service that is not to change its keys gets them so, and so a pod
// of Kubernetes gets its secrets (fsGroup). Others than root may not lend a key.
func checkMode(mode fs.FileMode, owner, self int) error {
	strangers := fs.FileMode(0o077)
	if owner == 0 && self != 0 {
		strangers = 0o037
	}
	if mode &= fs.ModePerm; mode&strangers != 0 {
		return fmt.Errorf("its mode is %04o, and others than its owner have access; run chmod 600 on it", mode)
	}
	return nil
}
