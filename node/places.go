package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"herd/config"
	"herd/places"
	"herd/places/dataset"
	"herd/places/geofile"
	"herd/places/google"
	"herd/places/overpass"
)

// Sources makes the providers of what is near, for all nodes of a process: what is
// large among them, tables of places, is there once. Its methods may be called by
// many goroutines.
type Sources struct {
	version  string
	embedded map[dataset.Rank]*dataset.Provider

	mu    sync.Mutex                                     // guards files
	files map[config.File]weak.Pointer[geofile.Provider] // gone with the last chain that asks it
}

// NewSources makes no provider yet. version is told to those who want to know who
// asks.
func NewSources(version string) *Sources {
	return &Sources{
		version: version,
		embedded: map[dataset.Rank]*dataset.Provider{
			dataset.Prominence: dataset.Embedded(dataset.Prominence),
			dataset.Distance:   dataset.Embedded(dataset.Distance),
		},
		files: make(map[config.File]weak.Pointer[geofile.Provider]),
	}
}

// offline is a chain of what is in the program alone: it asks nobody, and its answers may
// be drawn on any map.
func (s *Sources) offline() *places.Chain {
	return places.New(places.Config{Links: places.Links(s.embedded[dataset.Prominence])})
}

// anew is s without the files: they are read again.
func (s *Sources) anew() *Sources {
	return &Sources{version: s.version, embedded: s.embedded, files: make(map[config.File]weak.Pointer[geofile.Provider])}
}

