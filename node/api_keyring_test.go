package node

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"herd/gossip"
)

var goodKey = base64.StdEncoding.EncodeToString([]byte("canary-canary-ca"))

// twoRings is a herd in the middle of a rotation, of which one member says nothing.
func twoRings() []gossip.KeyReport {
	a, b := gossip.Fingerprint{0xa}, gossip.Fingerprint{0xb}
	return []gossip.KeyReport{
		{Name: "Bona", Gossip: "10.0.0.2:4132", Err: errors.New("no answer in time")},
		{Name: "Clark", Gossip: "10.0.0.1:4132", Self: true, Keys: []gossip.Fingerprint{b, a}, Outcome: gossip.KeyChanged},
		{Name: "Jaquez", Gossip: "10.0.0.3:4132", Keys: []gossip.Fingerprint{a}, Outcome: gossip.KeyRefused, Note: "why", Unsaved: true},
	}
}

func TestKeyring(t *testing.T) {
	n := newTestNode(t)
	n.cluster.keys = twoRings()
	code, body := n.get(t, "GET", "/v1/keyring")
	const want = `{"complete":false,"keys":[{"fingerprint":"0b00000000000000","members":1,"primary":1},{"fingerprint":"0a00000000000000","members":2,"primary":1}],"members":[` +
		`{"name":"Bona","gossip":"10.0.0.2:4132","keys":[],"outcome":"no answer","unsaved":false,"note":"no answer in time"},` +
		`{"name":"Clark","gossip":"10.0.0.1:4132","keys":["0b00000000000000","0a00000000000000"],"outcome":"changed","unsaved":false,"note":""},` +
		`{"name":"Jaquez","gossip":"10.0.0.3:4132","keys":["0a00000000000000"],"outcome":"refused","unsaved":true,"note":"why"}]}` + "\n"
	if code != http.StatusOK || body != want {
		t.Errorf("got %d %s", code, body)
	}
	n.cluster.keys = nil
	n.cluster.keysErr = gossip.ErrKeyless
	if code, body := n.get(t, "GET", "/v1/keyring"); code != http.StatusConflict || !strings.Contains(body, "no gossip key") {
		t.Errorf("got %d %s", code, body)
	}
}

func TestChangeKeyring(t *testing.T) {
	n := newTestNode(t)
	n.cluster.keys = twoRings()
	f := gossip.FingerprintOf([]byte("canary-canary-ca"))
	for body, want := range map[string]gossip.KeyAction{
		`{"action":"install","key":"` + goodKey + `"}`:           gossip.KeyInstall,
		`{"action":"use","fingerprint":"` + f.String() + `"}`:    gossip.KeyUse,
		`{"action":"remove","fingerprint":"` + f.String() + `"}`: gossip.KeyRemove,
	} {
		code, answer := n.send(t, "POST", "/v1/keyring", body)
		c := n.cluster.change
		if code != http.StatusOK || c.Action != want || (c.Fingerprint == f) != (want != gossip.KeyInstall) || (c.Key != nil) != (want == gossip.KeyInstall) {
			t.Errorf("%s: %d, %+v", body, code, c)
		}
		if !json.Valid([]byte(answer)) || strings.Contains(answer, goodKey) {
			t.Errorf("%s is answered by %s", body, answer)
		}
	}
	n.cluster.keysErr = &gossip.KeyringError{Action: gossip.KeyUse, Fingerprint: f, Reason: "these members lack it: Bona"}
	code, answer := n.send(t, "POST", "/v1/keyring", `{"action":"use","fingerprint":"`+f.String()+`"}`)
	if code != http.StatusConflict || !strings.Contains(answer, "Nothing is changed: use key "+f.String()+": these members lack it: Bona.") {
		t.Errorf("got %d %s", code, answer)
	}
}

func TestBadKeyringChanges(t *testing.T) {
	n := newTestNode(t)
	for _, body := range []string{
		``, `{}`, `{"action":"list"}`, `{"action":"install"}`, `{"action":"install","key":"canary"}`, `{"action":"install","key":"Y2FuYXJ5"}`,
		`{"action":"install","key":"` + goodKey + `","fingerprint":"0a00000000000000"}`,
		`{"action":"use","key":"` + goodKey + `"}`, `{"action":"use","fingerprint":"` + goodKey + `"}`, `{"action":"remove","fingerprint":"0a"}`,
		`{"action":"use","fingerprint":"0a0000000000000g"}`, `{"action":"use","fingerprint":"0a00000000000000","key":"` + goodKey + `"}`, `{"canary":1}`,
	} {
		code, answer := n.send(t, "POST", "/v1/keyring", body)
		if code != http.StatusBadRequest || strings.Contains(answer, goodKey) {
			t.Errorf("%s: %d %s", body, code, answer)
		}
	}
	if code, _ := n.send(t, "POST", "/v1/keyring", strings.Repeat(" ", maxKeyOrder+1)+"{}"); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: %d", code)
	}
	if n.cluster.change.Action != gossip.KeyList {
		t.Errorf("the herd was given an order: %+v", n.cluster.change)
	}
	n = newTestNode(t, tokens)
	for method, want := range map[string]int{"GET": http.StatusOK, "POST": http.StatusForbidden} {
		if w := n.ask(method, "/v1/keyring", "Bearer "+readToken, "192.0.2.1:1000"); w.Code != want {
			t.Errorf("%s with a token to read: %d", method, w.Code)
		}
	}
}
