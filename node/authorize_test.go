package node

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"herd/config"
)

const (
	readToken  = "read-0123456789abcdef"
	writeToken = "write-0123456789abcdef"
)

// tokens has a node ask for a token.
func tokens(c *Config) {
	c.ReadTokens, c.WriteTokens = []config.Secret{readToken}, []config.Secret{writeToken}
}

// ask sends a request with a header Authorization, if there is one, from an address.
func (n testNode) ask(method, path, authorization, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://10.0.0.1:4133"+path, nil)
	r.RemoteAddr = from
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := &first{ResponseRecorder: httptest.NewRecorder()}
	n.api.Handler.ServeHTTP(w, r)
	return w.ResponseRecorder
}

func TestTokens(t *testing.T) {
	n := newTestNode(t, tokens)
	password := func(token string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("anybody", token)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		method, path, authorization string
		code                        int
	}{
		{"GET", "/livez", "", 200},
		{"GET", "/readyz", "", 503},
		{"GET", "/livez", "Bearer nonsense", 200},
		{"GET", "/", "", 401},
		{"GET", "/web/main.js", "", 401},
		{"GET", "/metrics", "", 401},
		{"GET", "/v1/self", "", 401},
		{"GET", "/v1/nothing", "", 401},
		{"GET", "/v1/self", "Bearer " + readToken, 200},
		{"HEAD", "/v1/self", "Bearer " + readToken, 200},
		{"GET", "/v1/self", "bearer " + writeToken, 200},
		{"GET", "/v1/self", password(readToken), 200},
		{"GET", "/v1/self", password(""), 401},
		{"GET", "/v1/self", "Bearer " + readToken + "0", 401},
		{"GET", "/v1/self?token=" + readToken, "", 401},
		{"POST", "/v1/leave", "", 401},
		{"POST", "/v1/leave", "Bearer " + readToken, 403},
		{"PUT", "/v1/clients/kiwi", "Bearer " + readToken, 403},
		{"POST", "/pub", password(readToken), 403},
		{"GET", "/debug/pprof/heap", "Bearer " + readToken, 403},
		{"GET", "/debug/pprof/heap", "", 401},
		{"GET", "/debug/pprof/nothing", "Bearer " + writeToken, 404},
		{"POST", "/v1/leave", "Bearer " + writeToken, 202},
	} {
		w := n.ask(c.method, c.path, c.authorization, "192.0.2.1:1000")
		if w.Code != c.code {
			t.Errorf("%s %s with %q: got %d, want %d", c.method, c.path, c.authorization, w.Code, c.code)
		}
		if offered := strings.Join(w.Header().Values("WWW-Authenticate"), ", "); (c.code == 401) != strings.Contains(offered, "Bearer") || (c.code == 401) != strings.Contains(offered, "Basic") {
			t.Errorf("%s %s: WWW-Authenticate is %q", c.method, c.path, offered)
		}
	}
	denied := n.Stats().HTTPDenied
	if denied.Missing != 8 || denied.Wrong != 2 || denied.Weak != 4 || denied.Guessed != 0 {
		t.Errorf("counted %+v", denied)
	}
}

// Without tokens nobody is asked for one, and there are no profiles.
func TestNoTokens(t *testing.T) {
	n := newTestNode(t)
	for path, want := range map[string]int{"/v1/self": 200, "/debug/pprof/heap": 403} {
		if w := n.ask("GET", path, "Bearer "+writeToken, "192.0.2.1:1000"); w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
	}
}

// Who has guessed often is not listened to for a while, whatever it sends; others are.
// One line of the log is about it, and it shows no token.
func TestGuessing(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	n := newTestNode(t, tokens, func(c *Config) { c.Clock = func() time.Time { return now } })
	codes := map[int]int{}
	for range 1000 {
		codes[n.ask("GET", "/v1/self", "Bearer canary-of-a-token", "192.0.2.1:1000").Code]++
	}
	if codes[401] != 10 || codes[429] != 990 {
		t.Errorf("1000 wrong tokens got %v", codes)
	}
	w := n.ask("GET", "/v1/self", "Bearer "+readToken, "192.0.2.1:2000")
	var got struct{ Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "61" || got.Detail == "" {
		t.Errorf("the right one after that got %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := n.ask("GET", "/v1/self", "Bearer "+readToken, "192.0.2.2:1000"); w.Code != 200 {
		t.Errorf("another address got %d", w.Code)
	}
	if w := n.ask("GET", "/livez", "", "192.0.2.1:1000"); w.Code != 200 {
		t.Errorf("its probe got %d", w.Code)
	}
	now = now.Add(time.Minute)
	if w := n.ask("GET", "/v1/self", "Bearer "+readToken, "192.0.2.1:1000"); w.Code != 200 {
		t.Errorf("the right one a minute later got %d", w.Code)
	}
	if log := n.log.String(); strings.Count(log, "wrong token") != 1 || strings.Contains(log, "canary") || !strings.Contains(log, "192.0.2.1") {
		t.Errorf("the log says:\n%s", log)
	}
}

// New tokens hold at once, old ones no more.
func TestNewTokens(t *testing.T) {
	n := newTestNode(t, tokens)
	n.authority.set(nil, []config.Secret{"another-0123456789abcdef"})
	for token, want := range map[string]int{writeToken: 401, "another-0123456789abcdef": 200} {
		if w := n.ask("GET", "/v1/self", "Bearer "+token, "192.0.2.1:1000"); w.Code != want {
			t.Errorf("%s: got %d, want %d", token, w.Code, want)
		}
	}
}
