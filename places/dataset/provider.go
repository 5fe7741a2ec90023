package dataset

import (
	"context"
	_ "embed"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"herd/places"
)

// embeddedFile is the packed table of the world; gen makes it.
//
//go:embed embedded.bin
var embeddedFile []byte

// Provider answers from a packed table, which it unpacks when it is first asked
// or when [Provider.Load] says so; clients are served meanwhile, so it takes its time. Any number of goroutines may use it, and any
// number of chains: nodes of one process should share one.
type Provider struct {
	name string
	rank Rank
	set  func() (*Set, error)
	done atomic.Bool // set does not wait any more
}

var (
	_ places.Appender = (*Provider)(nil)
	_ places.Loaded   = (*Provider)(nil)
)

// Embedded is the provider "embedded", of the table within the program.
func Embedded(rank Rank) *Provider { return newProvider("embedded", embeddedFile, rank) }

// newProvider makes a provider of a packed table. It keeps file until it has
// loaded it; a file that is no table shows then.
func newProvider(name string, file []byte, rank Rank) *Provider {
	p := &Provider{name: name, rank: rank}
	p.set = sync.OnceValues(func() (*Set, error) {
		defer p.done.Store(true)
		return decode(file, halfTime())
	})
	return p
}

// halfTime is a pace that leaves half of a processor to others. While one has something to run,
// Go's runtime looks once in ten milliseconds whether something has come from the network.
func halfTime() pace {
	began := time.Now()
	return func() {
		time.Sleep(time.Since(began))
		began = time.Now()
	}
}

// Load unpacks the table, unless that has been done: a tenth or two of a second of
// work for the embedded one, and as long of rest. Without it the first question waits for that.
func (p *Provider) Load(context.Context) error {
	if _, err := p.set(); err != nil {
		return fmt.Errorf("load places %q: %w", p.name, err)
	}
	return nil
}

// Set is the table, unpacked.
func (p *Provider) Set() (*Set, error) { return p.set() }

// Name is the provider's name in the configuration.
func (p *Provider) Name() string { return p.name }

// Prompt says that the provider answers from memory.
func (p *Provider) Prompt() {}

// Loaded tells whether the table has been unpacked, or is of no use.
func (p *Provider) Loaded() bool { return p.done.Load() }

// Near answers with the best places of the table within the circle. It fails
// only if the table does.
func (p *Provider) Near(_ context.Context, q places.Query) (places.Answer, error) {
	set, err := p.set()
	if err != nil {
		return places.Answer{}, fmt.Errorf("load places %q: %w", p.name, err)
	}
	return set.Near(q, p.rank), nil
}

// AppendNear appends a whole reply with what Near answers, and tells how many places
// there are in it.
func (p *Provider) AppendNear(dst []byte, q places.Query, messages []string) (reply []byte, found int, err error) {
	set, err := p.set()
	if err != nil {
		return dst, 0, fmt.Errorf("load places %q: %w", p.name, err)
	}
	reply, found = set.AppendNear(dst, q, p.rank, messages)
	return reply, found, nil
}
