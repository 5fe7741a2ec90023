package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
	"herd/node"
	"herd/places"
	"herd/places/geofile"
	"herd/places/google"
)

// checkVerb is herd places check and its flags.
type checkVerb struct {
	app      *app
	settings settings
	at       string
	json     bool
}

func (a *app) placesCheck() *cobra.Command {
	c := &checkVerb{app: a}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Ask every provider once, and say in plain words why one fails",
		Long: "Check reads the configuration as a node does and asks each provider of the chain for\n" +
			"one place within 1 km of UCLA, or of --at. A call to Google may be billed, and no budget\n" +
			"of the herd's counts it. Exit code 1 if one fails, 0 if all answer; nothing near is an\n" +
			"answer.",
		Example: "  herd places check --config /etc/herd\n" +
			"  herd places check --places-order google,embedded --places-google-key-file places.key --at 48.8566,2.3522",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error { return c.run(ctx) })
	c.settings.register(cmd)
	cmd.Flags().StringVar(&c.at, "at", "34.0689,-118.4452", "where: LAT,LON")
	jsonFlag(cmd, &c.json)
	return cmd
}

// checked is what became of one provider, in JSON.
type checked struct {
	Provider    string      `json:"provider"`
	Result      string      `json:"result"` // "ok", "fails" or "off"
	Seconds     float64     `json:"seconds"`
	Calls       int         `json:"calls"`
	Places      int         `json:"places"`
	API         string      `json:"api,omitempty"`    // of Google: "new" or "legacy"
	Billed      string      `json:"billed,omitempty"` // by Google: what such a call is called on its bill
	Messages    []string    `json:"messages,omitempty"`
	Failure     string      `json:"failure,omitempty"`     // the kind, as in metrics and logs
	Error       string      `json:"error,omitempty"`       // as in the log
	Explanation string      `json:"explanation,omitempty"` // of Google's refusals
	Report      *fileReport `json:"report,omitempty"`
}

func (c *checkVerb) run(ctx context.Context) error {
	lat, lng, err := point(c.at)
	if err != nil {
		return err
	}
	q := places.Query{Latitude: lat, Longitude: lng, Radius: 1000, Limit: 1}
	loaded, err := c.app.load(&c.settings)
	if err != nil {
		return err
	}
	settings := loaded.Config.Places
	links, err := node.NewSources(release).Links(settings, loaded.PlacesKey)
	if err != nil {
		return err
	}
	if slices.Contains(settings.Chain(), "google") {
		fmt.Fprintln(c.app.stderr, "Google is asked: a call may be billed.")
	}
	all, failed := []checked{}, false
	for _, name := range settings.Order {
		r := checked{Provider: name, Result: "off"}
		if i := slices.IndexFunc(links, func(l places.Link) bool { return l.Provider.Name() == name }); i >= 0 {
			r = askOnce(ctx, links[i], settings, q)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = failed || r.Result == "fails"
		all = append(all, r)
		if !c.json {
			c.print(&r, settings)
		}
	}
	if c.json {
		if err := printJSON(c.app.stdout, all); err != nil {
			return err
		}
	}
	switch {
	case failed:
		return &exit{code: exitFailed}
	case len(links) == 0:
		return errors.New("every provider is off: no WHATSAT gets a place")
	}
	return nil
}

// askOnce calls a provider once. It does so twice if the first call has made it go over
// to another API, as a chain would.
func askOnce(ctx context.Context, l places.Link, c config.Places, q places.Query) checked {
	r := checked{Provider: l.Provider.Name(), Result: "ok"}
	g, isGoogle := l.Provider.(*google.Provider)
	if p, ok := l.Provider.(interface{ CloseIdle() }); ok {
		defer p.CloseIdle()
	}
	start := time.Now()
	err := prepare(ctx, l.Provider)
	var a places.Answer
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, cmp.Or(l.Timeout, 5*time.Second))
		defer cancel()
		a, err = callOnce(ctx, l.Provider, q, &r)
	}
	r.Seconds = time.Since(start).Seconds()
	if f, ok := l.Provider.(*geofile.Provider); ok && f.Report() != nil {
		file, _ := c.File(strings.TrimPrefix(r.Provider, "file.")) // it is in the chain
		r.Report = newFileReport(file.Path, f.Report())
	}
	if isGoogle {
		r.API = g.API()
		r.Billed = billed(r.API, c.Google.Fields)
	}
	if err != nil {
		r.Result, r.Failure, r.Error = "fails", places.KindOf(err).String(), err.Error()
		if isGoogle {
			r.Explanation = google.Explain(err)
		}
		return r
	}
	r.Places, r.Messages = placesIn(a), a.Messages
	return r
}

// prepare has a provider that answers from memory read what it answers from.
func prepare(ctx context.Context, p places.Provider) error {
	if p, ok := p.(interface{ Load(context.Context) error }); ok {
		return p.Load(ctx)
	}
	return nil
}

func callOnce(ctx context.Context, p places.Provider, q places.Query, r *checked) (a places.Answer, err error) {
	for r.Calls < 2 {
		r.Calls++
		a, err = p.Near(ctx, q)
		var known *places.Error
		if !errors.As(err, &known) || known.Kind != places.Denied || !known.Again {
			break
		}
	}
	return a, err
}

// billed is what Google calls a call on its bill.
func billed(api, fields string) string {
	switch {
	case api == "legacy":
		return "Nearby Search (legacy), with all its data"
	case fields == "enterprise":
		return "Nearby Search Enterprise"
	}
	return "Nearby Search Pro"
}

// placesIn is how many places an answer has.
func placesIn(a places.Answer) int {
	if a.Body == nil {
		return len(a.Places)
	}
	var body struct{ Results []json.RawMessage }
	if json.Unmarshal(a.Body, &body) != nil { // a chain would refuse it
		return 0
	}
	return len(body.Results)
}

// print shows a result: a line, and what there is to say of it below.
func (c *checkVerb) print(r *checked, settings config.Places) {
	width := 0
	for _, name := range settings.Order {
		width = max(width, len(name))
	}
	took := tookText(time.Duration(r.Seconds * float64(time.Second)))
	var text string
	var below []string
	switch r.Result {
	case "off":
		text = "enabled = false"
	case "fails":
		text = fmt.Sprintf("%s after %s", r.Failure, took)
		below = append(below, cmp.Or(r.Explanation, r.Error))
	default:
		text = fmt.Sprintf("%s in %s", geofile.Counted(r.Places), took)
		if r.Places == 0 {
			text = fmt.Sprintf("nothing within 1 km, in %s", took)
		}
	}
	fmt.Fprintf(c.app.stdout, "%-*s  %-5s  %s\n", width, r.Provider, r.Result, text)

	if r.API == "legacy" && r.Calls > 1 {
		below = append(below, "The project or the key may not use the Places API (New), so the legacy one was asked: two calls.")
	}
	if r.API != "" && r.Result == "ok" {
		name := "The Places API (New)"
		if r.API == "legacy" {
			name = "The legacy Places API"
		}
		below = append(below, fmt.Sprintf("%s answers. Google bills such a call as %s.", name, r.Billed))
	}
	below = append(below, r.Messages...)
	if r.Report != nil {
		below = append(below, r.Report.lines()...)
	}
	for line := range strings.SplitSeq(strings.Join(below, "\n"), "\n") {
		if line != "" {
			fmt.Fprintf(c.app.stdout, "    %s\n", line)
		}
	}
}
