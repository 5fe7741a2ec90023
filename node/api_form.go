package node

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The forms of an answer about clients, as ?format= names them.
const (
	plainJSON = "json"
	geoJSON   = "geojson"
)

// form is the form that is asked for: by ?format=, or else by the header Accept.
func (p *params) form(w http.ResponseWriter, r *http.Request) string {
	w.Header().Add("Vary", "Accept")
	if p.has("format") {
		return p.oneOf("format", plainJSON, geoJSON)
	}
	if accepts(r, "application/json", "application/geo+json") == "application/geo+json" {
		return geoJSON
	}
	return plainJSON
}

// accepts is the media type that a request would rather have: one of those offered, in
// which earlier ones win over later ones that are as welcome. It is the first where none is
// welcome: an answer that somebody may not read is better than none.
func accepts(r *http.Request, offers ...string) string {
	header := strings.Join(r.Header.Values("Accept"), ",")
	best, most := offers[0], 0.0
	for _, offer := range offers {
		if q := welcome(header, offer); q > most {
			best, most = offer, q
		}
	}
	return best
}

// welcome is the weight of a media type in a header Accept: that of the range that names it
// most closely.
func welcome(header, offer string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	weight, closest := 0.0, 0
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		close := 0
		switch name {
		case offer:
			close = 3
		case kind + "/*":
			close = 2
		case "*/*":
			close = 1
		}
		if close <= closest {
			continue
		}
		closest, weight = close, 1
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			weight = q
		}
	}
	return weight
}
