package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/snapshot"
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
		err := replaceFile(args[0], func(w io.Writer) (err error) {
			n, err = s.save(ctx, w)
			return err
		})
		if err == nil {
			fmt.Fprintf(a.stderr, "saved %d clients to %s\n", n, args[0])
		}
		return err
	})
	a.httpAddrFlag(cmd, &s.client)
	cmd.Flags().StringVar(&s.format, "format", string(snapshot.NDJSON), "how to write them: ndjson, a JSON object a line, or geojson, for maps")
	return cmd
}

// save writes a snapshot and returns how many clients are in it.
func (s *saveVerb) save(ctx context.Context, w io.Writer) (int, error) {
	body, err := s.client.do(ctx, http.MethodGet, "/v1/self")
	if err != nil {
		return 0, err
	}
	var self struct{ Name string }
	if err := json.Unmarshal(body, &self); err != nil {
		return 0, fmt.Errorf("read who %s is: %w", s.client.addr, err)
	}
	out, err := snapshot.NewWriter(w, snapshot.Format(s.format), snapshot.Header{Saved: time.Now().UTC(), Node: self.Name})
	if err != nil {
		return 0, err
	}
	p := newProgress(s.app.stderr, 0)
	defer p.done()
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for {
		body, err := s.client.do(ctx, http.MethodGet, "/v1/clients?"+q.Encode())
		if err != nil {
			return 0, err
		}
		var page struct {
			Clients []snapshot.Record
			Next    string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return 0, fmt.Errorf("read the clients from %s: %w", s.client.addr, err)
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

// replaceFile has write fill a file, for its owner alone, which takes the place of one of that name
// when it is whole and on disk.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
