package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Places is the chain of providers of what is near, and how each is asked.
type Places struct {
	// Order names the providers in the order in which they are asked, the first
	// that answers wins: "google", "overpass", "embedded", or "file.NAME" for one
	// of Files. At least one, none twice. Default: the order of the places blocks,
	// without any {"embedded"}. Load turns paths into Files.
	Order []string

	Google   Google
	Overpass Overpass
	Embedded Embedded
	Files    []File // whether in Order or not; their names differ
}

// Google is the provider that asks Google's Places API, or a server that speaks
// like it.
type Google struct {
	// Enabled takes the provider out of the chain when false: the kill switch.
	// Default true.
	Enabled bool
	// API is "new", "legacy", or "auto" (the default): the new one, the legacy one
	// where the project allows only that.
	API string
	// Fields says what is asked for, and so what a call costs: "pro" (the default)
	// or "enterprise", which adds ratings, price level and whether it is open.
	Fields string
	// KeyFile is the path of a file with nothing but the API key. Nobody but the
	// owner may have access to it. Empty (the default): HERD_PLACES_GOOGLE_KEY.
	KeyFile string
	// BaseURL is where a compatible server is: https, or http on this machine;
	// without query and user info. Empty (the default): Google. With one that is
	// not Google's a key may be missing.
	BaseURL string
	// Language of names and addresses, as in BCP 47: "de", "pt-BR". Empty (the
	// default): the provider chooses.
	Language string
	// Rank orders places: "prominence" (the default) or "distance", which the
	// legacy API can't do together with a radius.
	Rank string
	// Timeout is for one answer, a second try included, 50 ms to 1 min,
	// default 5 s.
	Timeout time.Duration
	// RatePerMinute is how many calls this node begins, 0 (no bound) to 1,000,000,
	// default 600, which is a new project's quota.
	RatePerMinute int
	// MaxInFlight is how many calls of this node may be open at once, 1 to 1024,
	// default 64.
	MaxInFlight int
	// BudgetDay is how many calls the whole herd makes in a day of Google's
	// (Pacific time), 0 (no bound, the default) to 1,000,000,000.
	BudgetDay int
	// BudgetMonth is the same for a month, default 5,000: what Google gives free
	// for the fields "pro".
	BudgetMonth int
	// Cache is how long an answer may be used again, 0 (not at all, the default)
	// to 24 h. Google's terms (3.2.3(b)) forbid it unless yours allow it.
	Cache time.Duration
}

// Overpass is the provider that asks an Overpass server about OpenStreetMap.
type Overpass struct {
	// Enabled takes the provider out of the chain when false. Default true.
	Enabled bool
	// BaseURL is the server's interpreter: https, or http on this machine; without
	// query and user info. Default: the public one of overpass-api.de, which is for
	// small use.
	BaseURL string
	// UserAgent is what the server is told: at most 200 printable ASCII characters.
	// Empty (the default): herd and its version. Those who run public servers want
	// to know whom to write to.
	UserAgent string
	// Rank orders places: "prominence" (the default) or "distance".
	Rank string
	// Timeout is for one answer, a second try included, 50 ms to 1 min,
	// default 10 s.
	Timeout time.Duration
	// RatePerMinute is how many calls this node begins, 0 (no bound) to 1,000,000,
	// default 30.
	RatePerMinute int
	// MaxInFlight is how many calls of this node may be open at once, 1 to 1024,
	// default 2: a public server gives an address no more.
	MaxInFlight int
	// BudgetDay is how many calls the whole herd makes in a day (Pacific time), 0
	// (no bound) to 1,000,000,000, default 10,000: public servers ask for no more.
	BudgetDay int
	// BudgetMonth is the same for a month, default 0: no bound.
	BudgetMonth int
	// Cache is how long an answer may be used again, 0 (not at all) to 24 h,
	// default 1 h.
	Cache time.Duration
	// MaxRadius in km, 1 to 50, default 10: a larger circle is asked about as one
	// of this radius.
	MaxRadius int
}

// Embedded is the provider with the data inside the binary.
type Embedded struct {
	// Rank orders places: "prominence" (the default) or "distance".
	Rank string
}

