package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) leave() *cobra.Command {
	var c client
	var timeout time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Make a node leave the herd and end",
		Long: "Leave makes a node finish what it has begun, tell the others and end, and waits\n" +
			"until it has. Exit code 4 if it has not in time.",
		Example: "  herd leave --http-addr 127.0.0.1:4143",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if _, err := c.do(ctx, http.MethodPost, "/v1/leave"); err != nil {
			return err
		}
		if err := c.waitGone(ctx, timeout); err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.stdout, map[string]string{"http": c.addr, "state": "left"})
		}
		_, err := fmt.Fprintf(a.stdout, "The node at %s has left.\n", c.addr)
		return err
	})
	a.httpAddrFlag(cmd, &c)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for the node's end")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// waitGone returns when nobody listens at the address any more: the HTTP port is
// the last thing that a node closes.
func (c *client) waitGone(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for range ticks(ctx, 50*time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.addr)
		if err == nil {
			conn.Close()
		} else if ctx.Err() == nil {
			return nil // refused; a node that hangs would let us wait
		}
	}
	return &exit{exitUnmet, fmt.Errorf("the node at %s has not ended in %s", c.addr, timeout)}
}
