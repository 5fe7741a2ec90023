package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"herd/gossip/durable"
)

// lockName is the file that says who has a folder.
const lockName = "LOCK"

// ErrLocked is wrapped by the error of [Open] for a folder that another process has.
var ErrLocked = errors.New("in use by another process")

// Dir is a folder of the file system. It is made, for this user alone, when it is locked.
func Dir(path string) FS { return dir{path} }

type dir struct{ path string }

func (d dir) join(name string) string { return filepath.Join(d.path, name) }

func (d dir) Lock() (io.Closer, error) {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return nil, err
	}
	name := d.join(lockName)
	f, err := openLocked(name)
	if errors.Is(err, ErrLocked) {
		if pid, readErr := os.ReadFile(name); readErr == nil && len(pid) > 0 {
			err = fmt.Errorf("%w, %.20s", ErrLocked, strings.TrimSpace(string(pid)))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", d.path, err)
	}
	// Who holds it is for people; a disk that is full does not keep us from reading.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "pid %d\n", os.Getpid())
	}
	return f, nil
}

func (d dir) List() ([]Info, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var all []Info
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		i, err := e.Info()
		if err != nil {
			return nil, err
		}
		all = append(all, Info{Name: i.Name(), Size: i.Size()})
	}
	return all, nil
}

func (d dir) Create(name string) (File, error) {
	f, err := os.OpenFile(d.join(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return written{f}, nil
}

func (d dir) Open(name string) (Reader, error) {
	f, err := os.Open(d.join(name))
	if err != nil {
		return nil, err
	}
	return reader{f}, nil
}

func (d dir) Rename(from, to string) error { return os.Rename(d.join(from), d.join(to)) }

func (d dir) Remove(name string) error { return os.Remove(d.join(name)) }

func (d dir) Sync() error { return durable.SyncFolder(d.path) }

type written struct{ *os.File }

// Gone finds out that the folder was removed, or that another file system was mounted over it.
func (w written) Gone() bool {
	is, err := w.Stat()
	if err != nil {
		return false // it was closed meanwhile
	}
	there, err := os.Stat(w.Name())
	return err != nil || !os.SameFile(is, there)
}

type reader struct{ *os.File }

func (r reader) Size() (int64, error) {
	i, err := r.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}
