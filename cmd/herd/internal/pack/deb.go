package pack

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Deb is how a package for Debian is made.
type Deb struct {
	Source
	Binary     string   // that goes into it, for linux
	Arch       string   // of that: amd64, arm64
	Native     string   // a binary that runs here: it writes the manual and the completions
	Compress   string   // how dpkg-deb compresses; empty: as it does by itself
	ThirdParty []Target // whose dependencies are named; none: the licences of others are left out
}

const control = `Package: herd
Version: %s
Architecture: %s
Maintainer: The Herd Authors <herd@herd.invalid>
Installed-Size: %d
Depends: passwd
Suggests: bash-completion, prometheus
Section: net
Priority: optional
Description: newest position of every client, on every node of a herd
 Herd is one binary. Start it anywhere, point it at any running node, and it is
 part of the herd: it takes clients' positions, every node knows them a moment
 later, and any node answers what is near any client. There is no leader and no
 database; a node that is killed takes nothing with it that another one holds.
`

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: herd
Comment: Data of others in the program: see NOTICE. Code of others: see THIRD-PARTY.gz.

Files: *
Copyright: 2026 The Herd Authors
License: Apache-2.0
 On Debian systems the text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`

// Pack makes the package in a folder and gives its path.
func (d Deb) Pack(dir string) (string, error) {
	files, err := d.files()
	if err != nil {
		return "", err
	}
	stage, err := os.MkdirTemp("", "herd-deb-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(stage)
	if err := os.Chmod(stage, 0o755); err != nil {
		return "", err
	}
	for _, f := range files {
		name := filepath.Join(stage, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(name, f.body, 0o600); err != nil {
			return "", err
		}
		if err := os.Chmod(name, f.mode); err != nil { // whatever the umask
			return "", err
		}
	}
	deb := filepath.Join(dir, fmt.Sprintf("herd_%s_%s.deb", d.Version, d.Arch))
	args := []string{"--root-owner-group", "--build", stage, deb}
	if d.Compress != "" {
		args = append([]string{"-Z" + d.Compress}, args...)
	}
	_, err = output("", d.environ(), "dpkg-deb", args...)
	return deb, err
}

// files are those of the package, with what dpkg is told in DEBIAN.
func (d Deb) files() ([]file, error) {
	var files []file
	program, err := os.ReadFile(d.Binary)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	files = append(files, file{"usr/bin/herd", 0o755, program})
	const doc, dist = "usr/share/doc/herd/", "cmd/herd/dist/"
	for _, c := range []struct {
		from, to string
		mode     os.FileMode
	}{
		{dist + "systemd/herd.service", "lib/systemd/system/herd.service", 0o644},
		{dist + "deb/herd.hcl", "etc/herd/herd.hcl", 0o644},
		{dist + "deb/postinst", "DEBIAN/postinst", 0o755},
		{dist + "deb/prerm", "DEBIAN/prerm", 0o755},
		{dist + "deb/postrm", "DEBIAN/postrm", 0o755},
		{dist + "grafana/herd.json", doc + "examples/grafana.json", 0o644},
		{dist + "prometheus/herd.rules.yml", doc + "examples/prometheus.rules.yml", 0o644},
		{"NOTICE", doc + "NOTICE", 0o644},
		{"CHANGELOG.md", doc + "changelog", 0o644},
	} {
		f, err := d.read(c.from, c.to, c.mode)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	files = append(files,
		file{"DEBIAN/conffiles", 0o644, []byte("/etc/herd/herd.hcl\n")},
		file{doc + "copyright", 0o644, []byte(copyright)})
	if d.ThirdParty != nil {
		others, err := d.thirdParty(d.ThirdParty)
		if err != nil {
			return nil, err
		}
		others.name = doc + others.name
		files = append(files, others)
	}
	pages, err := d.manual(d.Native)
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		p.name = "usr/share/man/" + p.name
		files = append(files, p)
	}
	scripts, err := completions(d.Native)
	if err != nil {
		return nil, err
	}
	for _, c := range scripts {
		c.name = "usr/share/" + c.name
		files = append(files, c)
	}
	for i, f := range files {
		if strings.HasPrefix(f.name, "usr/share/man/") || slices.Contains([]string{doc + "changelog", doc + "THIRD-PARTY"}, f.name) {
			if files[i], err = zip1(f); err != nil {
				return nil, err
			}
		}
	}
	return append(files, d.about(files)...), nil
}

// zip1 is a file as Debian wants texts: compressed, and of no date.
func zip1(f file) (file, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(f.body)
	}
	if err == nil {
		err = z.Close()
	}
	return file{f.name + ".gz", f.mode, b.Bytes()}, err
}

// about is what is said of the files: the size of all, and a sum of each.
func (d Deb) about(files []file) []file {
	size := 0
	var sums strings.Builder
	for _, f := range files {
		if !strings.HasPrefix(f.name, "DEBIAN/") {
			size += (len(f.body) + 1023) / 1024
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.body), f.name) // what dpkg has; not against forgers
		}
	}
	return []file{
		{"DEBIAN/control", 0o644, fmt.Appendf(nil, control, d.Version, d.Arch, size)},
		{"DEBIAN/md5sums", 0o644, []byte(sums.String())},
	}
}
