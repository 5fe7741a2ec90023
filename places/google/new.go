package google

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"net/http"
	"slices"
	"strings"

	"herd/places"
	"herd/places/upstream"
)

const (
	newPath = "/v1/places:searchNearby"

	// What is asked for. A field more may cost more.
	proMask = "places.id,places.displayName,places.types,places.location,places.viewport,places.shortFormattedAddress," +
		"places.plusCode,places.businessStatus,places.iconMaskBaseUri,places.iconBackgroundColor,places.photos,places.attributions"
	enterpriseMask = proMask + ",places.rating,places.userRatingCount,places.priceLevel,places.currentOpeningHours.openNow"
)

type searchNearby struct {
	MaxResultCount      int    `json:"maxResultCount"`
	RankPreference      string `json:"rankPreference"`
	LocationRestriction struct {
		Circle struct {
			Center latLng  `json:"center"`
			Radius float64 `json:"radius"`
		} `json:"circle"`
	} `json:"locationRestriction"`
	LanguageCode string `json:"languageCode,omitempty"`
}

// latLng lacks what is zero, in Google's JSON.
type latLng struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

func (p latLng) point() places.Point { return places.Point{Lat: p.Latitude, Lng: p.Longitude} }

func (p *Provider) askNew(ctx context.Context, q places.Query, key string) (places.Answer, error) {
	ask := searchNearby{MaxResultCount: q.Limit, RankPreference: "POPULARITY", LanguageCode: p.config.Language}
	if p.config.Rank == "distance" {
		ask.RankPreference = "DISTANCE"
	}
	circle := &ask.LocationRestriction.Circle
	circle.Center, circle.Radius = latLng{q.Latitude, q.Longitude}, q.Radius
	body, err := json.Marshal(ask)
	if err != nil { // a coordinate that is no number
		return places.Answer{}, &places.Error{Kind: places.Invalid, Err: err}
	}
	mask := proMask
	if p.config.Fields == "enterprise" {
		mask = enterpriseMask
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Goog-Fieldmask": {mask}}
	if key != "" {
		header.Set("X-Goog-Api-Key", key)
	}
	reply, err := p.new.Do(ctx, upstream.Request{Path: newPath, Header: header, Body: body, Secret: key})
	switch {
	case err != nil:
		return places.Answer{}, err
	case reply.Err() != nil:
		return places.Answer{}, refusedNew(reply, key)
	}
	return parseNew(reply.Body, q.Limit)
}

// place is one of the New API's places, as far as it is asked for.
type place struct {
	ID                    string
	DisplayName           struct{ Text string }
	Types                 []string
	Location              latLng
	Viewport              struct{ Low, High latLng }
	ShortFormattedAddress string
	FormattedAddress      string
	PlusCode              struct{ GlobalCode, CompoundCode string }
	BusinessStatus        string
	IconMaskBaseURI       string
	IconBackgroundColor   string
	Photos                []struct {
		Name               string
		WidthPx, HeightPx  int
		AuthorAttributions []struct{ DisplayName, URI string }
	}
	Attributions        []struct{ Provider, ProviderURI string }
	Rating              *float64
	UserRatingCount     *int
	PriceLevel          string
	CurrentOpeningHours hours
	RegularOpeningHours hours
}

type hours struct{ OpenNow *bool }

// parseNew reads a reply of success. The answer has at most so many places.
func parseNew(body []byte, limit int) (places.Answer, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return places.Answer{}, nonsense("new", "no JSON object")
	}
	var reply struct {
		Places []place
		Error  json.RawMessage
	}
	if json.Unmarshal(body, &reply) != nil || reply.Error != nil {
		return places.Answer{}, nonsense("new", "not what was asked for")
	}
	var a places.Answer
	for i := range reply.Places[:min(limit, len(reply.Places))] {
		p := &reply.Places[i]
		a.Places = append(a.Places, p.legacy())
		for _, s := range p.Attributions {
			if text := listing(s.Provider, s.ProviderURI); text != "" && !slices.Contains(a.Attributions, text) {
				a.Attributions = append(a.Attributions, text)
			}
		}
	}
	return a, nil
}

// legacy is the place in the words of the legacy API.
func (p *place) legacy() places.Place {
	d := &places.Details{
		IconBackgroundColor: p.IconBackgroundColor,
		IconMaskBaseURI:     p.IconMaskBaseURI,
		OpenNow:             p.CurrentOpeningHours.OpenNow,
		PermanentlyClosed:   p.BusinessStatus == "CLOSED_PERMANENTLY",
		PlusCode:            places.PlusCode{Global: p.PlusCode.GlobalCode, Compound: p.PlusCode.CompoundCode},
		PriceLevel:          priceLevel(p.PriceLevel),
		Rating:              p.Rating,
		UserRatingsTotal:    p.UserRatingCount,
	}
	switch p.BusinessStatus {
	case "OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY": // it knows no others
		d.BusinessStatus = p.BusinessStatus
	}
	if p.IconMaskBaseURI != "" {
		d.Icon = p.IconMaskBaseURI + ".png"
	}
	if d.OpenNow == nil {
		d.OpenNow = p.RegularOpeningHours.OpenNow
	}
	for _, photo := range p.Photos {
		out := places.Photo{Reference: photo.Name, Width: photo.WidthPx, Height: photo.HeightPx}
		for _, author := range photo.AuthorAttributions {
			if text := link(author.DisplayName, author.URI); text != "" {
				out.Attributions = append(out.Attributions, text)
			}
		}
		d.Photos = append(d.Photos, out)
	}
	out := places.Place{
		ID: p.ID, Name: p.DisplayName.Text, Scope: "GOOGLE", Types: p.Types, Vicinity: p.ShortFormattedAddress,
		Location: p.Location.point(),
		Viewport: places.Viewport{Northeast: p.Viewport.High.point(), Southwest: p.Viewport.Low.point()},
		Details:  d,
	}
	if out.Vicinity == "" {
		out.Vicinity = p.FormattedAddress
	}
	return out
}

// priceLevel is nil for a level that is unknown or not specified.
func priceLevel(name string) *int {
	level := slices.Index([]string{
		"PRICE_LEVEL_FREE", "PRICE_LEVEL_INEXPENSIVE", "PRICE_LEVEL_MODERATE", "PRICE_LEVEL_EXPENSIVE", "PRICE_LEVEL_VERY_EXPENSIVE",
	}, name)
	if level < 0 {
		return nil
	}
	return &level
}

// listing is who a place's data must be credited to, or "".
func listing(provider, uri string) string {
	const by = "Listings by "
	text := link(strings.TrimPrefix(provider, by), uri)
	if text == "" {
		return ""
	}
	return by + text
}

// link is HTML: the text, with a link if the URI is one of the web, for it could
// be a script. Without a text it is "".
func link(text, uri string) string {
	text = html.EscapeString(text)
	lower := strings.ToLower(uri)
	if text == "" || !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "//") {
		return text
	}
	return `<a href="` + html.EscapeString(uri) + `">` + text + `</a>`
}