// Links are the providers that the settings ask for, in their order and with their
// bounds. The settings have been checked, as [Config.Settings] have. No file is read
// and nobody is asked.
func (s *Sources) Links(c config.Places, key config.Secret) ([]places.Link, error) {
	var all []places.Link
	for _, name := range c.Chain() {
		l, err := s.link(name, c, key)
		if err != nil {
			return nil, fmt.Errorf("places %q: %w", name, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func (s *Sources) link(name string, c config.Places, key config.Secret) (places.Link, error) {
	switch name {
	case "google":
		return s.google(c.Google, key)
	case "overpass":
		return s.overpass(c.Overpass)
	case "embedded":
		return places.Link{Provider: s.embedded[rank(c.Embedded.Rank)]}, nil
	}
	file, ok := c.File(strings.TrimPrefix(name, "file."))
	if !ok {
		return places.Link{}, errors.New("there is no such provider")
	}
	return places.Link{Provider: s.file(file)}, nil
}

func rank(name string) dataset.Rank {
	if name == "distance" {
		return dataset.Distance
	}
	return dataset.Prominence
}

func (s *Sources) google(c config.Google, key config.Secret) (places.Link, error) {
	p, err := google.New(google.Config{
		API: c.API, Fields: c.Fields, Key: key.Reveal, BaseURL: c.BaseURL,
		Language: c.Language, Rank: c.Rank, UserAgent: s.userAgent(),
	})
	return places.Link{
		Provider: p, Timeout: c.Timeout, MaxInFlight: c.MaxInFlight, PerMinute: c.RatePerMinute,
		Budget: places.Budget{Day: c.BudgetDay, Month: c.BudgetMonth}, Cache: c.Cache,
	}, err
}

func (s *Sources) overpass(c config.Overpass) (places.Link, error) {
	agent := c.UserAgent
	if agent == "" {
		agent = s.userAgent()
	}
	p, err := overpass.New(overpass.Config{
		BaseURL: c.BaseURL, UserAgent: agent, Rank: rank(c.Rank), MaxRadius: float64(c.MaxRadius) * 1000,
	})
	return places.Link{
		Provider: p, Timeout: c.Timeout, MaxInFlight: c.MaxInFlight, PerMinute: c.RatePerMinute,
		Budget: places.Budget{Day: c.BudgetDay, Month: c.BudgetMonth}, Cache: c.Cache,
	}, err
}

func (s *Sources) userAgent() string { return "herd/" + s.version }

func (s *Sources) file(c config.File) *geofile.Provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.files[c].Value(); p != nil {
		return p
	}
	p := geofile.New(geofile.Config{
		Name: c.Name, Path: c.Path, Format: geofile.Format(c.Format), Rank: rank(c.Rank), Attribution: c.Attribution,
	})
	s.files[c] = weak.Make(p)
	return p
}

// finishTimeout is how long the chain before a reload may have for what it was
// asked, and for calls that do not return.
const finishTimeout = 3 * time.Minute

// nearbyChain is the chain of providers of the day. It may be replaced while it is
// asked.
type nearbyChain struct {
	config places.Config // static, without links

	now     atomic.Pointer[generation]
	retired sync.WaitGroup  // chains that finish
	closing context.Context // done: they finish at once
	giveUp  context.CancelFunc

	mu     sync.Mutex // guards closed; held while now is replaced, and while one begins to ask it
	closed bool
}

// generation is a chain until the next reload.
type generation struct {
	*places.Chain
	links  []places.Link
	asking sync.WaitGroup // calls of Near; none is added once it is replaced
}

// newNearbyChain makes the first chain.
func newNearbyChain(c places.Config) *nearbyChain {
	links := c.Links
	c.Links = nil
	n := &nearbyChain{config: c}
	n.closing, n.giveUp = context.WithCancel(context.Background())
	n.set(links)
	return n
}

// Near is [places.Chain.Near] of the chain of the day.
func (n *nearbyChain) Near(ctx context.Context, q places.Query) []byte {
	n.mu.Lock()
	now := n.now.Load()
	now.asking.Add(1)
	n.mu.Unlock()
	defer now.asking.Done()
	return now.Near(ctx, q)
}

// AppendPrompt is [places.Chain.AppendPrompt] of the chain of the day.
func (n *nearbyChain) AppendPrompt(dst []byte, q places.Query) ([]byte, bool) {
	return n.now.Load().AppendPrompt(dst, q)
}

func (n *nearbyChain) Stats() places.Stats { return n.now.Load().Stats() }

// set makes links the chain, unless the node is at its end. Questions under way are
// for the one before.
func (n *nearbyChain) set(links []places.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		closeIdle(links)
		return
	}
	c := n.config
	c.Links = links
	old := n.now.Load()
	if old != nil {
		c.Before = old.Chain
	}
	n.now.Store(&generation{Chain: places.New(c), links: links})
	if old != nil {
		n.retired.Go(func() { old.finish(n.closing) })
	}
}

// finish has the questions under way answered, if that takes no longer than ctx, and
// ends the calls.
func (g *generation) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	answered := make(chan struct{})
	go func() { // below, answered is waited for
		g.asking.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	g.Close(ctx) // what does not return then is left to itself
	<-answered
	closeIdle(g.links)
}

// split tells files of the user's own from other providers.
func split(links []places.Link) (files, others []places.Link) {
	for _, l := range links {
		if _, ok := l.Provider.(*geofile.Provider); ok {
			files = append(files, l)
		} else {
			others = append(others, l)
		}
	}
	return files, others
}

// load has providers prepare what their first question would wait for.
func load(ctx context.Context, links []places.Link) []error {
	var errs []error
	for _, l := range links {
		if p, ok := l.Provider.(interface{ Load(context.Context) error }); ok {
			if err := p.Load(ctx); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// hurry ends the calls in flight and lets none begin: questions are answered from
// memory.
func (n *nearbyChain) hurry() {
	n.giveUp()
	n.now.Load().Hurry()
}

// close ends all calls, in the time that ctx leaves.
func (n *nearbyChain) close(ctx context.Context) error {
	n.giveUp()
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	now := n.now.Load()
	err := now.Close(ctx)
	n.retired.Wait()
	closeIdle(now.links)
	return err
}

// closeIdle closes connections that providers keep for their next call.
func closeIdle(links []places.Link) {
	for _, l := range links {
		if p, ok := l.Provider.(interface{ CloseIdle() }); ok {
			p.CloseIdle()
		}
	}
}
