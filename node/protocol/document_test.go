package protocol

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// document is PROTOCOL.md in two parts: its text, without headings, marks of
// bullets and line breaks, and its examples.
func document(t *testing.T) (text string, examples []string) {
	t.Helper()
	md, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(md)) {
		line = strings.TrimSuffix(line, "\n")
		if example, ok := strings.CutPrefix(line, "    "); ok {
			examples = append(examples, example)
		} else if !strings.HasPrefix(line, "#") {
			words = append(words, strings.Fields(strings.TrimPrefix(line, "- "))...)
		}
	}
	return strings.Join(words, " "), examples
}

// Every word of PROTOCOL.md is quoted by a rule above, and no rule quotes what
// isn't there.
func TestRulesAreTheProtocol(t *testing.T) {
	text, _ := document(t)
	for _, r := range rules() {
		if !strings.Contains(text, r.quote) {
			t.Errorf("PROTOCOL.md does not say, or more than one rule quotes: %s", r.quote)
		}
		text = strings.Replace(text, r.quote, "|", 1)
	}
	for rest := range strings.SplitSeq(text, "|") {
		if rest = strings.TrimSpace(rest); rest != "" {
			t.Errorf("no rule quotes: %s", rest)
		}
	}
}

// Every rule has cases here or a test elsewhere, and those tests are there.
func TestRulesAreProved(t *testing.T) {
	for _, r := range rules() {
		if len(r.lines)+len(r.streams)+len(r.replies)+len(r.proof) == 0 {
			t.Errorf("nothing proves: %s", r.quote)
		}
		for _, proof := range r.proof {
			folder, name, _ := strings.Cut(proof, " ")
			if !hasFunc(t, "../../"+folder, name) {
				t.Errorf("there is no %s in %s, which was to prove: %s", name, folder, r.quote)
			}
		}
	}
}

// hasFunc tells whether a test file in the folder has the function.
func hasFunc(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
