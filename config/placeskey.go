package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// placesKeyVariable holds the key for Google itself. There is no flag: a command
// line is seen by everyone on the machine.
const placesKeyVariable = "HERD_PLACES_GOOGLE_KEY"

// maxPlacesKey is in bytes; Google's have 39.
const maxPlacesKey = 512

// placesKey finds the key for Google, if it is in the chain. Precedence is that of
// the gossip key.
func (l *loader) placesKey() Secret {
	if !slices.Contains(l.config.Places.Chain(), "google") || l.failed["places.google.key_file"] {
		return ""
	}
	var key string
	var err error
	const field = "places.google.key_file"
	file := l.config.Places.Google.KeyFile
	given := l.environ[placesKeyVariable]
	switch {
	case given != "" && (file == "" || l.origin(field).kind != fromFlag):
		if key, err = parsePlacesKey(given); err != nil {
			l.keyProblem("Invalid key for Google", fmt.Sprintf("In %s, %s.", placesKeyVariable, err))
		}
	case file != "":
		if key, err = readPlacesKey(file); err != nil {
			l.keyFileProblem(field, file, !looksLikePath(file), err)
		}
	case l.config.Places.Google.AsksGoogle() && !l.failed["places.google.base_url"]:
		d := &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "No key for Google",
			Detail: fmt.Sprintf("Google is in the chain of places, and answers only those with a key. "+
				"Put the key into a file that only its owner can read and name it by %s, --places-google-key-file or HERD_PLACES_GOOGLE_KEY_FILE, or put the key itself in %s. "+
				"Or take \"google\" out of the chain.", hclName(field), placesKeyVariable),
		}
		if at, there := l.blocks["places.google"]; there {
			d.Subject = &at
		}
		l.errs.add(d)
	}
	return Secret(key)
}

// AsksGoogle tells whether it is Google itself that is asked, which needs a key and
// sends a bill.
func (g Google) AsksGoogle() bool {
	u, err := url.Parse(g.BaseURL)
	return g.BaseURL == "" || err == nil && strings.HasSuffix("."+strings.ToLower(u.Hostname()), ".googleapis.com")
}

// looksLikePath tells a path from a key: it begins like one, ends in an extension
// or is too short for a key. When in doubt it is a key, and not shown.
func looksLikePath(s string) bool {
	ext := filepath.Ext(s)
	return filepath.IsAbs(s) || strings.HasPrefix(s, ".") || len(s) < 20 ||
		2 <= len(ext) && len(ext) <= 5 && isWord(ext, 1, 5)
}

func readPlacesKey(name string) (string, error) {
	text, err := readPrivate(name)
	if err != nil {
		return "", err
	}
	return parsePlacesKey(text)
}

// parsePlacesKey reads the one line of a key file. Its errors never show it.
func parsePlacesKey(text string) (string, error) {
	key := strings.TrimSpace(text)
	switch {
	case key == "":
		return "", errors.New("there is no key")
	case strings.ContainsAny(key, "\r\n"):
		return "", errors.New("there is more than one line; there must be nothing but the key")
	case len(key) > maxPlacesKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("there is more than a key: it has at most %d printable ASCII characters and no white space", maxPlacesKey)
	}
	return key, nil
}
