package fakegoogle

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

const (
	maxRadius = 50_000 // metres
	maxCount  = 20     // places of one reply
)

// question is what a call asks for, whichever API it is of.
type question struct {
	lat, lng, radius float64
	count            int // wanted
	there            int // places that there are
	mask             []string
}

// protocol is one of the two APIs.
type protocol interface {
	name() string
	ask(s *Server, r *http.Request) (question, *reply) // a reply if it is refused
	reply(q question) reply
}

type newAPI struct{}

func (newAPI) name() string { return "new" }

// fields are those that a mask may hold, or begin with.
var fields = strings.Fields(`places.id places.displayName places.types places.location places.viewport
	places.shortFormattedAddress places.formattedAddress places.plusCode places.businessStatus places.iconMaskBaseUri
	places.iconBackgroundColor places.photos places.attributions places.rating places.userRatingCount places.priceLevel
	places.currentOpeningHours places.regularOpeningHours`)

func (newAPI) ask(s *Server, r *http.Request) (question, *reply) {
	var body struct {
		MaxResultCount      *int
		RankPreference      string
		LocationRestriction struct {
			Circle *struct {
				Center struct{ Latitude, Longitude float64 }
				Radius float64
			}
		}
		LanguageCode string
	}
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	err := d.Decode(&body)
	invalid := func(message string) (question, *reply) {
		p := rpcError(400, "INVALID_ARGUMENT", "", message)
		return question{}, &p
	}
	key, mask := r.Header.Get("X-Goog-Api-Key"), r.Header.Get("X-Goog-FieldMask")
	switch {
	case r.Method != http.MethodPost:
		p := rpcError(404, "NOT_FOUND", "", "Not found.")
		return question{}, &p
	case key == "":
		p := rpcError(403, "PERMISSION_DENIED", "", "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.")
		return question{}, &p
	case s.options.Key != "" && key != s.options.Key:
		return question{}, &badKey
	case mask == "":
		return invalid("FieldMask is a required parameter. See https://cloud.google.com/apis/docs/system-parameters on how to provide it.")
	case err != nil:
		return invalid("Invalid JSON payload received.")
	case body.LocationRestriction.Circle == nil:
		return invalid("location_restriction is required.")
	case body.RankPreference != "" && body.RankPreference != "POPULARITY" && body.RankPreference != "DISTANCE":
		return invalid("Invalid value at 'rank_preference'.")
	}
	c := body.LocationRestriction.Circle
	q := question{lat: c.Center.Latitude, lng: c.Center.Longitude, radius: c.Radius, count: maxCount, mask: strings.Split(mask, ",")}
	if body.MaxResultCount != nil {
		q.count = *body.MaxResultCount
	}
	for _, f := range q.mask {
		if !known(f) {
			return invalid("Error expanding 'fields' parameter. Cannot find matching fields for path '" + f + "'.")
		}
	}
	if q.count < 1 || q.count > maxCount {
		return invalid("max_result_count must be between 1 and 20 inclusively.")
	}
	if !q.valid() {
		return invalid("Invalid location_restriction.circle.")
	}
	q.there = s.options.Places(q.lat, q.lng, q.radius)
	return q, nil
}

func known(field string) bool {
	for _, f := range fields {
		if field == f || strings.HasPrefix(field, f+".") {
			return true
		}
	}
	return false
}

func (q question) valid() bool {
	return math.Abs(q.lat) <= 90 && math.Abs(q.lng) <= 180 && q.radius > 0 && q.radius <= maxRadius
}

func (q question) wants(field string) bool {
	for _, f := range q.mask {
		if f == field || strings.HasPrefix(f, field+".") {
			return true
		}
	}
	return false
}

