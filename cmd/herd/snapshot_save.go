package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/cmd/herd/internal/snapshot"
	"herd/gossip/durable"
)

// saveVerb is herd snapshot save and its flags.
type saveVerb struct {
	app    *app
	client client
	format string
}

func (a *app) snapshotSave() *cobra.Command {
	s := &saveVerb{app: a}
	cmd := &cobra.Command{
		Use:   "save [FILE]",
		Short: "Write all clients of a herd to a file",
		Long: "Save writes the clients that a node knows to a file, or to standard output. A client that\n" +
			"is there all the time is in it once, as it was at one moment; what comes and goes meanwhile may\n" +
			"be in it or not. The file has its name when all is in it and on disk, and is for its\n" +
			"owner alone.",
		Example: "  herd snapshot save herd.ndjson\n  herd snapshot save --format geojson | gzip >herd.geojson.gz",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if f := snapshot.Format(s.format); f != snapshot.NDJSON && f != snapshot.GeoJSON {
			return usagef("--format is %q, it must be %s or %s", s.format, snapshot.NDJSON, snapshot.GeoJSON)
		}
		if len(args) == 0 || args[0] == "-" {
			_, err := s.save(ctx, a.stdout)
			return err
		}
		var n int
		err := durable.Replace(args[0], 0o600, func(w *os.File) (err error) {
			n, err = s.save(ctx, w)
			return err
		})
		if err == nil {
			fmt.Fprintf(a.stderr, "saved %s to %s\n", human.Count(n, "client"), args[0])
		}
		return err
	})
	a.httpAddrFlag(cmd, &s.client)
	cmd.Flags().StringVar(&s.format, "format", string(snapshot.NDJSON), "how to write them: ndjson, a JSON object a line, or geojson, for maps")
	return cmd
}

// save writes a snapshot and returns how many clients are in it.
func (s *saveVerb) save(ctx context.Context, w io.Writer) (int, error) {
	var self struct{ Name string }
	if err := s.client.get(ctx, "/v1/self", "its name", &self); err != nil {
		return 0, err
	}
	out, err := snapshot.NewWriter(w, snapshot.Format(s.format), snapshot.Header{Saved: time.Now().UTC(), Node: self.Name})
	if err != nil {
		return 0, err
	}
	p := newProgress(s.app.stderr, 0)
	defer p.done()
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for {
		var page struct {
			Clients []snapshot.Record
			Next    string
		}
		if err := s.client.get(ctx, "/v1/clients?"+q.Encode(), "the clients", &page); err != nil {
			return 0, err
		}
		for i := range page.Clients {
			if err := out.Write(&page.Clients[i]); err != nil {
				return 0, err
			}
		}
		p.say(fmt.Sprintf("%d clients", out.Count()))
		if page.Next == "" {
			return out.Count(), out.End()
		}
		q.Set("cursor", page.Next)
	}
}
