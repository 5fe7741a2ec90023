package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"herd/gossip/location"
)

// nearVerb is herd near and its flags.
type nearVerb struct {
	app           *app
	client        client
	radius        float64 // metres
	limit         int
	json, geojson bool
}

func (a *app) near() *cobra.Command {
	n := &nearVerb{app: a}
	cmd := &cobra.Command{
		Use:   "near LAT LON | CLIENT",
		Short: "List the clients near a point or a client",
		Long: "Near asks a node which clients are near a point, or near a client, and lists them by\n" +
			"their distance as the crow flies. The point is LAT LON in degrees, or LAT,LON, or\n" +
			"+LAT-LON as clients write it. That nobody is near is an answer: exit code 0. For towns and\n" +
			"other places there is \"herd places near\".",
		Example: "  herd near kiwi.cs.ucla.edu --radius 500\n" +
			"  herd near 34.0689 -118.4452 --limit 5 --json",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = verb(n.run)
	a.httpAddrFlag(cmd, &n.client)
	n.client.http.Timeout = 30 * time.Second // the first question goes through the whole table
	cmd.Flags().Float64Var(&n.radius, "radius", 1000, "how far to look, in metres, 20015115 at most: everywhere")
	cmd.Flags().IntVar(&n.limit, "limit", 20, "how many clients, 1000 at most")
	jsonFlag(cmd, &n.json)
	cmd.Flags().BoolVar(&n.geojson, "geojson", false, "print GeoJSON, for maps")
	cmd.MarkFlagsMutuallyExclusive("json", "geojson")
	return cmd
}

func (n *nearVerb) run(ctx context.Context, args []string) error {
	q, err := n.query(args)
	if err != nil {
		return err
	}
	body, err := n.client.do(ctx, http.MethodGet, "/v1/near?"+q.Encode())
	if err != nil {
		return err
	}
	if n.json || n.geojson {
		return printBody(n.app.stdout, body)
	}
	return n.print(body)
}

// query is what to ask.
func (n *nearVerb) query(args []string) (url.Values, error) {
	switch {
	case !(n.radius >= 0 && n.radius <= location.HalfEarth+1): // NaN is not
		return nil, usagef("--radius must be from 0 to 20015115, in metres")
	case n.limit < 1 || n.limit > 1000:
		return nil, usagef("--limit must be a whole number from 1 to 1000")
	}
	q := url.Values{"radius": {decimal(n.radius)}, "limit": {strconv.Itoa(n.limit)}}
	if n.geojson {
		q.Set("format", "geojson")
	}
	lat, lon, err := point(args...)
	switch {
	case err == nil:
		q.Set("lat", decimal(lat))
		q.Set("lon", decimal(lon))
	case len(args) == 1:
		q.Set("client", args[0])
	default:
		return nil, err
	}
	return q, nil
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (n *nearVerb) print(body []byte) error {
	var near struct {
		Clients []struct {
			ID       string
			Position string
			Received time.Time
			Node     string
			Distance float64 `json:"distance_m"`
		}
	}
	if err := json.Unmarshal(body, &near); err != nil {
		return fmt.Errorf("read who is near from %s: %w", n.client.addr, err)
	}
	if len(near.Clients) == 0 {
		_, err := fmt.Fprintf(n.app.stdout, "Nobody within %s.\n", distanceText(n.radius))
		return err
	}
	rows := [][]string{{"DISTANCE", "CLIENT", "POSITION", "AGE", "NODE"}}
	for _, c := range near.Clients {
		rows = append(rows, []string{
			distanceText(c.Distance), clip(c.ID, 60), clip(c.Position, 40), max(time.Since(c.Received), 0).Round(time.Second).String(), c.Node,
		})
	}
	return printTable(n.app.stdout, rows)
}
