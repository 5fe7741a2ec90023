package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/node/client/sse"
)

func (a *app) events() *cobra.Command {
	e := &eventsVerb{app: a}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Follow what happens in the herd, as one node sees it",
		Long: "Events prints every fix that takes its place in a node's table, from whatever node,\n" +
			"every client that is gone from there, and every change of a member, until Ctrl-C. When\n" +
			"it is cut off it goes on where it was; if that is not possible, it says so on standard\n" +
			"error.",
		Example: "  herd events --prefix kiwi --bbox -119,33,-117,35",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error { return e.follow(ctx) })
	a.httpAddrFlag(cmd, &e.client)
	e.client.http.Timeout = 0 // a stream has no end
	cmd.Flags().StringSliceVar(&e.kinds, "kinds", nil, "of these kinds alone: fix, gone, member (default all)")
	cmd.Flags().StringVar(&e.prefix, "prefix", "", "of clients whose IDs begin so")
	cmd.Flags().StringVar(&e.id, "client", "", "of this client alone")
	cmd.Flags().StringVar(&e.area, "bbox", "", "of fixes in this area alone, and who is gone: west,south,east,north in degrees")
	cmd.Flags().DurationVar(&e.every, "every", 0, "merge what comes of a client within this time, 50ms to 10s")
	jsonFlag(cmd, &e.json)
	return cmd
}

type eventsVerb struct {
	app    *app
	client client
	kinds  []string
	prefix string
	id     string
	area   string
	every  time.Duration
	json   bool
}

// path is what is asked for.
func (e *eventsVerb) path() string {
	q := url.Values{}
	for name, value := range map[string]string{
		"kinds": strings.Join(e.kinds, ","), "prefix": e.prefix, "client": e.id, "bbox": e.area,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if e.every != 0 {
		q.Set("every", e.every.String())
	}
	if len(q) == 0 {
		return "/v1/events"
	}
	return "/v1/events?" + q.Encode()
}

// follow prints events until ctx is done. That the node can't be reached is an error the
// first time alone, and what it refuses always.
func (e *eventsVerb) follow(ctx context.Context) error {
	out := bufio.NewWriter(e.app.stdout)
	s := eventSource{client: &e.client, path: e.path()}
	cut := false
	for range ticks(ctx, time.Second) {
		err := s.read(ctx, func(ev sse.Event, more bool) error {
			if cut {
				cut = false
				fmt.Fprintf(e.app.stderr, "herd: following %s again\n", e.client.addr)
			}
			if err := e.print(out, ev); err != nil {
				return &printError{err}
			}
			if more {
				return nil
			}
			if err := out.Flush(); err != nil {
				return &printError{err}
			}
			return nil
		})
		var refused *refusal
		var printed *printError
		switch {
		case ctx.Err() != nil:
			return out.Flush()
		case errors.As(err, &refused) && refused.forGood(), errors.As(err, &printed), !s.begun:
			return err
		case !cut:
			cut = true
			fmt.Fprintf(e.app.stderr, "herd: cut off, trying again: %v\n", err)
		}
	}
	return out.Flush()
}

// printError is that an event is none, or nobody takes what is printed.
type printError struct{ error }

func (e *printError) Unwrap() error { return e.error }

// eventLine is a line of --json.
type eventLine struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

func (e *eventsVerb) print(out *bufio.Writer, ev sse.Event) error {
	switch {
	case ev.Name == "hello":
		return nil
	case ev.Name == "reset":
		var v struct{ Why string }
		if err := json.Unmarshal(ev.Data, &v); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		if _, err := fmt.Fprintf(e.app.stderr, "herd: events were missed: %s\n", printable(v.Why)); err != nil || !e.json {
			return err
		}
	}
	if e.json {
		return printLine(out, eventLine{ev.Name, ev.ID, ev.Data})
	}
	switch ev.Name {
	case "fix":
		var f struct {
			Received time.Time `json:"received"`
			Line     string    `json:"at_line"`
		}
		if err := json.Unmarshal(ev.Data, &f); err != nil {
			return fmt.Errorf("read a fix: %w", err)
		}
		_, err := fmt.Fprintf(out, "%s  %s\n", f.Received.Local().Format(time.TimeOnly), printable(f.Line))
		return err
	case "gone":
		var g struct{ ID, Reason string }
		if err := json.Unmarshal(ev.Data, &g); err != nil {
			return fmt.Errorf("read who is gone: %w", err)
		}
		_, err := fmt.Fprintf(out, "%s  %s is gone: %s\n", time.Now().Format(time.TimeOnly), printable(g.ID), printable(g.Reason))
		return err
	case "member":
		var m struct {
			Name, State, Was string
			Since            time.Time
		}
		if err := json.Unmarshal(ev.Data, &m); err != nil {
			return fmt.Errorf("read a member: %w", err)
		}
		if m.Was == "" {
			m.Was = "unknown"
		}
		_, err := fmt.Fprintf(out, "%s  %s  %s -> %s\n", m.Since.Local().Format(time.TimeOnly), printable(m.Name), printable(m.Was), printable(m.State))
		return err
	}
	return nil // of a newer node
}
