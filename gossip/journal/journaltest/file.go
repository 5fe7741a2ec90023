package journaltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// file is an open file.
type file struct {
	d    *Disk
	name string
	data *data
	boot int

	closed bool // guarded by d.mu
}

var errDead = errors.New("the process that opened this file is dead")

func (f *file) okLocked() error {
	switch {
	case f.boot != f.d.boots:
		return errDead
	case f.closed:
		return fs.ErrClosed
	}
	return nil
}

func (f *file) Write(b []byte) (int, error) {
	failed := f.d.fail("write", f.name)
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.okLocked(); err != nil {
		return 0, err
	}
	n := len(b)
	if c := f.d.capacity; c > 0 && failed == nil {
		for _, g := range f.d.now {
			c -= int64(len(g.now))
		}
		if int64(n) > c {
			n, failed = int(max(c, 0)), fmt.Errorf("write %s: %w", f.name, ErrFull)
		}
	} else if failed != nil {
		n = f.d.rand.IntN(n + 1)
	}
	f.data.now = append(f.data.now, b[:n]...)
	return n, failed
}

func (f *file) Sync() error {
	failed := f.d.fail("sync", f.name)
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.okLocked(); err != nil {
		return err
	}
	if failed != nil {
		// Some of it is written, the rest never will be, and the next sync succeeds.
		f.data.safe = f.d.torn(f.data)
		f.data.lost = true
		return failed
	}
	if !f.data.lost {
		f.data.safe = slices.Clip(f.data.now) // which is only ever appended to
	}
	return nil
}

func (f *file) Gone() bool {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return f.okLocked() == nil && f.d.now[f.name] != f.data
}

func (f *file) Close() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.okLocked(); err != nil {
		return err
	}
	f.closed = true
	return nil
}

func (f *file) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.data.now)), f.okLocked()
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.d.fail("read", f.name); err != nil {
		return 0, err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.okLocked(); err != nil {
		return 0, err
	}
	if at >= int64(len(f.data.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.data.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
