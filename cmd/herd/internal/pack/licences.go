package pack

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// thirdParty is what those want to be said whose code is linked: the licence and the
// notices of each module, and where its source is. A module without a licence is an error.
func (s Source) thirdParty(targets []Target) (file, error) {
	users := map[string][]string{} // modules by text
	for _, t := range targets {
		list, err := output(s.Root, s.environ("CGO_ENABLED=0", "GOOS="+t.OS, "GOARCH="+t.Arch), "go", "list", "-deps",
			"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", "./cmd/herd")
		if err != nil {
			return file{}, err
		}
		for line := range strings.Lines(list) {
			cells := strings.Split(strings.TrimSpace(line), "\t")
			if len(cells) != 3 {
				continue
			}
			texts, err := licencesOf(cells[1], cells[2])
			if err != nil {
				return file{}, fmt.Errorf("licence of %s: %w", cells[0], err)
			}
			for _, text := range texts {
				if !slices.Contains(users[text], cells[0]) {
					users[text] = append(users[text], cells[0])
				}
			}
		}
	}
	goroot, err := output(s.Root, nil, "go", "env", "GOROOT")
	if err != nil {
		return file{}, err
	}
	if text, err := os.ReadFile(filepath.Join(goroot, "LICENSE")); err == nil { // some distributions keep it elsewhere
		users[string(text)] = append(users[string(text)], "Go and its standard library")
	}

	var b strings.Builder
	b.WriteString("The program contains code of others, under the licences below. The source of each is at\nhttps://proxy.golang.org/MODULE/@v/VERSION.zip, where capitals in MODULE are written !c for C.\n")
	texts := slices.SortedFunc(maps.Keys(users), func(a, b string) int {
		// A module may have several: a licence and notices.
		return cmp.Or(strings.Compare(strings.Join(users[a], " "), strings.Join(users[b], " ")), strings.Compare(a, b))
	})
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(users[text], "\n"), strings.TrimSpace(text))
	}
	return file{"THIRD-PARTY", 0o644, []byte(b.String())}, nil
}

// licencesOf are the texts for a package: those beside it, and in the folders above up to
// the module's.
func licencesOf(module, folder string) ([]string, error) {
	var texts []string
	for {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() || !licence.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				return nil, err
			}
			texts = append(texts, strings.ReplaceAll(string(text), "\r\n", "\n"))
		}
		if folder == module {
			break
		}
		folder = filepath.Dir(folder)
	}
	if texts == nil {
		return nil, fmt.Errorf("there is none in %s", module)
	}
	return texts, nil
}
