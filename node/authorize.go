package node

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"herd/config"
	"herd/node/access"
	"herd/node/metrics"
)

// authority lets those in who have a token, if there are any tokens.
type authority struct {
	tokens  atomic.Pointer[access.Tokens]
	guesses access.Guesses
	clock   func() time.Time

	// Requests refused.
	missing, wrong, weak, guessed atomic.Uint64
}

// set has these tokens be those from now on.
func (a *authority) set(read, write []config.Secret) {
	tokens := access.NewTokens(reveal(read), reveal(write))
	a.tokens.Store(&tokens)
}

func reveal(secrets []config.Secret) []string {
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = s.Reveal()
	}
	return texts
}

func (a *authority) stats() metrics.Denied {
	return metrics.Denied{Missing: a.missing.Load(), Wrong: a.wrong.Load(), Weak: a.weak.Load(), Guessed: a.guessed.Load()}
}

// openToAll tells of the routes for which nobody needs a token: supervisors have none.
func openToAll(path string) bool { return path == "/livez" || path == "/readyz" }

// needed is the scope that a request takes.
func needed(r *http.Request) access.Scope {
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && !isProfile(r.URL.Path) {
		return access.Read
	}
	return access.Write
}

// authorize stands before the API and refuses who has no token for what is asked. Where
// there are no tokens all is allowed but profiles, which would show the memory of the
// process to whoever reaches it.
func (n *Node) authorize(next http.Handler) http.Handler {
	a := &n.authority
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens, need := a.tokens.Load(), needed(r)
		given, ok := access.Of(r)
		switch {
		case openToAll(r.URL.Path) || tokens.Empty() && !isProfile(r.URL.Path):
			next.ServeHTTP(w, r)
			return
		case tokens.Empty():
			a.weak.Add(1)
			problem(w, http.StatusForbidden, "Profiles need a token: name a file with one by http.write_token_file.")
			return
		case !ok:
			a.missing.Add(1)
			challenge(w, "A token is needed: send it as \"Authorization: Bearer TOKEN\", or as the password of any user.")
			return
		}
		from, _ := netip.ParseAddrPort(r.RemoteAddr) // of no TCP: all are one address
		now := a.clock()
		if wait, ok := a.guesses.Allowed(from.Addr(), now); !ok {
			a.guessed.Add(1)
			w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
			problem(w, http.StatusTooManyRequests, "There have been too many wrong tokens from this address: wait a minute.")
			return
		}
		switch scope := tokens.Scope(given); {
		case scope == access.None:
			n.guessed(from.Addr(), now)
			challenge(w, "This token is not known here.")
		case scope < need:
			a.weak.Add(1)
			problem(w, http.StatusForbidden, "This token is good to read alone, and "+r.Method+" "+r.URL.Path+" takes one to write.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// guessed takes down a wrong token.
func (n *Node) guessed(from netip.Addr, now time.Time) {
	n.authority.wrong.Add(1)
	if n.authority.guesses.Wrong(from, now) {
		n.log.Warn("a wrong token was sent to the HTTP port; more in this minute are counted only", "from", from)
	}
}

// knows tells whether who asks has shown all that other routes ask for. It is for those that
// are open to all and have more to say to some; who guesses there has as many tries as elsewhere.
func (n *Node) knows(r *http.Request) bool {
	if n.lacksCertificate(r) {
		return false
	}
	a := &n.authority
	tokens := a.tokens.Load()
	if tokens.Empty() {
		return true
	}
	given, ok := access.Of(r)
	if !ok {
		return false
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // of no TCP: all are one address
	now := a.clock()
	if _, ok := a.guesses.Allowed(from.Addr(), now); !ok {
		a.guessed.Add(1)
		return false
	}
	if tokens.Scope(given) == access.None {
		n.guessed(from.Addr(), now)
		return false
	}
	return true
}

// challenge answers who has to bring a token. Browsers ask for a password when they are
// offered Basic (RFC 7617).
func challenge(w http.ResponseWriter, detail string) {
	w.Header().Add("WWW-Authenticate", `Bearer realm="herd"`)
	w.Header().Add("WWW-Authenticate", `Basic realm="herd", charset="UTF-8"`)
	problem(w, http.StatusUnauthorized, detail)
}
