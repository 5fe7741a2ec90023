package access

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestScope(t *testing.T) {
	tokens := NewTokens([]string{"read-0123456789abcdef", "both-0123456789abcdef"}, []string{"write-0123456789abcdef", "both-0123456789abcdef"})
	for given, want := range map[string]Scope{
		"read-0123456789abcdef":   Read,
		"write-0123456789abcdef":  Write,
		"both-0123456789abcdef":   Write,
		"":                        None,
		"read-0123456789abcde":    None,
		"read-0123456789abcdef0":  None,
		"READ-0123456789abcdef":   None,
		strings.Repeat("r", 1000): None,
	} {
		if got := tokens.Scope(given); got != want {
			t.Errorf("Scope(%q) = %v, want %v", given, got, want)
		}
	}
	if tokens.Empty() || !(Tokens{}).Empty() || (Tokens{}).Scope("") != None {
		t.Error("only the zero value has no tokens, and it knows none")
	}
}

func TestTokensKeepNoToken(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, NewTokens([]string{canary}, []string{canary})); strings.Contains(text, canary) {
			t.Errorf("%s shows the token: %s", verb, text)
		}
	}
}

func TestOf(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc":             "abc",
		"bearer  abc ":           "abc",
		"Basic dXNlcjpzZWNyZXQ=": "secret", // user:secret
		"Basic OnNlY3JldA==":     "secret", // no user
		"":                       "-",
		"Bearer":                 "-",
		"Digest abc":             "-",
		"Basic !":                "-",
		"abc":                    "-",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		got, ok := Of(r)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%q brings %q, want %q", header, got, want)
		}
	}
}
