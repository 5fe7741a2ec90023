package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
)

// carry is what was read from the end of a file and may not be durable: the process that
// wrote it was killed, and the machine was not. To sync that file means nothing if a sync of
// it has failed before. So it is written again.
type carry struct {
	file     *found
	from, to uint64 // messages
}

// begin begins the next log file. It is durable, without messages, when it returns.
func (l *Log) begin() (err error) {
	defer func() {
		l.strayed = l.strayed || errors.Is(err, fs.ErrNotExist)
	}()
	if l.strayed {
		if err := l.findTail(); err != nil {
			return err
		}
	}
	if l.carry != nil {
		if err := l.carryOver(); err != nil {
			return err
		}
	}
	a, err := l.create("")
	if err != nil {
		return err
	}
	if err = a.file.Sync(); err == nil {
		err = l.fs.Sync()
	}
	if err != nil {
		err = errors.Join(err, a.file.Close())
		l.remove(a.name)
		return err
	}
	l.active = a
	return nil
}

// findTail looks whether the file that the log goes on after is in its place. If not, the
// folder is another one, or none: it is locked, and the log begins anew. But not in the folder of
// another journal, as of a volume that was mounted late: the files of two are none to begin from.
func (l *Log) findTail() error {
	all, err := l.fs.List()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, i := range all {
		if err := l.own(i.Name); err != nil {
			return err
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(all, func(i Info) bool { return i.Name == name })
	}
	there := has(l.tail.name())
	if !there {
		if err := l.unlock(); err != nil {
			return err
		}
	}
	if l.lock == nil {
		if l.lock, err = l.fs.Lock(); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
	}
	if l.strayed = false; there {
		return nil
	}
	maps.DeleteFunc(l.files, func(name string, _ int64) bool { return !has(name) })
	l.tail, l.carry, l.snapshot = mark{}, nil, Info{}
	l.stats.Appended, l.stats.Durable = 0, 0
	return fmt.Errorf("%w: the journal begins anew", ErrGone)
}

// own fails if a file is of another journal.
func (l *Log) own(name string) error {
	if _, ok := parseName(name); !ok {
		return nil
	}
	switch h, err := l.readHeader(name); {
	case errors.Is(err, errDamaged), errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("file %s: %w", name, err)
	case h.store != l.store:
		return fmt.Errorf("file %s: %w: its folder holds another one now: restart this node to begin from that", name, ErrForeign)
	}
	return nil
}

// carryOver makes a log file of what is to be carried over. It has its name when it is whole
// and durable: until then the old file counts, with all that may be in it.
func (l *Log) carryOver() error {
	a, err := l.create(partSuffix)
	if err != nil {
		return err
	}
	name := a.header.name()
	err = l.copyCarry(a)
	if err == nil {
		err = a.file.Sync()
	}
	if err = errors.Join(err, a.file.Close()); err == nil {
		err = l.fs.Rename(a.name, name)
	}
	if err != nil {
		l.remove(a.name)
		return err
	}
	delete(l.files, a.name)
	l.files[name] = a.size
	if err := l.fs.Sync(); err != nil {
		l.remove(name)
		return err
	}
	l.tail, l.carry = mark{a.header.file, a.count}, nil
	return nil
}

func (l *Log) copyCarry(a *active) error {
	c := l.carry
	var at uint64
	var some [][]byte
	size := 0
	_, whole, err := l.read(&scanner{}, link{c.file, c.to}, func(m []byte) error {
		if at++; at <= c.from {
			return nil
		}
		some, size = append(some, bytes.Clone(m)), size+len(m)
		if at < c.to && size < fullPayload {
			return nil
		}
		err := l.write(a, some)
		some, size = some[:0], 0
		return err
	})
	if err == nil && !whole {
		err = fmt.Errorf("file %s is not what it was", c.file.name)
	}
	return err
}

// create makes the next log file, with its header. The suffix is for its name.
func (l *Log) create(suffix string) (*active, error) {
	a := &active{
		header: header{file: file{kindLog, l.next}, store: l.store, after: l.tail},
		base:   l.stats.Appended, size: headerLen,
	}
	a.name, a.seed = a.header.name()+suffix, a.header.seed()
	var err error
	a.file, err = l.createFile(a.name, &a.header)
	return a, err
}

// createFile makes a file with a header.
func (l *Log) createFile(name string, h *header) (File, error) {
	l.next = max(l.next, h.number+1) // even if it fails: the file may be there
	file, err := l.fs.Create(name)
	if err != nil {
		return nil, err
	}
	l.files[name] = 0
	n, err := file.Write(h.append(nil))
	l.files[name] = int64(n)
	l.stats.Written += int64(n)
	if err == nil && n < headerLen {
		err = io.ErrShortWrite
	}
	if err != nil {
		err = errors.Join(err, file.Close())
		l.remove(name)
		return nil, err
	}
	return file, nil
}
