package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) ready() *cobra.Command {
	var c client
	var wait time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Ask whether a node is ready to serve clients",
		Long: "Ready asks a node whether clients should be sent to it, as /readyz does. Exit code 4 if\n" +
			"they should not, 3 if no node answers; with --wait it asks until it is ready, or the time\n" +
			"is up. It needs no token: health checks of containers are made of it.",
		Example: "  herd ready --wait 30s",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		says, err := c.awaitReady(ctx, wait)
		var e *exit
		if err != nil && !(errors.As(err, &e) && e.code == exitUnmet) {
			return err
		}
		if asJSON {
			perr := printJSON(a.stdout, struct {
				HTTP  string `json:"http"`
				Ready bool   `json:"ready"`
				Says  string `json:"says"`
			}{c.addr, err == nil, says})
			return errors.Join(perr, err)
		}
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "The node at %s is ready.\n", c.addr)
		}
		return err
	})
	a.httpAddrFlag(cmd, &c)
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to ask again")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// awaitReady asks until the node is ready or the time is up, once at least, and gives what
// the node said last.
func (c *client) awaitReady(ctx context.Context, wait time.Duration) (says string, err error) {
	deadline := time.Now().Add(wait)
	for range ticks(ctx, 100*time.Millisecond) {
		var e *exit
		says, err = c.isReady(ctx)
		if err == nil || !time.Now().Before(deadline) || errors.As(err, &e) && e.code == exitUsage {
			return says, err
		}
	}
	return says, ctx.Err()
}

// isReady is an error with exit code 4 if the node is not.
func (c *client) isReady(ctx context.Context) (says string, err error) {
	body, err := c.do(ctx, http.MethodGet, "/readyz")
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusServiceUnavailable {
		says = strings.TrimSpace(refused.body)
		return says, &exit{exitUnmet, fmt.Errorf("the node at %s is %s", c.addr, says)}
	}
	return strings.TrimSpace(string(body)), err
}
