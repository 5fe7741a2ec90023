package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Bounds of the tokens of the HTTP port.
const (
	maxTokens = 64  // in a file: one for each who has one
	minToken  = 16  // bytes: what can be guessed is no token
	maxToken  = 256 // bytes
)

// tokens reads the files of tokens, and finds whether there must be some.
func (l *loader) tokens() (read, write []Secret) {
	h := &l.config.HTTP
	read = l.tokenFile("http.read_token_file", h.ReadTokenFile)
	write = l.tokenFile("http.write_token_file", h.WriteTokenFile)
	if h.needsToken() && !l.failed["http.addr"] {
		l.errs.add(&hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "No token",
			Detail: fmt.Sprintf("The HTTP address %s can be reached from other machines, and without tokens whoever reaches it sees all clients and can have the node leave. "+
				"Make one with \"herd keygen --out FILE\" and name it by http { write_token_file }, --http-write-token-file or HERD_HTTP_WRITE_TOKEN_FILE; one of those who may only look by read_token_file. "+
				"Or set http { insecure_http = true } if the network keeps strangers out.", h.Addr),
		})
	}
	return read, write
}

// needsToken tells whether the HTTP port can be reached from other machines, no file of
// tokens is named, and nobody has said that it may be so.
func (h HTTP) needsToken() bool {
	host, _, _ := net.SplitHostPort(h.Addr)
	return h.ReadTokenFile == "" && h.WriteTokenFile == "" && !h.Insecure && !loopback(host)
}

func (l *loader) tokenFile(field, name string) []Secret {
	if name == "" || l.failed[field] {
		return nil
	}
	tokens, err := readTokens(name)
	if err != nil {
		l.keyFileProblem(field, name, !looksLikePath(name), err)
	}
	return tokens
}

func readTokens(name string) ([]Secret, error) {
	text, err := readPrivate(name)
	if err != nil {
		return nil, err
	}
	return parseTokens(text)
}

// parseTokens reads one token a line. Empty lines and those that begin with # are left
// out. Its errors name the line and never show it.
func parseTokens(text string) ([]Secret, error) {
	var tokens []Secret
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(line) < minToken || len(line) > maxToken:
			return nil, fmt.Errorf("line %d is %d bytes long; a token has %d to %d. Make one with \"herd keygen\"", n, len(line), minToken, maxToken)
		case strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, fmt.Errorf("line %d is no token: that has printable ASCII characters and no white space. Make one with \"herd keygen\"", n)
		case len(tokens) == maxTokens:
			return nil, fmt.Errorf("there are more than %d tokens", maxTokens)
		}
		tokens = append(tokens, Secret(line))
	}
	if len(tokens) == 0 {
		return nil, errors.New("there is no token; make one with \"herd keygen\"")
	}
	return tokens, nil
}

// ReadToken is the first token of a file, to which its owner alone has access: for those
// who bring one. Its error does not show the token.
func ReadToken(name string) (Secret, error) {
	tokens, err := readTokens(name)
	if _, serr := os.Stat(name); serr != nil && !looksLikePath(name) {
		return "", errors.New("read the token: this looks like a token, not like the path of a file. Put it into a file that only its owner can read")
	}
	if err != nil {
		return "", fmt.Errorf("read the token in %s: %s", name, bare(err))
	}
	return tokens[0], nil
}
