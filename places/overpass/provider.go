package overpass

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"herd/places"
	"herd/places/dataset"
	"herd/places/upstream"
)

// Public is the address of the best known public server.
const Public = "https://overpass-api.de/api/interpreter"

// attribution is what the ODbL wants shown with the places.
const attribution = `© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a> contributors`

// Config is what a [Provider] is made of. Zero fields take the default.
type Config struct {
	// BaseURL is the interpreter's address: https, or http on the loopback.
	// Default [Public].
	BaseURL string

	// UserAgent names who asks, best with an address to write to: public servers
	// refuse those who ask much and say nothing of themselves. Default "herd".
	UserAgent string

	// Rank is the order of an answer. Default: prominence.
	Rank dataset.Rank

	// Language is that of the names where OpenStreetMap has one in it: "en",
	// "zh-Hant". Default: as people there write them.
	Language string

	// MaxRadius is the farthest that is looked, in metres; the cost to the server
	// grows with its square. Default 10,000, greatest [places.MaxRadius].
	MaxRadius float64
}

// Provider asks an Overpass server. Its methods may be called by many goroutines;
// a public server serves two calls of one address at a time, so a chain should
// have no more in flight.
type Provider struct {
	client    *upstream.Client
	rank      dataset.Rank
	language  string
	maxRadius float64
}

var _ places.Provider = (*Provider)(nil)

// New makes a provider. It connects nowhere yet.
func New(c Config) (*Provider, error) {
	radius := cmp.Or(c.MaxRadius, 10_000)
	if !(radius >= 1 && radius <= places.MaxRadius) {
		return nil, fmt.Errorf("overpass: the greatest radius is %v m, and not from 1 to %d", radius, places.MaxRadius)
	}
	client, err := upstream.New(upstream.Config{BaseURL: cmp.Or(c.BaseURL, Public), UserAgent: c.UserAgent})
	if err != nil {
		return nil, fmt.Errorf("overpass: %w", err)
	}
	return &Provider{client, c.Rank, c.Language, radius}, nil
}

// Name is the provider's name in the configuration.
func (*Provider) Name() string { return "overpass" }

// CloseIdle closes the connections that no call uses.
func (p *Provider) CloseIdle() { p.client.CloseIdle() }

// Near asks the server once. The error is a *[places.Error]: Limited if the server
// is busy, and never worth asking again at once then.
func (p *Provider) Near(ctx context.Context, q places.Query) (places.Answer, error) {
	reach := min(q.Radius, p.maxRadius)
	form := url.Values{"data": {query(q, reach, p.rank, patience(ctx))}}
	reply, err := p.client.Do(ctx, upstream.Request{
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
			"Accept":       {"application/json"},
		},
		Body: []byte(form.Encode()),
	})
	if err != nil {
		return places.Answer{}, err
	}
	if err := refusal(reply); err != nil {
		return places.Answer{}, err
	}
	elements, err := parse(reply.Body)
	if err != nil {
		return places.Answer{}, err
	}
	var a places.Answer
	if a.Places = p.choose(q, reach, elements); len(a.Places) > 0 {
		a.Attributions = []string{attribution}
	}
	if reach < q.Radius {
		a.Messages = []string{fmt.Sprintf("OpenStreetMap was searched within %.4g km only.", reach/1000)}
	}
	return a, nil
}

// patience is how many seconds the server may take: whole ones, and less than its
// asker waits, so that it does not go on for nobody.
func patience(ctx context.Context) int {
	const most = 25
	deadline, ok := ctx.Deadline()
	if !ok {
		return most
	}
	return int(min(max(math.Floor(time.Until(deadline).Seconds()), 1), most))
}
