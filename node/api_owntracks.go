package node

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
)

func (n *Node) ownTracksRoutes() []route {
	return []route{{"POST", "/pub", "u d", "report where a phone is, as OwnTracks does in its HTTP mode", n.whileServing(n.postPub)}}
}

// ownTracks is what this node understands of OwnTracks's messages; see
// https://owntracks.org/booklet/tech/json/. The apps send much more, and what they send
// changes: what is not known is no mistake.
type ownTracks struct {
	Type  string      `json:"_type"`
	Lat   json.Number `json:"lat"`
	Lon   json.Number `json:"lon"`
	Tst   json.Number `json:"tst"`   // seconds since the epoch, at the fix
	Tid   string      `json:"tid"`   // two letters by which a map shows the phone
	Topic string      `json:"topic"` // "owntracks/user/device"
}

// postPub takes a message of OwnTracks. A location is a report like others: answered
// when the herd has acknowledged it, since the app sends again what was not answered, even
// days later. All other messages are taken and ignored.
func (n *Node) postPub(w http.ResponseWriter, r *http.Request) {
	body, ok := readAll(w, r, maxReport)
	if !ok {
		return
	}
	var m ownTracks
	if err := json.Unmarshal(body, &m); err != nil {
		problem(w, http.StatusBadRequest, "The body is not a message of OwnTracks: "+bodyFault(err, &m)+".")
		return
	}
	if m.Type == "" {
		problem(w, http.StatusBadRequest, "The body is not a message of OwnTracks: it has no _type.")
		return
	}
	if m.Type == "location" {
		id := m.clientID(r)
		if id == "" {
			problem(w, http.StatusBadRequest, "Nobody can tell whose phone this is: set a user and a device in the app, or add ?u=USER&d=DEVICE to the URL.")
			return
		}
		now := n.config.Clock()
		cmd, ok := n.command(w, "IAMAT", id, degrees(m.Lat)+degrees(m.Lon), m.Tst.String())
		if !ok {
			return
		}
		if _, _, ok := n.report(w, r.Context(), now, &cmd); !ok {
			return
		}
	}
	writeJSON(w, http.StatusOK, []struct{}{}) // no commands for the app
}

// clientID is "user/device": from the URL, the headers that the app sets, its basic
// authentication, or the message. Without a device it is the user; empty: there is neither. Phones
// have names like "Pixel 8", and an ID holds no white space: see word.
func (m *ownTracks) clientID(r *http.Request) string {
	query := r.URL.Query()
	account, _, _ := r.BasicAuth()
	user := cmp.Or(query.Get("u"), r.Header.Get("X-Limit-U"), account)
	device := cmp.Or(query.Get("d"), r.Header.Get("X-Limit-D"))
	if topic := strings.Split(m.Topic, "/"); len(topic) == 3 {
		user, device = cmp.Or(user, topic[1]), cmp.Or(device, topic[2])
	}
	if device == "" && !strings.Contains(user, "/") {
		device = m.Tid
	}
	return strings.Trim(word(user)+"/"+word(device), "/")
}

// word is a name with one "-" where it has white space or control characters, and none at its ends.
// Two names may become one, as "Pixel 8" and "Pixel-8" do: who sets a name can set any.
func word(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), "-")
}
