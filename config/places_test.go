package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// chainOf loads and gives the chain and the paths of its files.
func chainOf(t *testing.T, paths, environ []string, flags map[string][]string) (order []string, files map[string]string) {
	t.Helper()
	l, err := Load(paths, append(environ, "HERD_PLACES_GOOGLE_KEY=k"), flags)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, f := range l.Config.Places.Files {
		files["file."+f.Name] = f.Path
	}
	return l.Config.Places.Order, files
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOrder(t *testing.T) {
	one := write(t, "1.hcl", `
places "file" "b" { path = "b.csv" }
places "google" {}
`)
	two := write(t, "2.hcl", `
places "embedded" {}
places "google" { api = "new" }
places "file" "a" { path = "a.csv" }
`)
	three := write(t, "3.hcl", `places_order = ["embedded"]`)
	array := write(t, "4.json", `{"places": [{"file": {"z": {"path": "z.csv"}}}, {"google": {}}, {"file": {"a": {"path": "a.csv"}, "b": {"path": "b.csv"}}}]}`)
	object := write(t, "5.json", `{"places": {"embedded": {}, "file": [{"z": {"path": "z.csv"}}, {"a": {"path": "a.csv"}}], "google": {}}}`)
	variable := []string{"HERD_PLACES_ORDER= google, embedded,"}
	flag := map[string][]string{"places_order": {"file.b", "overpass,google"}}
	cases := []struct {
		name    string
		paths   []string
		environ []string
		flags   map[string][]string
		want    string
	}{
		{"nothing said", nil, nil, nil, "embedded"},
		{"blocks", []string{one}, nil, nil, "file.b google"},
		{"blocks of two files", []string{one, two}, nil, nil, "file.b google embedded file.a"},
		{"the other way round", []string{two, one}, nil, nil, "embedded google file.a file.b"},
		{"a list in JSON", []string{array}, nil, nil, "file.z google file.a file.b"},
		{"an object in JSON", []string{object}, nil, nil, "embedded file.z file.a google"},
		{"a setting over blocks", []string{one, three}, nil, nil, "embedded"},
		{"wherever it stands", []string{three, one}, nil, nil, "embedded"},
		{"a variable over files", []string{one, three}, variable, nil, "google embedded"},
		{"a flag over a variable", []string{one, three}, variable, flag, "file.b overpass google"},
		{"an empty variable", []string{one}, []string{"HERD_PLACES_ORDER="}, nil, "file.b google"},
	}
	for _, c := range cases {
		got, _ := chainOf(t, c.paths, c.environ, c.flags)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPathsInOrder(t *testing.T) {
	block := write(t, "herd.hcl", `places "file" "mine" { path = "data/campus.csv" }`)
	cases := []struct{ order, want, path string }{
		{"campus.geojson,embedded", "file.campus embedded", "campus.geojson"},
		{"/srv/Übersicht v2.tar.gz", "file.-bersicht-v2", "/srv/Übersicht v2.tar.gz"},
		{`C:\data\sights.csv`, "file.sights", `C:\data\sights.csv`},
		{"./data", "file.data", "./data"},
		{"./file.csv", "file.file", "./file.csv"},
		{"./embedded", "file.embedded", "./embedded"},
		{".csv", "file.places", ".csv"},
		{"..", "file.places", ".."},
		{"a.csv,b/a.csv,c/a.json", "file.a file.a-2 file.a-3", "a.csv"},
		{"data/campus.csv", "file.mine", "data/campus.csv"},
		{"file.mine,mine.csv", "file.mine file.mine-2", "data/campus.csv"},
		{strings.Repeat("x", 40) + ".csv,y/" + strings.Repeat("x", 40) + ".csv", "file." + strings.Repeat("x", 32) + " file." + strings.Repeat("x", 30) + "-2", strings.Repeat("x", 40) + ".csv"},
	}
	for _, c := range cases {
		got, files := chainOf(t, []string{block}, nil, map[string][]string{"places_order": {c.order}})
		if strings.Join(got, " ") != c.want || files[got[0]] != c.path {
			t.Errorf("%s: got %s with %s, want %s with %s", c.order, got, files[got[0]], c.want, c.path)
		}
	}
	_, err := Load(nil, nil, map[string][]string{"places_order": {"a.csv,a.csv"}})
	if err == nil || !strings.Contains(err.Error(), "Entry 2 is the same as entry 1.") {
		t.Errorf("one path twice: got %v", err)
	}
}

// All forms of one chain mean the same, and so does what Print writes of it, with
// what overrides it or without.
func TestSameChain(t *testing.T) {
	t.Chdir("../testdata/config")
	environ := []string{"HERD_NAME=Clark", "HERD_HTTP_ADDR=127.0.0.1:7"}
	fromHCL, err := Load([]string{"places.hcl"}, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fromHCL.Config.Places.Order, []string{"google", "file.campus", "overpass", "file.sights.v2", "embedded"}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := fromHCL.Config.Places.Chain(), []string{"google", "file.campus", "file.sights.v2", "embedded"}; !slices.Equal(got, want) {
		t.Errorf("the chain: got %s, want %s", got, want)
	}
	var printed bytes.Buffer
	if err := fromHCL.Print(&printed); err != nil {
		t.Fatal(err)
	}
	golden(t, "places.printed", printed.Bytes())
	fromJSON, err := Load([]string{"places.json"}, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	// An object of JSON has the files together.
	if got, want := fromJSON.Config.Places.Order, []string{"google", "file.campus", "file.sights.v2", "overpass", "embedded"}; !slices.Equal(got, want) {
		t.Errorf("JSON: got %s, want %s", got, want)
	}
	fromJSON.Config.Places.Order = fromHCL.Config.Places.Order
	if !reflect.DeepEqual(fromJSON.Config, fromHCL.Config) {
		t.Errorf("got %+v, want %+v", fromJSON.Config, fromHCL.Config)
	}

	for _, order := range []string{"", "embedded,file.campus", "sights.csv,../campus.geojson.gz,embedded"} {
		flags := map[string][]string{"places_order": {order}}
		if order == "" {
			flags = nil
		}
		first, err := Load([]string{"places.hcl"}, environ, flags)
		if err != nil {
			t.Fatal(err)
		}
		var printed bytes.Buffer
		if err := first.Print(&printed); err != nil {
			t.Fatal(err)
		}
		again := write(t, "again.hcl", printed.String())
		for _, flags := range []map[string][]string{flags, nil} {
			second, err := Load([]string{again}, environ, flags)
			if err != nil {
				t.Errorf("%s: %v", order, err)
				continue
			}
			a, b := first.Config, second.Config
			byName := func(f, g File) int { return strings.Compare(f.Name, g.Name) }
			slices.SortFunc(a.Places.Files, byName)
			slices.SortFunc(b.Places.Files, byName)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s: got %+v, want %+v", order, b, a)
			}
		}
	}
}

// Load keeps nothing from one time to the next, and nothing that a caller changes.
func TestLoadAgain(t *testing.T) {
	load := func() *Loaded {
		l, err := Load([]string{"../testdata/config/places.hcl"}, []string{"HERD_NAME=Clark"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, second := load(), load()
	if !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v, want %+v", second, first)
	}
	first.Config.Places.Order[0], first.Config.Places.Files[0].Name = "x", "x"
	Default().Places.Order[0] = "x"
	if third := load(); !reflect.DeepEqual(third, second) {
		t.Errorf("got %+v, want %+v", third, second)
	}
}

// The file of a chain by its name.
func TestFile(t *testing.T) {
	p := Places{Files: []File{newFile("a"), newFile("b")}}
	if f, ok := p.File("b"); !ok || f.Name != "b" {
		t.Errorf("got %+v %t", f, ok)
	}
	if f, ok := p.File("file.b"); ok {
		t.Errorf("got %+v", f)
	}
}

func TestValidatePlaces(t *testing.T) {
	c := Default()
	c.Name = "Clark"
	c.Places.Files = []File{newFile("a"), newFile("a"), newFile("")}
	c.Places.Order = []string{"file.a", "./b.csv"}
	want := `Invalid value for places.file.a.path: A file of places that is in the chain must have one.
Invalid value for places_order: Entry 2 is no provider of places. If it is a path, begin it with "./".
Invalid value for places.file: "a" is not 1 to 32 letters, digits, '.', '_' or '-' of its own.
Invalid value for places.file: "" is not 1 to 32 letters, digits, '.', '_' or '-' of its own.`
	if got := c.Validate(); got == nil || got.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", got, want)
	}
}

func TestTooManyFiles(t *testing.T) {
	var blocks, paths strings.Builder
	for i := range maxFiles + 1 {
		fmt.Fprintf(&blocks, "places \"file\" \"f%d\" { path = \"x\" }\n", i)
		fmt.Fprintf(&paths, "f%d.csv,", i)
	}
	for want, load := range map[string]func() (*Loaded, error){
		"herd.hcl:65:1: Too many files of places": func() (*Loaded, error) {
			return Load([]string{write(t, "herd.hcl", blocks.String())}, nil, nil)
		},
		"a list of 1 to 64 of": func() (*Loaded, error) {
			return Load(nil, nil, map[string][]string{"places_order": {paths.String()}})
		},
	} {
		if _, err := load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestLinks(t *testing.T) {
	for link, want := range map[string]bool{
		"https://a.example": true, "https://a.example:8443/x/y": true, "http://localhost:1": true, "http://127.0.0.1": true, "http://[::1]:80/": true,
		"http://a.example": false, "http://10.0.0.1": false, "http://localhost.example": false, "ftp://localhost": false, "a.example": false,
		"https://": false, "https:///x": false, "https://:443": false, "https://a.example?": false, "https://a.example/?key=x": false,
		"https://a.example#": false, "https://me@a.example": false, "https://me:pw@a.example": false, "https://a b.example": false,
		"https://a.example/\x00": false, "//a.example": false, "HTTPS://a.example": true,
	} {
		if got := isLink(link); got != want {
			t.Errorf("%q: got %t, want %t", link, got, want)
		}
	}
}

func TestLanguages(t *testing.T) {
	for tag, want := range map[string]bool{
		"": true, "de": true, "pt-BR": true, "zh-Hant-TW": true, "fil": true, "es-419": true,
		"d": false, "english": false, "de_DE": false, "de-": false, "-de": false, "de-üb": false, "de\n": false, "de-" + strings.Repeat("a-", 20) + "b": false,
	} {
		var s string
		v := language(&s)
		v.parse([]string{tag})
		if got := v.valid(); got != want {
			t.Errorf("%q: got %t, want %t", tag, got, want)
		}
	}
}

func TestSuggestions(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"", "abc"}: 3, {"abc", ""}: 3, {"gogle", "google"}: 1, {"embeded", "embedded"}: 1, {"googel", "google"}: 2, {"abc", "xyz"}: 3, {"kitten", "sitting"}: 3,
	} {
		if got := edits(pair[0], pair[1]); got != want {
			t.Errorf("%q: got %d, want %d", pair, got, want)
		}
	}
}
