package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tarball(t *testing.T, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	archive := tar.NewWriter(z)
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(archive.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPin: a tarball is read if, and only if, it is the one that is pinned.
func TestPin(t *testing.T) {
	folder := t.TempDir()
	packed := tarball(t, "package/data.txt", "hello")
	sum := sha512.Sum512(packed)
	good := Pin{"thing", "1.0.0", base64.StdEncoding.EncodeToString(sum[:])}
	path := filepath.Join(folder, "thing-1.0.0.tgz")
	if err := os.WriteFile(path, packed, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := good.Read(t.Context(), folder, "data.txt"); err != nil || string(got) != "hello" {
		t.Errorf("read = %q, %v", got, err)
	}
	if _, err := good.Read(t.Context(), folder, "other.txt"); err == nil || !strings.Contains(err.Error(), "other.txt") {
		t.Errorf("a file that is not there: %v", err)
	}
	packed[len(packed)-1] ^= 1
	if err := os.WriteFile(path, packed, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := good.Read(t.Context(), folder, "data.txt"); err == nil || !strings.Contains(err.Error(), "pinned") {
		t.Errorf("another tarball: %v", err)
	}
}
