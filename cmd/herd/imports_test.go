package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder as seen from here.
const root = "../.."

// parts are the folders of the module and which others their packages may
// import: cmd → node → gossip, places, config; cmd has verbs about places alone. A
// folder may import what lies in it.
var parts = map[string][]string{
	"cmd":    {"node", "places", "config"},
	"node":   {"gossip", "places", "config"},
	"gossip": nil,
	"places": nil,
	"config": nil,
}

// shared are leaves that all may import: vocabulary, how a file is replaced, how who computes rests,
// what errors of sockets say.
var shared = []string{"gossip/breath", "gossip/durable", "gossip/location", "gossip/sockerr"}

// leaves import the standard library and what is shared, nothing else.
var leaves = []string{"cmd/herd/internal/human", "cmd/herd/internal/roff", "gossip/breath", "gossip/durable", "gossip/fault", "gossip/journal", "gossip/location", "gossip/replica", "gossip/sockerr", "node/access", "node/client/sse", "node/events", "node/protocol", "node/web"}

// modest are folders that could live outside of the program: besides the standard
// library and what is shared they import these of ours, and no library.
var modest = map[string][]string{
	"node/client":  {"node/client/sse"},
	"node/history": {"node/protocol"},
}

// owners are the only parts, or folders, to import a library, outside of tests. A
// library that is not here is not one of Herd's dependencies.
var owners = map[string][]string{
	"github.com/hashicorp/memberlist":     {"gossip"},
	"github.com/hashicorp/go-hclog":       {"cmd", "node", "gossip", "places"},
	"github.com/hashicorp/hcl/v2":         {"config"},
	"github.com/zclconf/go-cty":           {"config"},
	"github.com/hashicorp/go-sockaddr":    {"config", "gossip"},
	"github.com/prometheus/client_golang": {"node/metrics"},
	"github.com/spf13/cobra":              {"cmd"},
	"github.com/spf13/pflag":              {"cmd"},
	"github.com/coreos/go-systemd/v22":    {"cmd"},
	"github.com/HdrHistogram":             {"node/load"},
	"golang.org/x/sys":                    {"cmd/herd/internal/netlab", "cmd/herd/internal/tty", "gossip"},
	"golang.org/x/sync":                   {"cmd", "node", "gossip", "places"},
	"golang.org/x/term":                   {"cmd/herd/internal/tty"},
	"golang.org/x/text":                   {"cmd/herd/internal/top"},
	"golang.org/x/time":                   {"cmd", "node", "gossip", "places"},
	"github.com/hashicorp/golang-lru":     {"places"},
	"github.com/getkin/kin-openapi":       {},
	"github.com/golang/geo":               {},
	"github.com/miekg/dns":                {},
	"googlemaps.github.io/maps":           {},
	"github.com/rogpeppe/go-internal":     {},
	"github.com/chromedp":                 {"node/web/webtest"},
	"go.uber.org/goleak":                  {},
	"go.yaml.in/yaml/v4":                  {},
	"pgregory.net/rapid":                  {},
}

// source is a Go file and its package's folder.
type source struct {
	folder, name string
	file         *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	for part := range parts {
		err := filepath.WalkDir(filepath.Join(root, part), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" {
				return err
			}
			file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			all = append(all, source{path.Dir(rel), path.Base(rel), file})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return all
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := refuse(s, name); why != "" {
				t.Errorf("%s/%s imports %s: %s", s.folder, s.name, name, why)
			}
		}
	}
}

// refuse says why a file may not import a package; empty if it may.
func refuse(s source, name string) string {
	test := strings.HasSuffix(s.name, "_test.go")
	leaf := slices.Contains(leaves, s.folder) && !test
	few, isModest := modest[s.folder]
	isModest = isModest && !test
	if inside, ours := strings.CutPrefix(name, "herd/"); ours {
		from, to := partOf(s.folder), partOf(inside)
		switch {
		case slices.Contains(shared, inside):
		case leaf:
			return "a leaf knows nothing of the program"
		case isModest && !slices.Contains(few, inside):
			return "it knows " + strings.Join(few, ", ") + " alone"
		case from != to && !slices.Contains(parts[from], to):
			return from + " may not know " + to
		}
		return ""
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for library, may := range owners {
		if name != library && !strings.HasPrefix(name, library+"/") {
			continue
		}
		switch {
		case test:
		case leaf, isModest:
			return "it has no dependencies"
		case !slices.Contains(may, partOf(s.folder)) && !slices.Contains(may, s.folder):
			return "that is for " + strings.Join(may, ", ") + " alone"
		}
		return ""
	}
	return "it is not one of the dependencies"
}

func partOf(folder string) string {
	part, _, _ := strings.Cut(folder, "/")
	return part
}

// Errors of sockets are told apart so that it works on Windows, too.
func TestSocketErrors(t *testing.T) {
	names := []string{"EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "ECONNREFUSED", "ECONNRESET", "EMFILE", "EPIPE", "ETIMEDOUT"}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_test.go") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 || types.ExprString(call.Fun) != "errors.Is" {
				return true
			}
			if name, found := strings.CutPrefix(types.ExprString(call.Args[1]), "syscall."); found && slices.Contains(names, name) {
				t.Errorf("%s/%s asks errors.Is for %s: ask sockerr.Is", s.folder, s.name, name)
			}
			return true
		})
	}
}

// Every package says what it is for, in one place.
func TestPackageComments(t *testing.T) {
	comments := map[string]int{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_test.go") {
			continue
		}
		n := comments[s.folder]
		if s.file.Doc != nil {
			n++
		}
		comments[s.folder] = n
	}
	for folder, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", folder, n)
		}
	}
}
