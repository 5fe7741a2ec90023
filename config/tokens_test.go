package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	tokenA = "canary-token-0123456789"
	tokenB = "canary-token-9876543210"
)

func TestTokens(t *testing.T) {
	read := keyFile(t, "# Jane's\n"+tokenA+"\r\n\n  "+tokenB+"\n", 0o600)
	write := keyFile(t, tokenB, 0o400)
	l, err := Load(nil, []string{"HERD_HTTP_READ_TOKEN_FILE=" + read, "HERD_HTTP_ADDR=0.0.0.0:0"}, map[string][]string{"http.write_token_file": {write}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.ReadTokens, []Secret{tokenA, tokenB}) || !slices.Equal(l.WriteTokens, []Secret{tokenB}) {
		t.Errorf("got %d to read and %d to write, not those of the files", len(l.ReadTokens), len(l.WriteTokens))
	}
	var printed bytes.Buffer
	if err := l.Print(&printed); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{printed.String(), fmt.Sprintf("%v %+v", *l, *l)} {
		if strings.Contains(text, "canary") {
			t.Errorf("a token is shown:\n%s", text)
		}
	}
	if _, err := Load(nil, []string{"HERD_INSECURE_HTTP=true", "HERD_HTTP_ADDR=0.0.0.0:0"}, nil); err != nil {
		t.Errorf("without tokens where that is allowed: %v", err)
	}
}

func TestBadTokens(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "there is no token",
		"# nothing\n":                       "there is no token",
		tokenA + "\ncanary":                 "line 2 is 6 bytes long",
		strings.Repeat("canary", 50):        "line 1 is 300 bytes long",
		"canary token 0123456789":           "line 1 is no token",
		strings.Repeat(tokenA+"\n", 65):     "more than 64 tokens",
		"canary-token-" + "\x1b[31m0123456": "line 1 is no token",
	} {
		_, err := Load(nil, []string{"HERD_HTTP_READ_TOKEN_FILE=" + keyFile(t, text, 0o600)}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %q and no token", text, err, want)
		}
	}
	if _, err := Load(nil, []string{"HERD_HTTP_READ_TOKEN_FILE=" + keyFile(t, tokenA, 0o644)}, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file for everybody: got %v", err)
	}
}
