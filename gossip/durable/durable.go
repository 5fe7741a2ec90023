// Package durable replaces files so that whoever reads one sees all of the old or all of the new
// text, after a power cut too. It knows nothing of what is in them.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrFolder is wrapped by an error of [Replace] that comes when the new file is in place: a power
// cut may bring the old one back.
var ErrFolder = errors.New("sync its folder")

// Replace has write fill a file of a mode, which takes the place of one of that name when all is
// in it and on disk. Until then it has another name in the same folder, which errors of the system
// don't show. What is no file, as /dev/null, is left alone.
func Replace(name string, mode os.FileMode, write func(*os.File) error) error {
	err := Swap(name, mode, func(f *os.File) error {
		if err := write(f); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return err
	}
	if err := SyncFolder(filepath.Dir(name)); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// Swap is Replace for what need not outlive a power cut: it waits for no disk.
func Swap(name string, mode os.FileMode, write func(*os.File) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	folder := filepath.Dir(name)
	f, err := os.CreateTemp(folder, "."+filepath.Base(name)+"-*") // of mode 0600
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s: make it, or name another", name, folder)
	case err != nil:
		return &fs.PathError{Op: "create", Path: name, Err: cause(err)}
	}
	if err = f.Chmod(mode); err == nil { // before Replace syncs it
		err = write(f)
	}
	if failed := f.Close(); err == nil {
		err = failed
	}
	if err != nil {
		return errors.Join(named(err, f.Name(), name), os.Remove(f.Name()))
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return errors.Join(&fs.PathError{Op: "replace", Path: name, Err: cause(err)}, os.Remove(f.Name()))
	}
	return nil
}

// named has an error that is about the file temp show another name: nobody has asked for temp.
func named(err error, temp, name string) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == temp {
		path.Path = name // it was made for this call
	}
	return err
}

// cause is an error of the system without the names that it is about.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
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
