package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
	"herd/gossip/sockerr"
)

func (a *app) leave() *cobra.Command {
	var c client
	var timeout, drain time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Make a node leave the herd and end",
		Long: "Leave makes a node finish what it has begun, tell the others and end, and waits\n" +
			"until it has. The node takes no new clients from then on, and ends the connections it\n" +
			"has spread over the time of --drain, each when nothing is half answered. A second call\n" +
			"with less time has it end sooner. Exit code 4 if it has not ended in time.",
		Example: "  herd leave --drain 30s --http-addr 127.0.0.1:4143",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		path := "/v1/leave"
		if cmd.Flags().Changed("drain") {
			if drain < 0 || drain > config.MaxDrain {
				return usagef("--drain is %v, it must be 0s to %v", drain, config.MaxDrain)
			}
			path += "?drain=" + drain.String()
		}
		body, err := c.do(ctx, http.MethodPost, path)
		if err != nil {
			return err
		}
		var answer struct{ Drain string } // empty: of an older node, which drains nobody
		if json.Unmarshal(body, &answer) == nil && answer.Drain != "" {
			if drain, err = time.ParseDuration(answer.Drain); err != nil {
				return fmt.Errorf("read the answer of %s: %w", c.addr, err)
			}
		}
		if err := c.waitGone(ctx, drain+timeout); err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.stdout, map[string]string{"http": c.addr, "state": "left"})
		}
		_, err = fmt.Fprintf(a.stdout, "The node at %s has left.\n", c.addr)
		return err
	})
	a.httpAddrFlag(cmd, &c)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for the node's end, besides the drain")
	cmd.Flags().DurationVar(&drain, "drain", 0, "over how long clients' connections are ended, up to 1h; the node's client.drain if not given")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// waitGone returns when nobody listens at the address any more: the HTTP port is
// the last thing that a node closes. Only that the machine refuses a connection tells: a name
// that is not found for a moment, or a way that is cut, does not.
func (c *client) waitGone(ctx context.Context, timeout time.Duration) error {
	addr, err := c.port()
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last error // of a try that says nothing
	for range ticks(waiting, 50*time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(waiting, "tcp", addr)
		switch {
		case err == nil:
			conn.Close()
			last = nil
		case sockerr.Is(err, syscall.ECONNREFUSED):
			return nil
		case waiting.Err() == nil:
			last = err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the node at %s goes on leaving", errInterrupted, c.addr)
	}
	if last != nil {
		return &exit{exitUnmet, fmt.Errorf("the node at %s was told to leave, and whether it has ended in %s can't be told: %w", c.addr, timeout, last)}
	}
	return &exit{exitUnmet, fmt.Errorf("the node at %s has not ended in %s", c.addr, timeout)}
}
