package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxFound bounds how many files are looked at.
const maxFound = 1 << 16

// found is a file that was there when the journal was opened.
type found struct {
	name    string
	header  header
	size    int64
	damaged bool // its header: of that, kind and number are what the name says
}

// look takes stock of the folder.
func (l *Log) look() error {
	infos, err := l.fs.List()
	if err != nil {
		return err
	}
	l.next = 1
	var stores []uint64
	var parts []string
	for _, i := range infos {
		if whole, isPart := strings.CutSuffix(i.Name, partSuffix); isPart {
			if f, ok := parseName(whole); ok {
				l.files[i.Name] = i.Size
				l.next = max(l.next, f.number+1)
				parts = append(parts, i.Name)
			}
			continue
		}
		is, ok := parseName(i.Name)
		if !ok {
			continue
		}
		if len(l.found) == maxFound {
			return fmt.Errorf("more than %d files", maxFound)
		}
		f := found{name: i.Name, header: header{file: is}, size: i.Size}
		h, err := l.readHeader(i.Name)
		switch {
		case errors.Is(err, errDamaged):
			f.damaged = true
		case err != nil:
			return fmt.Errorf("file %s: %w", i.Name, err)
		case h.file != is:
			return fmt.Errorf("file %s: %w: it was written as %s", i.Name, ErrForeign, h.name())
		default:
			f.header = h
			stores = append(stores, h.store)
		}
		l.files[i.Name] = i.Size
		l.next = max(l.next, is.number+1)
		l.found = append(l.found, f)
	}
	if slices.Sort(stores); len(stores) > 0 {
		if stores[0] != stores[len(stores)-1] {
			return fmt.Errorf("%w: files of journals %x and %x are there", ErrForeign, stores[0], stores[len(stores)-1])
		}
		l.store = stores[0]
	}
	for _, name := range parts {
		l.remove(name)
	}
	return nil
}

func (l *Log) readHeader(name string) (header, error) {
	r, err := l.fs.Open(name)
	if err != nil {
		return header{}, err
	}
	var b [headerLen]byte
	n, err := r.ReadAt(b[:], 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return header{}, err
	}
	return parseHeader(b[:n])
}

// ends tells whether the last thing in a snapshot is its end.
func (l *Log) ends(f *found) (bool, error) {
	if f.size < headerLen+blockLen {
		return false, nil
	}
	r, err := l.fs.Open(f.name)
	if err != nil {
		return false, err
	}
	var b [blockLen]byte
	_, err = r.ReadAt(b[:], f.size-blockLen)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return false, err
	}
	k, ok := parseBlock(b[:])
	return ok && k.count == 0 && k.holds(b[:], f.header.seed()), nil
}
