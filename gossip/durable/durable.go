// Package durable replaces files so that whoever reads one sees all of the old or all of the new
// text, after a power cut too. It knows nothing of what is in them.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// ErrFolder is wrapped by an error of [Replace] that comes when the new file is in place: a power
// cut may bring the old one back.
var ErrFolder = errors.New("sync its folder")

// Replace has write fill a file of a mode, which takes the place of one of that name when all is
// in it and on disk. Until then it has another name in the same folder. What is no file, as
// /dev/null, is left alone.
func Replace(name string, mode os.FileMode, write func(*os.File) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	folder := filepath.Dir(name)
	f, err := os.CreateTemp(folder, "."+filepath.Base(name)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := SyncFolder(folder); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// SyncFolder has the names of a folder's files outlive a power cut.
func SyncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil // it does not sync folders, and does not need to
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
