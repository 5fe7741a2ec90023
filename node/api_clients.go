package node

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"herd/gossip/location"
	"herd/node/protocol"
	"herd/places"
)

// Bounds of a list of clients.
const (
	maxClients     = 1000    // on a page
	usualClients   = 100     // the same, if nothing is asked for
	maxClientsRead = 100_000 // of the table, about, for one page
)

func (n *Node) clientRoutes() []route {
	return []route{
		{"GET", "/v1/clients", "prefix bbox limit cursor format", "the clients and where they are, page by page", n.getClients},
		{"GET", "/v1/clients/{id}", "format", "where a client is", n.getClient},
		{"PUT", "/v1/clients/{id}", "format", "report where a client is", n.whileServing(n.putClient)},
		{"GET", "/v1/clients/{id}/places", "radius limit offline", "what is near a client: the body of a WHATSAT; ?offline=1: of what may be drawn on any map", n.getPlaces},
	}
}

// getClients lists a page of the table, in an order of its own.
func (n *Node) getClients(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	form := p.form(w, r)
	prefix, area := p.text("prefix", location.MaxID), p.box("bbox")
	limit := p.whole("limit", 1, maxClients, usualClients)
	origin := n.cluster.Self().Origin
	from, err := parseCursor(p.text("cursor", maxCursor), origin, n.table.Shards())
	if err != nil && !errors.Is(err, errGoneList) && p.wrong == "" {
		p.wrong = "cursor " + err.Error() + "."
	}
	if p.bad(w) {
		return
	}
	if err != nil {
		problem(w, http.StatusGone, "cursor "+err.Error()+".")
		return
	}
	list, from, more := page(n.table, from, prefix, area, limit)
	next := ""
	if more {
		next = from.text(origin)
	}
	if form == geoJSON {
		f := collect(list)
		f.Next = &next
		writeGeoJSON(w, http.StatusOK, f)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Clients []clientInfo `json:"clients"`
		Next    string       `json:"next"` // the cursor of the page after; empty: this is the last
	}{list, next})
}

// cursor is how far a list has come: all shards before shard, and of that the IDs up to
// after. A client stays in its shard, and its ID is what it is: one that is there all the time
// is listed once, whatever comes and goes meanwhile.
type cursor struct {
	shard int
	after string // empty: none of the shard
}

// page is the next clients from a place on, at most limit, and where the page after
// begins, if there is one. It may hold fewer, or none, when it took long to find them.
func page(table *location.Table, from cursor, prefix string, area box, limit int) (list []clientInfo, next cursor, more bool) {
	type client struct {
		id  string
		fix location.Fix
	}
	list = []clientInfo{}
	var found []client
	read := 0
	for ; from.shard < table.Shards(); from = (cursor{from.shard + 1, ""}) {
		if read >= maxClientsRead {
			return list, from, true
		}
		found = found[:0]
		table.Scan(from.shard, func(id string, e *location.Entry) {
			read++
			if id > from.after && strings.HasPrefix(id, prefix) && area.holds(e.Position.Degrees()) {
				found = append(found, client{strings.Clone(id), e.Fix})
			}
		})
		slices.SortFunc(found, func(a, b client) int { return cmp.Compare(a.id, b.id) })
		for _, c := range found {
			if len(list) == limit {
				return list, from, true
			}
			list = append(list, describeClient(c.id, &c.fix))
			from.after = c.id
		}
	}
	return list, cursor{}, false
}

// maxCursor is the length of the longest cursor's text.
var maxCursor = base64.RawURLEncoding.EncodedLen(8 + binary.MaxVarintLen32 + location.MaxID)

// text is what a caller is given. It names the incarnation of the node, whose order
// is no other's.
func (c cursor) text(origin location.Origin) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(origin))
	b = binary.AppendUvarint(b, uint64(c.shard))
	return base64.RawURLEncoding.EncodeToString(append(b, c.after...))
}

// errGoneList is that a cursor was good once, or is good elsewhere. It is the rest of a sentence, too.
var errGoneList = errors.New("is of another node, or of this one before it started again: begin anew")

