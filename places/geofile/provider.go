package geofile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"herd/places"
	"herd/places/dataset"
)

// Config says what a [Provider] reads.
type Config struct {
	// Name tells this file from others: the provider is called "file.NAME" and
	// its places "NAME:ID". No white space, no colon.
	Name string
	Path string
	Rank dataset.Rank

	// As in [Options]; the zero values are good.
	Format      Format
	Attribution string
	License     string
	MaxPlaces   int
}

// Provider answers from a file. It reads it when told to, never when asked, and
// once: who wants to read it anew makes another one, and puts that in its place when
// it is loaded. Any number of goroutines may use it.
type Provider struct {
	config Config
	loaded atomic.Pointer[loaded] // nil before it is loaded

	reading sync.Mutex // held while the file is read
}

// loaded is what one reading of the file gave. It never changes.
type loaded struct {
	set    *dataset.Set
	report *Report
}

var _ places.Appender = (*Provider)(nil)

// New makes a provider that has not yet read its file: it can't answer before
// [Provider.Load].
func New(c Config) *Provider { return &Provider{config: c} }

// Name is the provider's name in the configuration: "file.campus".
func (p *Provider) Name() string { return "file." + p.config.Name }

// Prompt says that the provider answers from memory.
func (p *Provider) Prompt() {}

// Load reads the file, unless that has been done. It gives up when ctx is done.
func (p *Provider) Load(ctx context.Context) error {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.loaded.Load() != nil {
		return nil
	}
	set, report, err := OpenSet(ctx, p.config.Path, Options{
		Format:      p.config.Format,
		Source:      p.config.Name,
		Attribution: p.config.Attribution,
		License:     p.config.License,
		MaxPlaces:   p.config.MaxPlaces,
	})
	if err != nil {
		return fmt.Errorf("load places %q: %w", p.Name(), err)
	}
	p.loaded.Store(&loaded{set, report})
	return nil
}

// set is what the file held; nil before it is loaded.
func (p *Provider) set() *dataset.Set {
	if l := p.loaded.Load(); l != nil {
		return l.set
	}
	return nil
}

// Report tells of the reading that gave what Near looks in; nil before the file is
// loaded. It must not be changed.
func (p *Provider) Report() *Report {
	if l := p.loaded.Load(); l != nil {
		return l.report
	}
	return nil
}

// Near answers with the best places of the file within the circle. It fails only
// before the file is loaded.
func (p *Provider) Near(_ context.Context, q places.Query) (places.Answer, error) {
	l := p.loaded.Load()
	if l == nil {
		return places.Answer{}, &places.Error{Kind: places.Unavailable, Err: errors.New("the file has not been read")}
	}
	return l.set.Near(q, p.config.Rank), nil
}

// AppendNear appends a whole reply with what Near answers, and tells how many places
// there are in it.
func (p *Provider) AppendNear(dst []byte, q places.Query, messages []string) (reply []byte, found int, err error) {
	l := p.loaded.Load()
	if l == nil {
		return dst, 0, &places.Error{Kind: places.Unavailable, Err: errors.New("the file has not been read")}
	}
	reply, found = l.set.AppendNear(dst, q, p.config.Rank, messages)
	return reply, found, nil
}
