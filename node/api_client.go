package node

import (
	"net/http"
	"time"
	"unicode/utf8"

	"herd/gossip/location"
	"herd/node/protocol"
)

// clientInfo is a client in the answers of the API. Names are a contract: add, never
// change.
type clientInfo struct {
	ID  string  `json:"id"`
	Lat float64 `json:"lat"` // degrees; position has the digits that were sent
	Lon float64 `json:"lon"`
	clientDetails
}

// clientDetails is what a GeoJSON feature has as properties.
type clientDetails struct {
	IDBytes  []byte    `json:"id_base64,omitempty"` // of an ID that is not UTF-8, which JSON can't hold
	Position string    `json:"position"`            // as sent
	Time     string    `json:"time"`                // as sent
	At       time.Time `json:"at"`                  // the same as a date
	Received time.Time `json:"received"`            // when its node took it in, by that node's clock
	Skew     string    `json:"skew_seconds"`        // of these two, as in the AT line
	Node     string    `json:"node"`                // which took it in
	AtLine   string    `json:"at_line"`             // without its line feed
	Distance *float64  `json:"distance_m,omitempty"`
	Stale    bool      `json:"stale,omitempty"` // of a report: the table held a newer one, which this is
}

// describeClient is the client id with its fix f.
func describeClient(id string, f *location.Fix) clientInfo {
	lat, lon := f.Position.Degrees()
	line := protocol.AppendAt(nil, []byte(id), f)
	c := clientInfo{
		ID: id, Lat: lat, Lon: lon,
		clientDetails: clientDetails{
			Position: string(f.Position.Append(nil)),
			Time:     f.Time.String(),
			At:       time.Unix(0, f.Time.Nanos()).UTC(),
			Received: time.Unix(0, f.Received).UTC(),
			Skew:     string(protocol.AppendDifference(nil, f.Difference())),
			Node:     f.Node,
			AtLine:   string(line[:len(line)-1]),
		},
	}
	if !utf8.ValidString(id) {
		c.IDBytes = []byte(id)
	}
	return c
}

// feature is a client as GeoJSON has it (RFC 7946).
type feature struct {
	Type       string        `json:"type"`
	ID         string        `json:"id"`
	Geometry   point         `json:"geometry"`
	Properties clientDetails `json:"properties"`
}

type point struct {
	Type        string     `json:"type"`
	Coordinates [2]float64 `json:"coordinates"` // longitude first
}

func (c *clientInfo) feature() feature {
	return feature{"Feature", c.ID, point{"Point", [2]float64{c.Lon, c.Lat}}, c.clientDetails}
}

// features is a list of clients in GeoJSON. Next is as in the other form.
type features struct {
	Type     string    `json:"type"`
	Features []feature `json:"features"`
	Next     *string   `json:"next,omitempty"`
}

func collect(clients []clientInfo) features {
	f := features{Type: "FeatureCollection", Features: make([]feature, len(clients))}
	for i := range clients {
		f.Features[i] = clients[i].feature()
	}
	return f
}

// writeClient answers with one client, in the form that is asked for.
func writeClient(w http.ResponseWriter, form string, status int, c clientInfo) {
	if form == geoJSON {
		writeGeoJSON(w, status, c.feature())
		return
	}
	writeJSON(w, status, c)
}

func writeGeoJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/geo+json")
	writeJSON(w, status, v)
}