// reply writes as protobuf does: what is zero is not there.
func (newAPI) reply(q question) reply {
	type object = map[string]any
	point := func(lat, lng float64) object {
		o := object{}
		if lat != 0 {
			o["latitude"] = lat
		}
		if lng != 0 {
			o["longitude"] = lng
		}
		return o
	}
	list := []object{}
	for _, p := range q.places() {
		all := object{
			"id": p.id, "displayName": object{"text": p.name, "languageCode": "en"}, "types": types,
			"location":              point(p.lat, p.lng),
			"viewport":              object{"low": point(p.south, p.west), "high": point(p.north, p.east)},
			"shortFormattedAddress": p.vicinity, "businessStatus": "OPERATIONAL", "rating": 4.5, "userRatingCount": 12,
			"iconMaskBaseUri": icon, "iconBackgroundColor": color, "priceLevel": "PRICE_LEVEL_FREE",
			"currentOpeningHours": object{"openNow": true},
		}
		for field := range all {
			if !q.wants("places." + field) {
				delete(all, field)
			}
		}
		list = append(list, all)
	}
	if len(list) == 0 {
		return reply{200, "{}\n"}
	}
	body, _ := json.MarshalIndent(object{"places": list}, "", "  ") // strings and numbers always marshal
	return reply{200, string(body) + "\n"}
}

type legacyAPI struct{}

func (legacyAPI) name() string { return "legacy" }

func (legacyAPI) ask(s *Server, r *http.Request) (question, *reply) {
	query := r.URL.Query()
	lat, lng, _ := strings.Cut(query.Get("location"), ",")
	var q question
	var errs [3]error
	q.lat, errs[0] = strconv.ParseFloat(lat, 64)
	q.lng, errs[1] = strconv.ParseFloat(lng, 64)
	q.radius, errs[2] = strconv.ParseFloat(query.Get("radius"), 64)
	switch key := query.Get("key"); {
	case key == "":
		p := legacyError("REQUEST_DENIED", "You must use an API key to authenticate each request to Google Maps Platform APIs. For additional information, please refer to http://g.co/dev/maps-no-account")
		return question{}, &p
	case s.options.Key != "" && key != s.options.Key:
		return question{}, &legacyBadKey
	case r.Method != http.MethodGet, errs != [3]error{}, !q.valid():
		p := legacyError("INVALID_REQUEST", "")
		return question{}, &p
	}
	q.count = maxCount // whoever wants fewer must cut
	q.there = s.options.Places(q.lat, q.lng, q.radius)
	return q, nil
}

// reply has runs of empty lines, which Google's own has not, but which those who
// pass it on must stand.
func (legacyAPI) reply(q question) reply {
	list := q.places()
	if len(list) == 0 {
		return legacyError("ZERO_RESULTS", "")
	}
	var b strings.Builder
	b.WriteString("{\n   \"html_attributions\" : [],\n")
	if q.there > len(list) {
		b.WriteString("   \"next_page_token\" : \"made-up-token-\\u003c1\\u003e\",\n")
	}
	b.WriteString("\n\n   \"results\" : [\n")
	for i, p := range list {
		comma := ","
		if i == len(list)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, legacyResult, p.lat, p.lng, p.north, p.east, p.south, p.west,
			quote(icon+".png"), quote(color), quote(icon), quote(p.name), quote(p.id), quote(p.id),
			`[ "`+strings.Join(types, `", "`)+`" ]`, quote(p.vicinity), comma)
	}
	b.WriteString("   ],\n   \"status\" : \"OK\"\n}\n\n\n")
	return reply{200, b.String()}
}

const legacyResult = `      {
         "business_status" : "OPERATIONAL",
         "geometry" : {
            "location" : {
               "lat" : %v,
               "lng" : %v
            },
            "viewport" : {
               "northeast" : {
                  "lat" : %v,
                  "lng" : %v
               },
               "southwest" : {
                  "lat" : %v,
                  "lng" : %v
               }
            }
         },
         "icon" : %s,
         "icon_background_color" : %s,
         "icon_mask_base_uri" : %s,
         "name" : %s,
         "opening_hours" : {},
         "place_id" : %s,
         "price_level" : 0,
         "rating" : 4.5,
         "reference" : %s,
         "scope" : "GOOGLE",
         "types" : %s,
         "user_ratings_total" : 12,
         "vicinity" : %s
      }%s
`
