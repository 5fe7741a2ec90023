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

// Provider answers from a file. It reads it when told to, never when asked. Any
// number of goroutines may use it, while others reload it.
type Provider struct {
	config Config
	loaded atomic.Pointer[loaded] // nil before the first load

	reading sync.Mutex // held while the file is read: one at a time
}

// loaded is what one reading of the file gave. It never changes.
type loaded struct {
	set    *dataset.Set
	report *Report
}

var _ places.Prompt = (*Provider)(nil)

// New makes a provider that has not yet read its file: it can't answer before
// [Provider.Load].
func New(c Config) *Provider { return &Provider{config: c} }

// Name is the provider's name in the configuration: "file.campus".
func (p *Provider) Name() string { return "file." + p.config.Name }

// Prompt says that the provider answers from memory.
func (p *Provider) Prompt() {}

// Load reads the file, unless that has been done.
func (p *Provider) Load() error {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.loaded.Load() != nil {
		return nil
	}
	_, err := p.readLocked()
	return err
}

// Reload reads the file anew. From its return on, answers come from what it has
// read; those under way end with what they began with. If there is an error the
// provider goes on with what it had, and the report, of the file as far as it
// was read, may be nil. Reloads wait for each other.
func (p *Provider) Reload() (*Report, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	return p.readLocked()
}

func (p *Provider) readLocked() (*Report, error) {
	table, report, err := Open(context.Background(), p.config.Path, Options{
		Format:      p.config.Format,
		Source:      p.config.Name,
		Attribution: p.config.Attribution,
		License:     p.config.License,
		MaxPlaces:   p.config.MaxPlaces,
	})
	if err != nil {
		return report, fmt.Errorf("load places %q: %w", p.Name(), err)
	}
	set, err := dataset.NewSet(table)
	if err != nil {
		return report, fmt.Errorf("load places %q: %w", p.Name(), err)
	}
	p.loaded.Store(&loaded{set, report})
	return report, nil
}

// Set is what the file held when it was last read without an error; nil if it
// never was.
func (p *Provider) Set() *dataset.Set {
	if l := p.loaded.Load(); l != nil {
		return l.set
	}
	return nil
}

// Report tells of the reading that gave [Provider.Set]. It must not be changed.
func (p *Provider) Report() *Report {
	if l := p.loaded.Load(); l != nil {
		return l.report
	}
	return nil
}

// Near answers with the best places of the file within the circle. It fails only
// if the file has never been read.
func (p *Provider) Near(_ context.Context, q places.Query) (places.Answer, error) {
	l := p.loaded.Load()
	if l == nil {
		return places.Answer{}, &places.Error{Kind: places.Unavailable, Err: errors.New("the file has not been read")}
	}
	return l.set.Near(q, p.config.Rank), nil
}
