package google

import (
	"context"
	"net/url"

	"herd/places"
	"herd/places/upstream"
)

const legacyPath = "/maps/api/place/nearbysearch/json"

func (p *Provider) askLegacy(ctx context.Context, q places.Query, key string) (places.Answer, error) {
	query := url.Values{"location": {number(q.Latitude) + "," + number(q.Longitude)}, "radius": {number(q.Radius)}}
	if p.config.Language != "" {
		query.Set("language", p.config.Language)
	}
	if key != "" {
		query.Set("key", key)
	}
	reply, err := p.legacy.Do(ctx, upstream.Request{Path: legacyPath, Query: query, Secret: key})
	if err != nil {
		return places.Answer{}, err
	}
	if reply.Err() != nil { // from whatever stands in front of it: it says 200 to everything
		return places.Answer{}, refused(reply, &refusal{API: "legacy", HTTP: reply.Status})
	}
	s, err := scan(reply.Body)
	if err != nil {
		return places.Answer{}, nonsense("legacy", err.Error())
	}
	if err := refusedLegacy(s.status, s.message, key); err != nil {
		return places.Answer{}, err
	}
	if !s.hasResults {
		return places.Answer{}, nonsense("legacy", "no results")
	}
	return places.Answer{Body: s.cut(reply.Body, q.Limit), Empty: s.status == "ZERO_RESULTS"}, nil
}
