package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) send() *cobra.Command {
	var timeout time.Duration
	var asJSON, secure bool
	var trust trust
	cmd := &cobra.Command{
		Use:   "send ADDR LINE…",
		Short: "Send protocol lines to a node and print its replies",
		Long: "Send gives a node the lines, one an argument, and prints what comes back until the\n" +
			"node has answered them all. Exit code 3 if the node can't be reached.",
		Example: "  herd send 127.0.0.1:4131 'WHATSAT kiwi.cs.ucla.edu 10 5'",
		Args:    cobra.MinimumNArgs(2),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		out := a.stdout
		var reply bytes.Buffer
		if asJSON {
			out = &reply
		}
		dial := new(net.Dialer).DialContext
		if secure || trust.given() {
			config, err := trust.config()
			if err != nil {
				return &exit{exitUsage, err}
			}
			dial = (&tls.Dialer{Config: config}).DialContext
		}
		if err := exchange(ctx, dial, args[0], args[1:], timeout, out); err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.stdout, map[string]string{"addr": args[0], "reply": reply.String()})
		}
		return nil
	})
	cmd.Flags().BoolVar(&secure, "tls", false, "speak TLS with the node; --ca-file and --cert-file do too")
	trust.flags(a, cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for all of it")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// errNoLines is what the HTTP port of a node is found to be.
var errNoLines = errors.New("what is there speaks HTTP, and lines go to the port of clients")

// dialFunc connects to a node.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// exchange sends the lines and copies the replies to w. The end of the replies
// is the end of the stream: the half-close tells the node that no more comes.
func exchange(ctx context.Context, dial dialFunc, addr string, lines []string, timeout time.Duration, w io.Writer) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return usagef("%q is not an address: it must be host:port, like 127.0.0.1:4131", addr)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return &exit{exitUnreachable, fmt.Errorf("no node answers: %w", err)}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	sent := make(chan error, 1)
	go func() { // many lines fill both buffers unless replies are read meanwhile
		_, err := io.WriteString(conn, strings.Join(lines, "\n")+"\n")
		if err == nil {
			err = conn.(interface{ CloseWrite() error }).CloseWrite()
		}
		sent <- err
	}()
	n, err := int64(0), errNoLines
	in := bufio.NewReader(conn)
	if head, _ := in.Peek(len("HTTP/")); string(head) != "HTTP/" { // why there is less Copy says
		n, err = io.Copy(w, in)
	}
	conn.Close() // a node that hung up early reads no more: end the writer
	switch serr := <-sent; {
	case err == errNoLines:
		return &exit{exitUnreachable, fmt.Errorf("no node answers at %s: %w", addr, err)}
	case err != nil:
	case !errors.Is(serr, net.ErrClosed):
		err = serr
	case n > 0: // else it is said below
		err = errors.New("the node closed the connection before all was sent")
	}
	switch ctx.Err() {
	case nil:
	case context.DeadlineExceeded:
		err = fmt.Errorf("no full reply in %s", timeout)
	default:
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("talk to %s: %w", addr, err)
	}
	if n == 0 && strings.TrimSpace(strings.Join(lines, "")) != "" {
		why := "it has too many, or is about to end"
		if _, secure := conn.(*tls.Conn); !secure {
			why = "it has too many, is about to end, or speaks TLS, as --tls and --ca-file do"
		}
		return &exit{exitUnreachable, fmt.Errorf("the node at %s closed the connection without a reply: %s", addr, why)}
	}
	return nil
}
