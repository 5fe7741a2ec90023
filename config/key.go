package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// keyVariable holds the gossip key itself, for those who have no files to put
// it in. There is no flag: a command line is seen by everyone on the machine.
const keyVariable = "HERD_GOSSIP_KEY"

// maxKeys bounds the ring: a rotation needs two.
const maxKeys = 16

// gossipKeys finds the ring, and whether it can be done without. Precedence is
// as everywhere: a flag's file, the environment, a file's file.
func (l *loader) gossipKeys() (keys [][]byte, from *KeyFile) {
	var err error
	file := l.config.Gossip.KeyFile
	given := l.environ[keyVariable]
	switch named := l.origin("gossip.key_file"); {
	case l.failed["gossip.key_file"]:
		return nil, nil
	case given != "" && (file == "" || named.kind != fromFlag):
		from = &KeyFile{}
		if keys, err = parseKeys(given); err != nil {
			l.keyProblem("Invalid gossip key", fmt.Sprintf("In %s, %s.", keyVariable, err))
		}
	case file != "":
		from = &KeyFile{name: file}
		if keys, err = readKeys(file); err != nil {
			_, perr := parseKeys(file)
			l.keyFileProblem("gossip.key_file", file, perr == nil, err)
		}
	case l.config.Gossip.needsKey() && !l.failed["gossip.addr"]:
		l.keyProblem("No gossip key", fmt.Sprintf("The gossip address %s can be reached from other machines, and without a key anyone who reaches it can join. "+
			"Make one with \"herd keygen --out FILE\", copy it to every node and name it by gossip { key_file }, --key-file or HERD_KEY_FILE, or put the key itself in %s. "+
			"Or set gossip { insecure_gossip = true } if the network keeps strangers out.", l.config.Gossip.Addr, keyVariable))
	}
	if from != nil {
		from.held = keys
	}
	return keys, from
}

func (l *loader) keyProblem(summary, detail string) {
	l.errs.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail})
}

// keyFileProblem takes care for those who give the key where its file is asked
// for: no message may show that "path", not even as a line of source.
func (l *loader) keyFileProblem(field, file string, looksLikeKey bool, err error) {
	if _, serr := os.Stat(file); looksLikeKey && serr != nil {
		if at := l.origin(field).at; at != nil {
			l.errs.conceal(*at)
		}
		l.fail(field, "This looks like a key, not like the path of a file. Put it into a file that only its owner can read.")
		return
	}
	l.fail(field, fmt.Sprintf("%s: %s.", file, bare(err)))
}

func readKeys(name string) ([][]byte, error) {
	text, err := readPrivate(name)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// ReadKey reads the one key of a file, to which only its owner has access.
func ReadKey(name string) ([]byte, error) {
	key, err := readKey(name)
	if err == nil {
		return key, nil
	}
	_, perr := parseKeys(name)
	if _, serr := os.Stat(name); perr == nil && serr != nil {
		return nil, errors.New("this looks like a key, not like the path of a file: put it into a file that only its owner can read, or give - and the key on the standard input")
	}
	return nil, fmt.Errorf("%s: %w", name, bare(err))
}

func readKey(name string) ([]byte, error) {
	text, err := readPrivate(name)
	if err != nil {
		return nil, err
	}
	return ParseKey(text)
}

// ParseKey reads a text that holds one key, as a file of keys does.
func ParseKey(text string) ([]byte, error) {
	keys, err := parseKeys(text)
	if err == nil && len(keys) > 1 {
		err = fmt.Errorf("there are %d keys, where one is asked for", len(keys))
	}
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// parseKeys reads one key a line. Empty lines and those that begin with # are
// left out. Its errors name the line and never show it.
func parseKeys(text string) ([][]byte, error) {
	var keys [][]byte
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is not base64; make a key with \"herd keygen\"", n)
		}
		if len(key) != 16 && len(key) != 24 && len(key) != 32 {
			return nil, fmt.Errorf("line %d is %d bytes long when decoded; a key has 16, 24 or 32", n, len(key))
		}
		if len(keys) == maxKeys {
			return nil, fmt.Errorf("there are more than %d keys", maxKeys)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key; make one with \"herd keygen\"")
	}
	return keys, nil
}
