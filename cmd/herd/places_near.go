package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"herd/places"
	"herd/places/dataset"
	"herd/places/geofile"
)

// placesNearVerb is herd places near and its flags.
type placesNearVerb struct {
	app          *app
	radius       float64 // km
	limit        int
	rank         string
	file, format string
	json         bool
}

func (a *app) placesNear() *cobra.Command {
	n := &placesNearVerb{app: a, rank: "prominence"}
	cmd := &cobra.Command{
		Use:   "near LAT LON",
		Short: "Show the places near a point, without a node or a network",
		Long: "Near looks into the places inside the program, or into a file, and asks nobody. The\n" +
			"point is LAT LON in degrees, or LAT,LON, or +LAT-LON as clients write it. With --json it\n" +
			"prints what a WHATSAT would. That nothing is near is an answer: exit code 0. For clients\n" +
			"there is \"herd near\".",
		Example: "  herd places near 34.0689 -118.4452 --radius 5 --limit 3\n" +
			"  herd places near --file campus.geojson +34.068930-118.445127",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = verb(n.run)
	cmd.Flags().Float64Var(&n.radius, "radius", 10, "how far to look, in km, 50 at most")
	cmd.Flags().IntVar(&n.limit, "limit", 5, "how many places, 20 at most")
	choiceFlag(cmd, &n.rank, "rank", "what comes first: prominence or distance", "prominence", "distance")
	cmd.Flags().StringVar(&n.file, "file", "", "file of places to look into")
	formatFlag(cmd, &n.format)
	jsonFlag(cmd, &n.json)
	return cmd
}

func (n *placesNearVerb) run(ctx context.Context, args []string) error {
	q, err := n.query(args)
	if err != nil {
		return err
	}
	set, err := n.set(ctx)
	if err != nil {
		return err
	}
	rank := rankOf(n.rank)
	if n.json {
		chain := places.New(places.Config{Links: places.Links(setProvider{set, rank})})
		_, err := fmt.Fprintf(n.app.stdout, "%s\n", chain.Near(ctx, q))
		return err
	}
	return n.print(q, set.Near(q, rank))
}

func (n *placesNearVerb) query(args []string) (q places.Query, err error) {
	q.Limit, q.Radius = n.limit, n.radius*1000
	q.Latitude, q.Longitude, err = point(args...)
	switch {
	case err != nil:
		return q, err
	case !(q.Radius > 0 && q.Radius <= places.MaxRadius): // NaN is not
		return q, usagef("--radius must be more than 0 and at most %d, in km", places.MaxRadius/1000)
	case q.Limit < 1 || q.Limit > places.MaxLimit:
		return q, usagef("--limit must be a whole number from 1 to %d", places.MaxLimit)
	}
	return q, nil
}

// set is where to look.
func (n *placesNearVerb) set(ctx context.Context) (*dataset.Set, error) {
	if n.file == "" {
		return dataset.Embedded(dataset.Prominence).Set()
	}
	set, _, err := openPlaces(ctx, n.app, n.file, geofile.Options{Format: geofile.Format(n.format)}, geofile.OpenSet)
	return set, err
}

// setProvider has a chain look into a set.
type setProvider struct {
	set  *dataset.Set
	rank dataset.Rank
}

func (setProvider) Name() string { return "file" }
func (setProvider) Prompt()      {}

func (p setProvider) Near(_ context.Context, q places.Query) (places.Answer, error) {
	return p.set.Near(q, p.rank), nil
}

func (n *placesNearVerb) print(q places.Query, a places.Answer) error {
	out := n.app.stdout
	if len(a.Places) == 0 {
		_, err := fmt.Fprintf(out, "Nothing within %v km.\n", n.radius)
		return err
	}
	rows := [][]string{{"DISTANCE", "NAME", "TYPES", "VICINITY", "PLACE_ID"}}
	for _, p := range a.Places {
		rows = append(rows, []string{
			distanceText(q.Distance(p.Location.Lat, p.Location.Lng)),
			clip(p.Name, 50), clip(strings.Join(p.Types[:min(len(p.Types), 2)], ", "), 40), clip(p.Vicinity, 50), clip(p.ID, 60),
		})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	credits := slices.DeleteFunc(slices.Clone(a.Attributions), func(html string) bool { return html == "" })
	if len(credits) > 0 {
		fmt.Fprintln(out)
	}
	for _, html := range credits {
		fmt.Fprintln(out, textOf(html))
	}
	return nil
}
