package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// pageSize is how many clients a node is asked for at a time.
const pageSize = 1000

// clientLine is a client as a node tells of it.
type clientLine struct {
	ID       string    `json:"id"`
	Position string    `json:"position"`
	Received time.Time `json:"received"`
	Node     string    `json:"node"`
}

func (a *app) clients() *cobra.Command {
	c := &clientsVerb{app: a}
	cmd := &cobra.Command{
		Use:   "clients [ID]",
		Short: "List the clients and where they are, or show one",
		Long: "Clients asks a node for the clients that it knows, in an order of the node's own. With\n" +
			"an ID it shows that client; exit code 1 if the herd knows none of that name. --json\n" +
			"prints a client a line, --geojson a feature collection for maps.",
		Example: "  herd clients --prefix kiwi --limit 10\n  herd clients kiwi.cs.ucla.edu --json\n  herd clients --limit 0 --geojson >herd.geojson",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			return c.one(ctx, cmd.Flags().Changed, args[0])
		}
		return c.list(ctx)
	})
	a.httpAddrFlag(cmd, &c.client)
	cmd.Flags().StringVar(&c.prefix, "prefix", "", "only those whose IDs begin so")
	cmd.Flags().StringVar(&c.area, "bbox", "", "only those in this area: west,south,east,north in degrees")
	cmd.Flags().IntVar(&c.limit, "limit", 100, "how many at most; 0: all")
	cmd.Flags().BoolVar(&c.geojson, "geojson", false, "print GeoJSON")
	jsonFlag(cmd, &c.json)
	cmd.MarkFlagsMutuallyExclusive("json", "geojson")
	return cmd
}

type clientsVerb struct {
	app     *app
	client  client
	prefix  string
	area    string
	limit   int
	json    bool
	geojson bool
}

// one shows the client id.
func (c *clientsVerb) one(ctx context.Context, changed func(string) bool, id string) error {
	for _, name := range []string{"prefix", "bbox", "limit"} {
		if changed(name) {
			return usagef("--%s is for a list of clients, not for one", name)
		}
	}
	path := clientPath(id)
	if c.geojson {
		path += "?format=geojson"
	}
	body, err := c.client.do(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	if c.json || c.geojson {
		_, err := c.app.stdout.Write(body)
		return err
	}
	var found clientLine
	if err := json.Unmarshal(body, &found); err != nil {
		return fmt.Errorf("read the client from %s: %w", c.client.addr, err)
	}
	return printTable(c.app.stdout, clientTable([]clientLine{found}, time.Now()))
}

// clientPath is where a node has the client id. A path must not have "." and ".." as they
// are.
func clientPath(id string) string {
	escaped := url.PathEscape(id)
	if strings.Trim(id, ".") == "" {
		escaped = strings.ReplaceAll(id, ".", "%2E")
	}
	return "/v1/clients/" + escaped
}

// list shows page after page, as they come.
func (c *clientsVerb) list(ctx context.Context) error {
	if c.limit < 0 {
		return usagef("--limit is %d, it must be 0 or more", c.limit)
	}
	out := c.printer()
	left, next := c.limit, ""
	for {
		size := pageSize
		if c.limit > 0 {
			size = min(size, left)
		}
		var err error
		var page []json.RawMessage
		if page, next, err = c.page(ctx, size, next); err != nil {
			return err
		}
		if err := out.page(page); err != nil {
			return err
		}
		left -= len(page)
		if next == "" || c.limit > 0 && left == 0 {
			break
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(c.app.stderr, "There may be more: these are %d. --limit 0 lists all.\n", c.limit)
	}
	return nil
}

// page asks for clients and gives them as the node has written them.
func (c *clientsVerb) page(ctx context.Context, size int, cursor string) (page []json.RawMessage, next string, err error) {
	q := url.Values{"limit": {strconv.Itoa(size)}}
	for name, value := range map[string]string{"prefix": c.prefix, "bbox": c.area, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.geojson {
		q.Set("format", "geojson")
	}
	body, err := c.client.do(ctx, http.MethodGet, "/v1/clients?"+q.Encode())
	if err != nil {
		return nil, "", err
	}
	var answer struct {
		Clients, Features []json.RawMessage
		Next              string
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, "", fmt.Errorf("read the clients from %s: %w", c.client.addr, err)
	}
	return append(answer.Clients, answer.Features...), answer.Next, nil
}

// clientPrinter prints pages of clients in one form.
type clientPrinter struct {
	page func([]json.RawMessage) error
	end  func() error
}

func (c *clientsVerb) printer() clientPrinter {
	w := c.app.stdout
	nothing := func() error { return nil }
	switch {
	case c.geojson:
		return geoJSONPrinter(w)
	case c.json:
		return clientPrinter{func(page []json.RawMessage) error {
			for _, client := range page {
				if _, err := fmt.Fprintf(w, "%s\n", client); err != nil {
					return err
				}
			}
			return nil
		}, nothing}
	}
	first := true
	return clientPrinter{func(page []json.RawMessage) error {
		list := make([]clientLine, len(page))
		for i, client := range page {
			if err := json.Unmarshal(client, &list[i]); err != nil {
				return fmt.Errorf("read a client from %s: %w", c.client.addr, err)
			}
		}
		table := clientTable(list, time.Now())
		if !first {
			table = table[1:]
		}
		first = false
		return printTable(w, table)
	}, nothing}
}

// geoJSONPrinter prints one collection, a feature a line.
func geoJSONPrinter(w io.Writer) clientPrinter {
	between := `{"type":"FeatureCollection","features":[` + "\n"
	return clientPrinter{func(page []json.RawMessage) error {
		for _, feature := range page {
			if _, err := fmt.Fprintf(w, "%s%s", between, feature); err != nil {
				return err
			}
			between = ",\n"
		}
		return nil
	}, func() error {
		if between != ",\n" {
			if _, err := io.WriteString(w, between); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, "]}\n")
		return err
	}}
}

// clientTable is for people. The age is by this machine's clock and the node's that took the
// report.
func clientTable(list []clientLine, now time.Time) [][]string {
	rows := [][]string{{"ID", "POSITION", "AGE", "NODE"}}
	for _, c := range list {
		age := max(now.Sub(c.Received), 0).Round(time.Second).String()
		rows = append(rows, []string{printable(c.ID), c.Position, age, c.Node})
	}
	return rows
}
