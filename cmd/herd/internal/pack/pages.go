package pack

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
)

// pages are the texts and examples of an archive. They link to each other alone.
func (s Source) pages() ([]file, error) {
	const docs, dist = "cmd/herd/docs", "cmd/herd/dist"
	all := [][2]string{ // in the sources, and in the archive
		{"README.md", "README.md"},
		{"CHANGELOG.md", "CHANGELOG.md"},
		{"CONTRIBUTING.md", "CONTRIBUTING.md"},
		{"LICENSE", "LICENSE"},
		{"NOTICE", "NOTICE"},
		{"node/protocol/PROTOCOL.md", "docs/protocol.md"},
		{"gossip/DESIGN.md", "docs/design.md"},
		{dist + "/grafana/herd.json", "examples/grafana.json"},
		{dist + "/prometheus/herd.rules.yml", "examples/prometheus.rules.yml"},
		{dist + "/kubernetes/herd.yaml", "examples/kubernetes.yaml"},
		{dist + "/systemd/herd.service", "examples/herd.service"},
		{dist + "/deb/herd.hcl", "examples/herd.hcl"},
		{dist + "/docker/Dockerfile", "examples/Dockerfile"},
	}
	entries, err := os.ReadDir(filepath.Join(s.Root, filepath.FromSlash(docs)))
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	for _, e := range entries {
		all = append(all, [2]string{docs + "/" + e.Name(), "docs/" + e.Name()})
	}
	packed := map[string]string{dist: "examples"}
	for _, c := range all {
		packed[c[0]] = c[1]
	}
	var files []file
	for _, c := range all {
		f, err := s.read(c[0], c[1], 0o644)
		if err == nil && path.Ext(f.name) == ".md" {
			f.body, err = relink(f.body, c[0], packed)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// relative finds what a page links to beside it, but for places within the page.
var relative = regexp.MustCompile(`\]\(([^):#\s]+)([)#])`)

// relink has a page of the sources link to where things are in an archive.
func relink(page []byte, from string, packed map[string]string) ([]byte, error) {
	var failed error
	page = relative.ReplaceAllFunc(page, func(link []byte) []byte {
		part := relative.FindSubmatch(link)
		target := path.Join(path.Dir(from), string(part[1]))
		to, ok := packed[target]
		if !ok {
			failed = fmt.Errorf("pack %s: it links to %s, which is not packed", from, target)
			return link
		}
		to, err := filepath.Rel(path.Dir(packed[from]), to)
		if err != nil {
			failed = err
		}
		return fmt.Appendf(nil, "](%s%s", filepath.ToSlash(to), part[2])
	})
	return page, failed
}
