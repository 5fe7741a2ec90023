package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// carry is what was read from the end of a file but is not durable perhaps: the process that wrote it was
// killed, and the machine was not. To sync that file means nothing if a sync of it has failed
// before. So it is written again.
type carry struct {
	file     *found
	from, to uint64 // messages
}

// begin begins the next log file. It is durable, without messages, when it returns.
func (l *Log) begin() error {
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
	a := &active{header: header{file: file{kindLog, l.next}, store: l.store, after: l.tail}, base: l.stats.Appended, size: headerLen}
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