// File is a provider with places of the user's own.
type File struct {
	// Name tells files apart: 1 to 32 letters, digits, '.', '_' or '-'. The
	// provider's name is "file." and this.
	Name string
	// Path of the file; a relative one starts at the working folder. No default;
	// one in the chain needs it.
	Path string
	// Format is "geojson", "geojsonseq", "csv", "tsv", "geonames", "packed", or
	// "auto" (the default): by name and content.
	Format string
	// Rank orders places: "prominence" (the default) or "distance".
	Rank string
	// Attribution is HTML shown with every answer, at most 500 bytes. Empty (the
	// default): as the format demands.
	Attribution string
}

const (
	maxFiles    = 64 // of places, and providers in the chain
	maxFileName = 32 // bytes
)

func defaultPlaces() Places {
	return Places{
		Order: []string{"embedded"},
		Google: Google{
			Enabled:       true,
			API:           "auto",
			Fields:        "pro",
			Rank:          "prominence",
			Timeout:       5 * time.Second,
			RatePerMinute: 600,
			MaxInFlight:   64,
			BudgetMonth:   5000,
		},
		Overpass: Overpass{
			Enabled:       true,
			BaseURL:       "https://overpass-api.de/api/interpreter",
			Rank:          "prominence",
			Timeout:       10 * time.Second,
			RatePerMinute: 30,
			MaxInFlight:   2,
			BudgetDay:     10_000,
			Cache:         time.Hour,
			MaxRadius:     10,
		},
		Embedded: Embedded{Rank: "prominence"},
	}
}

func newFile(name string) File {
	return File{Name: name, Format: "auto", Rank: "prominence"}
}

// File is the file of that name, without "file.".
func (p Places) File(name string) (File, bool) {
	i := slices.IndexFunc(p.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, false
	}
	return p.Files[i], true
}

// Chain is Order without the providers that are switched off. It may be empty.
func (p Places) Chain() []string {
	return slices.DeleteFunc(slices.Clone(p.Order), func(provider string) bool {
		return provider == "google" && !p.Google.Enabled || provider == "overpass" && !p.Overpass.Enabled
	})
}

// all names the providers that there are settings of, those of Order first and
// as they stand there.
func (p Places) all() []string {
	there := []string{"google", "overpass"}
	for _, f := range p.Files {
		there = append(there, "file."+f.Name)
	}
	there = append(there, "embedded")
	var all []string
	for _, provider := range slices.Concat(p.Order, there) {
		if slices.Contains(there, provider) && !slices.Contains(all, provider) {
			all = append(all, provider)
		}
	}
	return all
}

// problems are those that only the whole chain has. An entry is not shown: it may
// have come from a variable.
func (p Places) problems() []problem {
	var found []problem
	var order []string // what is wrong with it
	for i, provider := range p.Order {
		name, isFile := strings.CutPrefix(provider, "file.")
		file, there := p.File(name)
		hint := cmp.Or(didYouMean(provider, p.all()), ` If it is a path, begin it with "./".`)
		switch first := slices.Index(p.Order, provider); {
		case first < i:
			order = append(order, fmt.Sprintf("Entry %d is the same as entry %d.", i+1, first+1))
		case isFile && !there:
			order = append(order, fmt.Sprintf("Entry %d is a file of places without a block.%s", i+1, hint))
		case isFile && file.Path == "":
			found = append(found, problem{field: "places.file." + name + ".path", detail: "A file of places that is in the chain must have one."})
		case !slices.Contains(p.all(), provider):
			order = append(order, fmt.Sprintf("Entry %d is no provider of places.%s", i+1, hint))
		}
	}
	if order != nil {
		found = append(found, problem{field: "places_order", detail: strings.Join(order, " ")})
	}
	for i, f := range p.Files {
		if !isWord(f.Name, 1, maxFileName) || slices.ContainsFunc(p.Files[:i], func(g File) bool { return g.Name == f.Name }) {
			found = append(found, problem{field: "places.file", detail: fmt.Sprintf("%q is not %s of its own.", f.Name, wordAllowed(1, maxFileName))})
		}
	}
	if p.Google.API == "legacy" && p.Google.Rank == "distance" {
		found = append(found, problem{
			field: "places.google.rank", other: "places.google.api",
			detail: `The legacy API can't order by distance within a radius. Set the rank to "prominence" or the api to "new"; with "auto" the legacy API gives prominence.`,
		})
	}
	return found
}
