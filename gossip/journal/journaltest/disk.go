// Package journaltest has a disk in memory for tests of journals: it fails on demand, fills up,
// and loses in a crash what was not synced, in whatever way a real one may.
package journaltest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"herd/gossip/journal"
)

// Errors that disks have. Any error will do for [Disk.SetFail].
var (
	ErrFull     error = syscall.ENOSPC
	ErrIO       error = syscall.EIO
	ErrReadOnly error = syscall.EROFS
)

// page is what a disk writes as a whole. Real ones have 4 KiB; small ones tear small files.
const page = 64

// Disk is a journal.FS in memory. Its methods may be called by many goroutines.
type Disk struct {
	mu       sync.Mutex
	rand     *rand.Rand
	fails    func(op, name string) error
	capacity int64 // bytes; 0: no end
	boots    int
	locked   bool
	now      map[string]*data // as programs see it
	safe     map[string]*data // names that would be there after a crash
}

// data is what a file holds. What is in now stays as it is: more may follow, that is all. So
// safe may be a part of it.
type data struct {
	now, safe []byte // what was synced of now is in safe
	lost      bool   // a sync has failed: what it was to write is not written by the next
}

// New returns an empty disk. What it does by chance depends on seed.
func New(seed uint64) *Disk {
	return &Disk{rand: rand.New(rand.NewPCG(seed, 1)), now: map[string]*data{}, safe: map[string]*data{}}
}

// SetFail has f asked before each operation: "lock", "list", "create", "open", "read", "write", "sync",
// "rename", "remove", "syncdir". The operation waits until f returns, and fails with its error, after
// a part of it was done perhaps. Nil: all go well.
func (d *Disk) SetFail(f func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = f
}

// SetCapacity has the disk fail with ErrFull when all files together would take more than so
// many bytes; 0: never.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// Crash stops the machine and starts it again: open files fail from now on, the lock is free, and
// of what was not synced some is there and some is not, be it pages of a file, or that
// there is a file, or under which name.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boots++
	d.locked = false
	after := map[string]*data{}
	for _, name := range slices.Sorted(maps.Keys(d.safe)) {
		if d.now[name] == d.safe[name] || d.rand.IntN(2) == 0 {
			after[name] = d.safe[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.now)) {
		f := d.now[name]
		if d.safe[name] == f || d.rand.IntN(2) == 0 {
			continue
		}
		for other, g := range after { // of a file that was renamed there is one
			if g == f {
				delete(after, other)
			}
		}
		after[name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		f := after[name]
		b := slices.Clip(d.torn(f))
		after[name] = &data{now: b, safe: b}
	}
	d.now, d.safe = after, maps.Clone(after)
}

// torn is what is left of a file after a crash: what was synced, and some pages of the rest.
func (d *Disk) torn(f *data) []byte {
	size := len(f.safe)
	if more := len(f.now) - size; more > 0 {
		size += d.rand.IntN(more + 1)
	}
	b := make([]byte, size)
	copy(b, f.safe)
	for at := 0; at < size; at += page {
		if end := min(at+page, size); d.rand.IntN(4) > 0 && !f.lost {
			from := max(at, min(len(f.safe), end))
			copy(b[from:end], f.now[from:end])
		}
	}
	return b
}

// Kill ends the process but not the machine: open files fail from now on, the lock is free, and
// what was written is there.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boots++
	d.locked = false
}

// Names are the files there are, in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.now))
}

// Get returns a copy of what is in a file, nil if there is none.
func (d *Disk) Get(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.now[name]; f != nil {
		return append([]byte{}, f.now...)
	}
	return nil
}

// Put makes a file that holds b, durably; nil removes it.
func (d *Disk) Put(name string, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b == nil {
		delete(d.now, name)
		delete(d.safe, name)
		return
	}
	b = slices.Clip(bytes.Clone(b))
	f := &data{now: b, safe: b}
	d.now[name], d.safe[name] = f, f
}

// Clone returns a disk that holds the same, durably, and fails in no way.
func (d *Disk) Clone() *Disk {
	c := New(0)
	for _, name := range d.Names() {
		c.Put(name, d.Get(name))
	}
	return c
}

func (d *Disk) fail(op, name string) error {
	d.mu.Lock()
	f := d.fails
	d.mu.Unlock()
	if f == nil {
		return nil
	}
	if err := f(op, name); err != nil {
		return fmt.Errorf("%s %s: %w", op, name, err)
	}
	return nil
}

type lock struct {
	d    *Disk
	boot int
}

// Lock is of journal.FS.
func (d *Disk) Lock() (io.Closer, error) {
	if err := d.fail("lock", ""); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, journal.ErrLocked
	}
	d.locked = true
	return &lock{d, d.boots}, nil
}

func (l *lock) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if l.boot == l.d.boots {
		l.d.locked = false
	}
	return nil
}

// List is of journal.FS.
func (d *Disk) List() ([]journal.Info, error) {
	if err := d.fail("list", ""); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []journal.Info
	for _, name := range slices.Sorted(maps.Keys(d.now)) {
		all = append(all, journal.Info{Name: name, Size: int64(len(d.now[name].now))})
	}
	return all, nil
}

// Create is of journal.FS.
func (d *Disk) Create(name string) (journal.File, error) {
	if err := d.fail("create", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now[name] != nil {
		return nil, fs.ErrExist
	}
	f := &data{}
	d.now[name] = f
	return &file{d: d, name: name, data: f, boot: d.boots}, nil
}

// Open is of journal.FS.
func (d *Disk) Open(name string) (journal.Reader, error) {
	if err := d.fail("open", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.now[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return &file{d: d, name: name, data: f, boot: d.boots}, nil
}

// Rename is of journal.FS.
func (d *Disk) Rename(from, to string) error {
	if err := d.fail("rename", to); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.now[from] == nil:
		return fs.ErrNotExist
	case d.now[to] != nil:
		return fs.ErrExist
	}
	d.now[to] = d.now[from]
	delete(d.now, from)
	return nil
}

// Remove is of journal.FS.
func (d *Disk) Remove(name string) error {
	if err := d.fail("remove", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now[name] == nil {
		return fs.ErrNotExist
	}
	delete(d.now, name)
	return nil
}

// Sync is of journal.FS.
func (d *Disk) Sync() error {
	if err := d.fail("syncdir", ""); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.safe = maps.Clone(d.now)
	return nil
}
