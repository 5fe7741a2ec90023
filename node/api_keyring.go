package node

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"

	"herd/gossip"
)

// maxKeyOrder is how long the body of a change of the keyring may be, in bytes.
const maxKeyOrder = 1 << 10

// keyringInfo is the keys of a herd, by their fingerprints. Names are a contract: add, never
// change.
type keyringInfo struct {
	Complete bool       `json:"complete"` // all live members have answered, and none has refused
	Keys     []keyInfo  `json:"keys"`     // that any of them has
	Members  []ringInfo `json:"members"`  // by name
}

// keyInfo is a key and who has it.
type keyInfo struct {
	Fingerprint string `json:"fingerprint"`
	Members     int    `json:"members"` // that have it
	Primary     int    `json:"primary"` // of those, how many send with it
}

// ringInfo is a member's ring.
type ringInfo struct {
	Name    string   `json:"name"`
	Gossip  string   `json:"gossip"`
	Keys    []string `json:"keys"`    // the one that it sends with first
	Outcome string   `json:"outcome"` // of the order: unchanged, changed, refused; no answer
	Unsaved bool     `json:"unsaved"` // in memory only: a restart brings other keys
	Note    string   `json:"note"`    // why there is no answer, or the order is refused, or the ring unsaved
}

func (n *Node) keyringRoutes() []route {
	return []route{
		{"GET", "/v1/keyring", "", "which members have which gossip keys, by fingerprint", n.getKeyring},
		{"POST", "/v1/keyring", "", "have all members install, use or remove a gossip key", n.postKeyring},
	}
}

func (n *Node) getKeyring(w http.ResponseWriter, r *http.Request) {
	reports, err := n.cluster.Keyring(r.Context())
	writeKeyring(w, reports, err)
}

// postKeyring takes one step of a rotation.
func (n *Node) postKeyring(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action      string `json:"action"`
		Key         string `json:"key"`
		Fingerprint string `json:"fingerprint"`
	}
	if !readBody(w, r, maxKeyOrder, &body) {
		return
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr // of no TCP
	}
	change := gossip.KeyChange{By: from}
	wrong := ""
	switch body.Action {
	case "install":
		change.Action = gossip.KeyInstall
		change.Key, err = base64.StdEncoding.DecodeString(body.Key)
		if l := len(change.Key); body.Fingerprint != "" || err != nil || l != 16 && l != 24 && l != 32 {
			wrong = "To install takes a key: base64 of 16, 24 or 32 bytes, and nothing else."
		}
	case "use", "remove":
		change.Action = gossip.KeyUse
		if body.Action == "remove" {
			change.Action = gossip.KeyRemove
		}
		var ok bool
		if change.Fingerprint, ok = gossip.ParseFingerprint(body.Fingerprint); !ok || body.Key != "" {
			wrong = "To " + body.Action + " a key takes its fingerprint, 16 hexadecimal digits, and nothing else."
		}
	default:
		wrong = "The action must be install, use or remove."
	}
	if wrong != "" {
		problem(w, http.StatusBadRequest, wrong)
		return
	}
	// Who hangs up does not leave half of the herd with the order.
	reports, err := n.cluster.ChangeKeyring(context.WithoutCancel(r.Context()), change)
	writeKeyring(w, reports, err)
}

func writeKeyring(w http.ResponseWriter, reports []gossip.KeyReport, err error) {
	var refused *gossip.KeyringError
	switch {
	case errors.As(err, &refused):
		problem(w, http.StatusConflict, "Nothing is changed: "+refused.Error()+".")
	case errors.Is(err, gossip.ErrKeyless):
		problem(w, http.StatusConflict, "This herd has no gossip key, and can't be given one while it runs.")
	case err != nil:
		w.Header().Set("Retry-After", retryAfter)
		problem(w, http.StatusServiceUnavailable, "The herd could not be asked: "+err.Error()+".")
	default:
		writeJSON(w, http.StatusOK, describeKeyring(reports))
	}
}

func describeKeyring(reports []gossip.KeyReport) keyringInfo {
	info := keyringInfo{Complete: true, Keys: []keyInfo{}, Members: []ringInfo{}}
	at := make(map[gossip.Fingerprint]int)
	for _, r := range reports {
		m := ringInfo{Name: r.Name, Gossip: r.Gossip, Keys: []string{}, Outcome: r.Outcome.String(), Unsaved: r.Unsaved, Note: r.Note}
		if r.Err != nil {
			m.Outcome, m.Note = "no answer", r.Err.Error()
		}
		info.Complete = info.Complete && r.Err == nil && r.Outcome != gossip.KeyRefused
		for i, f := range r.Keys {
			m.Keys = append(m.Keys, f.String())
			if _, known := at[f]; !known {
				at[f] = len(info.Keys)
				info.Keys = append(info.Keys, keyInfo{Fingerprint: f.String()})
			}
			k := &info.Keys[at[f]]
			k.Members++
			if i == 0 {
				k.Primary++
			}
		}
		info.Members = append(info.Members, m)
	}
	return info
}

// Fingerprint is what stands for a gossip key where people read it.
func Fingerprint(key []byte) string { return gossip.FingerprintOf(key).String() }

// IsFingerprint tells whether a text is one.
func IsFingerprint(text string) bool {
	_, ok := gossip.ParseFingerprint(text)
	return ok
}
