package pack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a system that there are packages for.
type Target struct{ OS, Arch string }

// Targets are all of them.
func Targets() []Target {
	return []Target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
}

// Build builds the program for a system, with nothing in it of where it was built.
func (s Source) Build(t Target, to string) error {
	_, err := output(s.Root, s.environ("CGO_ENABLED=0", "GOOS="+t.OS, "GOARCH="+t.Arch),
		"go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, "./cmd/herd")
	return err
}

// Release is the version that the code says it is, by a binary that runs here.
func Release(binary string) (string, error) {
	text, err := output("", nil, binary, "version", "--json")
	if err != nil {
		return "", err
	}
	var v struct {
		Version string `json:"version"`
	}
	err = json.Unmarshal([]byte(text), &v)
	return v.Version, err
}

// manual are the manual pages, by a binary that runs here.
func (s Source) manual(binary string) ([]file, error) {
	dir, err := os.MkdirTemp("", "herd-man-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := output("", s.environ(), binary, "man", dir); err != nil {
		return nil, err
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, p := range pages {
		body, err := os.ReadFile(filepath.Join(dir, p.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{"man" + p.Name()[len(p.Name())-1:] + "/" + p.Name(), 0o644, body})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// completions are the scripts for shells, by a binary that runs here, each with the path
// that the shell looks for, below /usr/share.
func completions(binary string) ([]file, error) {
	var files []file
	for _, c := range [][2]string{
		{"bash", "bash-completion/completions/herd"},
		{"fish", "fish/vendor_completions.d/herd.fish"},
		{"zsh", "zsh/vendor-completions/_herd"},
	} {
		text, err := output("", nil, binary, "completion", c[0])
		if err != nil {
			return nil, err
		}
		files = append(files, file{c[1], 0o644, []byte(text + "\n")})
	}
	return files, nil
}
