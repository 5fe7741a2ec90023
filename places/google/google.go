package google

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"herd/places"
	"herd/places/upstream"
)

// Config is what a [Provider] is made of. Empty fields take the default.
type Config struct {
	// API is "new", "legacy", or "auto": New, and legacy where the project or
	// the key may only use that. Default "auto".
	API string

	// Fields is what to ask the New API for: "pro", or "enterprise" for ratings,
	// price levels and opening hours too, at a higher price. Default "pro".
	Fields string

	// Key gives the API key, each time it is needed. It may be empty for a
	// server of one's own.
	Key func() string

	// BaseURL is a server that has both APIs at Google's paths. Default: Google's
	// two hosts.
	BaseURL string

	// Language is what names should be in, as "en" or "zh-TW". Default: Google's
	// choice.
	Language string

	// Rank is what the best place is: "prominence", or "distance", which only the
	// New API has: where "auto" goes over to the legacy one it is prominence there.
	// Default "prominence".
	Rank string

	// UserAgent is the header of that name. Default: that of package upstream.
	UserAgent string

	// RootCAs and DialContext are for tests: see [upstream.Config].
	RootCAs     *x509.CertPool
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Provider asks Google. It is a [places.Provider].
type Provider struct {
	config      Config
	new, legacy *upstream.Client // the same, if there is a base URL

	// refused is why auto has gone over to the legacy API; nil: it has not.
	refused atomic.Pointer[refusal]
}

var _ places.Provider = (*Provider)(nil)

// New makes a provider. It connects nowhere yet.
func New(c Config) (*Provider, error) {
	c.API, c.Fields, c.Rank = cmp.Or(c.API, "auto"), cmp.Or(c.Fields, "pro"), cmp.Or(c.Rank, "prominence")
	switch {
	case c.API != "auto" && c.API != "new" && c.API != "legacy":
		return nil, fmt.Errorf(`google: no such API: %q; there are "auto", "new" and "legacy"`, c.API)
	case c.Fields != "pro" && c.Fields != "enterprise":
		return nil, fmt.Errorf(`google: no such fields: %q; there are "pro" and "enterprise"`, c.Fields)
	case c.Rank != "prominence" && c.Rank != "distance":
		return nil, fmt.Errorf(`google: no such rank: %q; there are "prominence" and "distance"`, c.Rank)
	case c.Rank == "distance" && c.API == "legacy":
		return nil, errors.New(`google: the legacy API has no rank "distance" within a radius`)
	case c.Key == nil:
		return nil, errors.New("google: no key")
	}
	connect := func(base string) (*upstream.Client, error) {
		client, err := upstream.New(upstream.Config{
			BaseURL: base, UserAgent: c.UserAgent, RootCAs: c.RootCAs, DialContext: c.DialContext,
		})
		if err != nil {
			return nil, fmt.Errorf("google: %w", err)
		}
		return client, nil
	}
	p := &Provider{config: c}
	var err error
	if p.new, err = connect(cmp.Or(c.BaseURL, "https://places.googleapis.com")); err != nil {
		return nil, err
	}
	p.legacy = p.new
	if c.BaseURL == "" {
		p.legacy, err = connect("https://maps.googleapis.com")
	}
	return p, err
}

// Name is "google".
func (*Provider) Name() string { return "google" }

// API is the one that the next question goes to: "new" or "legacy". With "auto"
// it changes.
func (p *Provider) API() string {
	if p.config.API == "legacy" || p.refused.Load() != nil {
		return "legacy"
	}
	return "new"
}

// CloseIdle closes the connections that no question uses. The provider may be
// used on.
func (p *Provider) CloseIdle() {
	p.new.CloseIdle()
	p.legacy.CloseIdle()
}

// Near asks once. If that makes auto go over to the legacy API, the error says
// to ask again.
func (p *Provider) Near(ctx context.Context, q places.Query) (places.Answer, error) {
	key, err := p.key()
	if err != nil {
		return places.Answer{}, err
	}
	why := p.refused.Load()
	if p.config.API == "legacy" || why != nil {
		a, err := p.askLegacy(ctx, q, key)
		if why != nil && places.KindOf(err) == places.Denied {
			err = p.goBack(why, err)
		}
		return a, err
	}
	a, err := p.askNew(ctx, q, key)
	if p.config.API == "auto" {
		err = p.goOver(err)
	}
	return a, err
}

// goOver turns to the legacy API if the error is that the New one is not to be
// had.
func (p *Provider) goOver(err error) error {
	var r *refusal
	if !errors.As(err, &r) || r.HTTP != 403 || r.Reason != "SERVICE_DISABLED" && r.Reason != "API_KEY_SERVICE_BLOCKED" {
		return err
	}
	p.refused.Store(r)
	return &places.Error{Kind: places.Denied, Err: r, Again: true}
}

// goBack turns to the New API again, since neither is to be had: whichever is
// allowed first will be found.
func (p *Provider) goBack(why *refusal, err error) error {
	p.refused.CompareAndSwap(why, nil)
	var legacy *refusal
	if errors.As(err, &legacy) {
		return &places.Error{Kind: places.Denied, Err: &bothRefused{why, legacy}}
	}
	return err
}

func (p *Provider) key() (string, error) {
	key := p.config.Key()
	if key == "" && p.config.BaseURL == "" {
		return "", &places.Error{Kind: places.Denied, Err: &refusal{Reason: noKey, Message: "there is no key"}}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &places.Error{Kind: places.Denied, Err: &refusal{Reason: oddKey, Message: "the key holds a space or what is no ASCII"}}
	}
	return key, nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
