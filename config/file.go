package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
)

// maxFile bounds a file that is read, in bytes: many times a real one.
const maxFile = 64 << 10

// readFiles takes in files, and the *.hcl and *.json of folders in lexical
// order; folders inside folders are left alone.
func (l *loader) readFiles(paths []string) {
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil || !info.IsDir() {
			l.readFile(p) // says what is wrong with it
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			l.unreadable(p, err)
		}
		for _, e := range entries { // ReadDir sorts
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".hcl" || ext == ".json") {
				l.readFile(filepath.Join(p, e.Name()))
			}
		}
	}
}

func (l *loader) readFile(name string) {
	src, err := readBounded(name, maxFile)
	if err != nil {
		l.unreadable(name, err)
		return
	}
	l.decodeFile(src, name)
}

func (l *loader) unreadable(path string, err error) {
	l.errs.add(&hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Unreadable configuration",
		Detail:   fmt.Sprintf("%s: %s.", path, bare(err)),
	})
}

// maxBundle bounds a file of those who sign certificates, in bytes: systems have 220 kB of them.
const maxBundle = 1 << 20

// readBounded reads a file of at most most bytes.
func readBounded(name string, most int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(src) > most {
		err = fmt.Errorf("more than %s", sizeText(most))
	}
	return src, err
}

// bare is an error without the path, which the message has already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