// parseCursor reads what a caller gives back. Empty is the beginning. The error is the
// rest of a sentence.
func parseCursor(text string, origin location.Origin, shards int) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 8 {
		return cursor{}, fmt.Errorf("is not one that this node gave")
	}
	if binary.BigEndian.Uint64(b) != uint64(origin) {
		return cursor{}, errGoneList
	}
	shard, size := binary.Uvarint(b[8:])
	if size <= 0 || shard >= uint64(shards) || len(b)-8-size > location.MaxID {
		return cursor{}, fmt.Errorf("is not one that this node gave")
	}
	return cursor{int(shard), string(b[8+size:])}, nil
}

// getClient shows one client. A node that is behind asks another one before it says that
// it knows of no such client.
func (n *Node) getClient(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	form := p.form(w, r)
	if p.bad(w) {
		return
	}
	if cmd, ok := n.command(w, "WHATSAT", r.PathValue("id"), "0", "0"); ok {
		if e, ok := n.find(w, r.Context(), cmd.ID); ok {
			writeClient(w, form, http.StatusOK, describeClient(string(cmd.ID), &e.Fix))
		}
	}
}

// getPlaces answers with what is near a client, as a WHATSAT does. Offline it answers with
// what the program itself knows, and no upstream is asked. What an upstream says may have to be
// paid for, so no page of another site has it asked in the name of who looks at that page.
func (n *Node) getPlaces(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	ask := n.places.Near
	offline := p.oneOf("offline", "0", "1") == "1"
	if offline {
		ask = n.offline.Near
	}
	if p.bad(w) {
		return
	}
	if !offline && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		problem(w, http.StatusForbidden, "This request was made by a page of another site, and may cost. With offline=1 it does not.")
		return
	}
	values := r.URL.Query()
	if !values.Has("radius") {
		values.Set("radius", "10")
	}
	if !values.Has("limit") {
		values.Set("limit", "20")
	}
	cmd, ok := n.command(w, "WHATSAT", r.PathValue("id"), values.Get("radius"), values.Get("limit"))
	if !ok {
		return
	}
	e, ok := n.find(w, r.Context(), cmd.ID)
	if !ok {
		return
	}
	lat, lon := e.Position.Degrees()
	body := ask(r.Context(), places.Query{Latitude: lat, Longitude: lon, Radius: cmd.Radius, Limit: cmd.Limit})
	if r.Context().Err() != nil {
		return // nobody waits for it
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(body)
}

// find looks a client up as a WHATSAT does. If there is none it says so.
func (n *Node) find(w http.ResponseWriter, ctx context.Context, id []byte) (location.Entry, bool) {
	e, ok := n.cluster.Lookup(ctx, id)
	if !ok {
		problem(w, http.StatusNotFound, "The herd knows of no such client.")
	}
	return e, ok
}

// command is a request as a line of the protocol would have it: the same rules hold.
// What they refuse it answers with a problem.
func (n *Node) command(w http.ResponseWriter, verb string, operands ...string) (protocol.Command, bool) {
	line := []byte(verb + " " + strings.Join(operands, " "))
	s := n.server.bounds.Load()
	if len(line) > s.MaxLine {
		problem(w, http.StatusBadRequest, fmt.Sprintf("As a line of the client protocol this would be %d bytes: it may be %d.", len(line), s.MaxLine))
		return protocol.Command{}, false
	}
	cmd := protocol.Parse(line, s.limits())
	if cmd.Verb != protocol.Invalid {
		return cmd, true
	}
	detail := ""
	switch cmd.Reason {
	case protocol.LongID:
		detail = fmt.Sprintf("The client's ID is %d bytes: it may be %d.", len(operands[0]), s.MaxID)
	case protocol.BadPosition:
		detail = fmt.Sprintf("The position %q is %v.", operands[1], location.ErrPosition)
	case protocol.BadTime:
		detail = fmt.Sprintf("The time %q is %v.", operands[2], location.ErrTime)
	case protocol.BadRadius:
		detail = fmt.Sprintf("radius is %q: it must be kilometres from 0 to 50, digits with or without a point.", operands[1])
	case protocol.BadLimit:
		detail = fmt.Sprintf("limit is %q: it must be a whole number from 0 to 20.", operands[2])
	default:
		detail = "Neither the client's ID nor what is said of it may be empty or hold white space."
	}
	problem(w, http.StatusBadRequest, detail)
	return protocol.Command{}, false
}
