package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
)

func (a *app) reload() *cobra.Command {
	var c client
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a node read its configuration again",
		Long: "Reload has a node read its configuration again, and the files that it names, and shows\n" +
			"what has changed: what the node has taken over, and what needs a restart. If anything\n" +
			"is wrong all stays as it was, and what is wrong is shown as \"herd config check\" does:\n" +
			"exit code 2. SIGHUP does the same. \"herd help settings\" says what can be taken over.",
		Example: "  herd reload --http-addr 127.0.0.1:4143",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		body, err := c.do(ctx, http.MethodPost, "/v1/reload")
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusUnprocessableEntity && refused.detail != "" {
			fmt.Fprintln(a.stderr, strings.TrimRight(refused.detail, "\n"))
			return &exit{code: exitUsage}
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printBody(a.stdout, body)
		}
		var answer struct {
			Changes []config.Change `json:"changes"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return fmt.Errorf("read the answer of %s: %w", c.addr, err)
		}
		return a.printChanges(answer.Changes)
	})
	a.httpAddrFlag(cmd, &c)
	c.http.Timeout = time.Minute // files of places may be large
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) printChanges(changes []config.Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No setting has changed.")
		return err
	}
	rows := [][]string{{"SETTING", "OLD", "NEW", "NOW"}}
	for _, c := range changes {
		was, is, now := config.ValueText(c.Old), config.ValueText(c.New), "needs a restart"
		if c.Content {
			was, is = "the file", "as it is now"
		}
		if c.Taken {
			now = "taken over"
		}
		rows = append(rows, []string{c.Name, was, is, now})
	}
	return printTable(a.stdout, rows)
}

// catchHangups keeps SIGHUP from ending the process from here on, to its last moment.
// One that comes before anybody reads the channel waits in it.
func catchHangups() <-chan os.Signal {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup
}

// reloader reloads at every SIGHUP. The node logs what comes of it.
type reloader struct {
	ended chan struct{}
	done  sync.WaitGroup // the goroutine that waits for hangups
}

// reloadAt begins. The caller owes an end.
func reloadAt(hup <-chan os.Signal, reload func()) *reloader {
	r := &reloader{ended: make(chan struct{})}
	r.done.Go(func() {
		for {
			select {
			case <-hup:
				reload()
			case <-r.ended:
				return
			}
		}
	})
	return r
}

func (r *reloader) end() {
	close(r.ended)
	r.done.Wait()
}
