package places

import (
	"context"
	"math"
)

// The bounds of one query. Providers may rely on them: [Chain.Near] clamps.
const (
	MaxRadius = 50_000 // metres
	MaxLimit  = 20     // places
)

// Query asks for the places around a point.
type Query struct {
	Latitude, Longitude float64 // degrees, within ±90 and ±180
	Radius              float64 // metres, 0 < Radius ≤ MaxRadius when a provider sees it
	Limit               int     // places, 0 < Limit ≤ MaxLimit when a provider sees it
}

// onGlobe tells whether the query is about a point of the earth. NaN is none.
func (q Query) onGlobe() bool {
	return math.Abs(q.Latitude) <= 90 && math.Abs(q.Longitude) <= 180
}

// clamp brings radius and limit within their bounds.
func (q *Query) clamp() {
	q.Radius, q.Limit = min(q.Radius, MaxRadius), min(q.Limit, MaxLimit)
}

// Distance is the great-circle distance from the query's point, in metres, on a
// sphere of the earth's mean radius.
func (q Query) Distance(lat, lng float64) float64 {
	const (
		earth  = 6_371_008.8 // metres
		degree = math.Pi / 180
	)
	s := math.Sin((lat - q.Latitude) * degree / 2)
	t := math.Sin((lng - q.Longitude) * degree / 2)
	h := s*s + math.Cos(q.Latitude*degree)*math.Cos(lat*degree)*t*t
	return 2 * earth * math.Asin(min(1, math.Sqrt(h)))
}

// Provider knows places. It is asked by many goroutines at once.
//
// Near answers with at most q.Limit places within q.Radius, best first. Nothing
// near is an answer (the zero Answer), not an error. An error says why there is
// no answer at all: an [*Error] if the provider knows which [Kind], else any
// error. It is for the log: it must hold no key and no URL with one in it.
//
// Near should return as soon as ctx is done; ctx has the chain's deadline. The
// chain doesn't wait for one that doesn't, but the call keeps its place among
// the calls in flight until it returns.
//
// Package placestest has the suite that every provider passes.
type Provider interface {
	// Name is the provider's name in the configuration, statistics and logs.
	// It is not empty and never changes.
	Name() string
	Near(ctx context.Context, q Query) (Answer, error)
}

// Prompt is a Provider that answers from memory and waits for nothing outside
// the process. The chain calls it in the asking goroutine, without a timer.
type Prompt interface {
	Provider
	Prompt()
}

// Loaded is a Prompt provider that has something to load first. Until that is done, or has
// failed, the chain takes it for one that has to be waited for.
type Loaded interface {
	Prompt
	Loaded() bool
}

// Appender is a Prompt provider that writes whole replies, and with less work than
// there is in an Answer.
type Appender interface {
	Prompt
	// AppendNear appends to dst the reply that a chain would write of what Near
	// answers, with messages as its info_messages, and tells how many results
	// there are. If it fails it appends nothing.
	AppendNear(dst []byte, q Query, messages []string) (reply []byte, found int, err error)
}

// Answer is what a provider knows. The caller must not change what it refers to:
// a provider may share it between answers.
type Answer struct {
	// Body is a whole reply in the legacy format, for a provider that has one
	// from upstream and keeps its bytes: already cut to the limit, of status OK
	// or ZERO_RESULTS. The chain touches nothing but its newlines. If Body is
	// nil the reply is written from the fields below.
	Body []byte
	// Empty says that Body has no results.
	Empty bool

	Attributions []string // html_attributions: HTML to be shown with the results
	Messages     []string // info_messages: remarks, left out if there are none
	Places       []Place  // best first
}

// Place is one result.
type Place struct {
	ID       string   // place_id, and reference: "source:number"
	Name     string   // as people there write it
	Scope    string   // whose ID it is: "GEONAMES"
	Types    []string // Google's place types, the most specific first
	Vicinity string   // where it is, for a person: "California, United States"; left out if it is empty
	Location Point
	Viewport Viewport // what a map should show of it; left out if it is zero
	Details  *Details // what few sources know; nil: nothing
}

// Details is what Google knows of a place besides. A reply leaves out what is
// empty or nil.
type Details struct {
	BusinessStatus      string // "OPERATIONAL", "CLOSED_TEMPORARILY" or "CLOSED_PERMANENTLY"
	Icon                string // URL of a picture
	IconBackgroundColor string // "#7B9EB0"
	IconMaskBaseURI     string // URL of a picture but for its extension
	OpenNow             *bool
	PermanentlyClosed   bool
	Photos              []Photo
	PlusCode            PlusCode
	PriceLevel          *int     // 0, free, to 4
	Rating              *float64 // 1 to 5
	UserRatingsTotal    *int
}

// Photo is how to get a picture of a place.
type Photo struct {
	Reference     string
	Width, Height int      // pixels
	Attributions  []string // HTML to be shown with it
}

// PlusCode is an open location code: "849VCWC8+R9", and "CWC8+R9 Mountain View".
type PlusCode struct{ Global, Compound string }

// Point is a point of the earth, in degrees.
type Point struct{ Lat, Lng float64 }

// Viewport is a box between two parallels and two meridians. If its west is
// greater than its east it crosses the 180th meridian.
type Viewport struct{ Northeast, Southwest Point }
