package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Scope is what a token is good for. Each includes the ones before it.
type Scope int

// The scopes.
const (
	None  Scope = iota // no token
	Read               // to see what there is
	Write              // to change it, and to look into the process
)

// String is the scope's name in messages.
func (s Scope) String() string {
	switch s {
	case Read:
		return "read"
	case Write:
		return "write"
	}
	return "none"
}

// Tokens is a set of tokens. It keeps their SHA-256 sums alone, so that no dump of the
// process shows one. The zero value has none. It does not change, and is safe for
// concurrent use.
type Tokens struct {
	all []token
}

type token struct {
	sum   [sha256.Size]byte
	scope Scope
}

// NewTokens makes a set. A token that is in both has the scope Write.
func NewTokens(read, write []string) Tokens {
	var t Tokens
	for _, s := range read {
		t.all = append(t.all, token{sha256.Sum256([]byte(s)), Read})
	}
	for _, s := range write {
		t.all = append(t.all, token{sha256.Sum256([]byte(s)), Write})
	}
	return t
}

// Empty tells whether there is none: then nobody is asked for one.
func (t Tokens) Empty() bool { return len(t.all) == 0 }

// Scope is what a token is good for; None if it is not in the set. It takes as long
// whatever the token is: all are compared, and all of each.
func (t Tokens) Scope(given string) Scope {
	sum := sha256.Sum256([]byte(given))
	scope := None
	for i := range t.all {
		same := subtle.ConstantTimeCompare(sum[:], t.all[i].sum[:])
		scope = max(scope, Scope(same*int(t.all[i].scope)))
	}
	return scope
}

// Of is the token that a request brings: as a bearer, or as the password of any user,
// which is what browsers ask for and what simple clients can send (RFC 7617). ok is
// false if it brings none.
func Of(r *http.Request) (given string, ok bool) {
	if _, password, basic := r.BasicAuth(); basic {
		return password, true
	}
	scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(given), true
}
