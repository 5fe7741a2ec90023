package upstream

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how many bytes of an upstream's text an error holds.
const maxText = 300

// links takes too much rather than too little.
var links = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://\S*`)

// Clean is an upstream's text as it may stand in an error: one line, not long,
// valid UTF-8, with no control characters, no URLs and no secret.
func Clean(text, secret string) string {
	text = redact(text, secret)
	text = links.ReplaceAllString(text, "(link)")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// redact is the text without the secret, neither plain nor as it looks in a URL
// or in JSON.
func redact(text, secret string) string {
	for _, form := range forms(secret) {
		text = strings.ReplaceAll(text, form, "(key)")
	}
	return text
}

// shortSecret is the length below which a key is none: a word for a server of one's
// own, that any reply may hold.
const shortSecret = 8

// contains tells whether a reply repeats a key.
func contains(body []byte, secret string) bool {
	if len(secret) < shortSecret {
		return false
	}
	for _, form := range forms(secret) {
		if bytes.Contains(body, []byte(form)) {
			return true
		}
	}
	return false
}

// forms are the ways in which a secret may be written; none for no secret.
func forms(secret string) []string {
	if secret == "" {
		return nil
	}
	quoted, _ := json.Marshal(secret) // a string always marshals
	return []string{secret, url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1])}
}
