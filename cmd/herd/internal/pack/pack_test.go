package pack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An archive has the files as they are given, and nothing of when and where it was made.
func TestArchives(t *testing.T) {
	files := []file{{"herd/LICENSE", 0o644, []byte("do what you want")}, {"herd/herd", 0o755, []byte("program")}}
	date := time.Date(2026, time.November, 26, 11, 0, 0, 0, time.UTC)
	for name, write := range map[string]func(io.Writer, []file, time.Time) error{"tar": tarball, "zip": zipped} {
		var a, b bytes.Buffer
		if err := errors.Join(write(&a, files, date), write(&b, files, date)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: equal files make different archives", name)
		}
		read := readTar
		if name == "zip" {
			read = readZip
		}
		got := read(t, a.Bytes())
		for i, f := range files {
			if g := got[i]; g.name != f.name || g.mode != f.mode || !bytes.Equal(g.body, f.body) {
				t.Errorf("%s: got %+v, want %+v", name, g, f)
			}
		}
	}
}

// What a page of an archive links to is in the archive; a page that links to anything else is not
// packed.
func TestPages(t *testing.T) {
	files, err := Source{Root: "../../../.."}.pages()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{"examples": true}
	for _, f := range files {
		there[f.name] = true
	}
	links := 0
	for _, f := range files {
		if path.Ext(f.name) != ".md" {
			continue
		}
		for _, link := range relative.FindAllSubmatch(f.body, -1) {
			links++
			if to := path.Join(path.Dir(f.name), string(link[1])); !there[to] {
				t.Errorf("%s links to %s", f.name, to)
			}
		}
	}
	if links < 15 {
		t.Errorf("%d links", links)
	}
	packed := map[string]string{"a/x.md": "docs/x.md", "b.md": "b.md"}
	page, err := relink([]byte("[b](../b.md#c), [c](#c), [d](https://example.com/d)"), "a/x.md", packed)
	if want := "[b](../b.md#c), [c](#c), [d](https://example.com/d)"; err != nil || string(page) != want {
		t.Errorf("got %s, %v", page, err)
	}
	if page, err = relink([]byte("[x](a/x.md)"), "b.md", packed); err != nil || string(page) != "[x](docs/x.md)" {
		t.Errorf("got %s, %v", page, err)
	}
	if _, err := relink([]byte("[x](x.go)"), "b.md", packed); err == nil || !strings.Contains(err.Error(), "x.go") {
		t.Errorf("a link to what is not packed: %v", err)
	}
}

func readTar(t *testing.T, archive []byte) []file {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if head.Uid != 0 || head.Uname != "root" || head.ModTime.Year() != 2026 {
			t.Errorf("%+v", head)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{head.Name, head.FileInfo().Mode().Perm(), body})
	}
}

func readZip(t *testing.T, archive []byte) []file {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{f.Name, f.Mode().Perm(), body})
	}
	return files
}

// The licence of every module that is linked, for every system, is found.
func TestThirdParty(t *testing.T) {
	s := Source{Root: "../../../..", Date: oldest}
	f, err := s.thirdParty([]Target{{"linux", "amd64"}, {"windows", "amd64"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // they come from a map
		again, err := s.thirdParty([]Target{{"linux", "amd64"}, {"windows", "amd64"}})
		if err != nil || !bytes.Equal(again.body, f.body) {
			t.Fatalf("the same sources have other licences: %v", err)
		}
	}
	for _, want := range []string{"\ngithub.com/hashicorp/memberlist v", "\ngithub.com/inconshreveable/mousetrap v", "Mozilla Public License", "\nGo and its standard library\n"} {
		if !strings.Contains(string(f.body), want) {
			t.Errorf("no %q", want)
		}
	}
}

// A licence is looked for beside a package and above it, and one must be there.
func TestLicencesOf(t *testing.T) {
	module := t.TempDir()
	inner := filepath.Join(module, "a", "b")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := licencesOf(module, inner); err == nil {
		t.Error("a module without a licence is taken")
	}
	for name, text := range map[string]string{"LICENSE.md": "outer", "a/b/COPYING": "inner", "a/license_test.go": "code"} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := licencesOf(module, inner); err != nil || strings.Join(got, " ") != "inner outer" {
		t.Errorf("got %q, %v", got, err)
	}
}

// Sums are as sha256sum -c reads them; a file that is not there is told.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sums(dir, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v", text, err)
	}
	if err := sums(dir, []string{"b"}); err == nil {
		t.Error("a file that is not there has a sum")
	}
}

// The version of what has no release yet sorts before that in Debian's order, by its '~'.
func TestDescribe(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	if s, err := Describe(dir, "1.2.3"); err != nil || s.Version != "1.2.3" || s.Date != oldest {
		t.Errorf("without git: %+v, %v", s, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	if s, err := Describe(dir, "1.2.3"); err != nil || s.Date.Unix() != 1790000000 {
		t.Errorf("with a date: %+v, %v", s, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "now")
	if _, err := Describe(dir, "1.2.3"); err == nil {
		t.Error("a date that is none is taken")
	}
}
