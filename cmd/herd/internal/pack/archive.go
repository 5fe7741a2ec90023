package pack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Archives builds the program for each target and packs it with all that comes along into
// dir, and writes SHA256SUMS of what is there. The binary is one that runs here.
func (s Source) Archives(binary, dir string, targets []Target) error {
	common, err := s.common(binary, targets)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range targets {
		name, err := s.archive(t, dir, common)
		if err != nil {
			return fmt.Errorf("pack for %s/%s: %w", t.OS, t.Arch, err)
		}
		names = append(names, name)
	}
	return sums(dir, names)
}

// common is what goes into every archive.
func (s Source) common(binary string, targets []Target) ([]file, error) {
	files, err := s.pages()
	if err != nil {
		return nil, err
	}
	others, err := s.thirdParty(targets)
	if err != nil {
		return nil, err
	}
	pages, err := s.manual(binary)
	if err != nil {
		return nil, err
	}
	for i := range pages {
		pages[i].name = "man/" + pages[i].name
	}
	scripts, err := completions(binary)
	if err != nil {
		return nil, err
	}
	for i := range scripts {
		scripts[i].name = "completions/" + path.Base(scripts[i].name)
	}
	return slices.Concat(files, []file{others}, pages, scripts), nil
}

// archive packs the program for one target and gives the name of the file.
func (s Source) archive(t Target, dir string, common []file) (string, error) {
	built := filepath.Join(dir, ".herd-"+t.OS+"-"+t.Arch)
	if err := s.Build(t, built); err != nil {
		return "", err
	}
	defer os.Remove(built)
	body, err := os.ReadFile(built)
	if err != nil {
		return "", err
	}
	program := "herd"
	write, suffix := tarball, ".tar.gz"
	if t.OS == "windows" {
		program += ".exe"
		write, suffix = zipped, ".zip"
	}
	base := fmt.Sprintf("herd-%s-%s-%s", s.Version, t.OS, t.Arch)
	files := slices.Concat([]file{{program, 0o755, body}}, common)
	for i := range files {
		files[i].name = base + "/" + files[i].name
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	if err := write(&b, files, s.Date); err != nil {
		return "", err
	}
	return base + suffix, os.WriteFile(filepath.Join(dir, base+suffix), b.Bytes(), 0o644)
}

func tarball(w io.Writer, files []file, date time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		head := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(f.body)), ModTime: date, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if err := t.WriteHeader(head); err != nil {
			return err
		}
		if _, err := t.Write(f.body); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func zipped(w io.Writer, files []file, date time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: date}
		head.SetMode(f.mode)
		part, err := z.CreateHeader(head)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.body); err != nil {
			return err
		}
	}
	return z.Close()
}

// sums writes SHA256SUMS about files of a folder, for sha256sum -c.
func sums(dir string, names []string) error {
	var b strings.Builder
	for _, name := range slices.Sorted(slices.Values(names)) {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(body), name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644)
}
