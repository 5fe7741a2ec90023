package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/cmd/herd/internal/snapshot"
	protocol "herd/node/client"
)

// Restoring has so many clients under way at once; they are handed out by the bunch.
const (
	restoreAtOnce = 1024
	restoreBunch  = 64
)

// mostNamed is how many lines are named of those that are left out; all are counted.
const mostNamed = 20

// restoreVerb is herd snapshot restore and its flags.
type restoreVerb struct {
	app    *app
	client client
	addrs  []string
	dry    bool
	json   bool

	herd map[string]bool // names of the members, whose reports these are to be; nil: not known
}

func (a *app) snapshotRestore() *cobra.Command {
	r := &restoreVerb{app: a}
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Report the clients of a snapshot to a herd",
		Long: "Restore reports each client of a snapshot, - for standard input, as the client itself had: with\n" +
			"its position and its time. Who has reported since stays where he is, and is counted as stale.\n" +
			"Lines that are damaged are named and left out. Exit code 1 if there was one, or the herd refused\n" +
			"a client.",
		Example: "  herd snapshot restore herd.ndjson\n  herd snapshot restore --dry-run herd.geojson",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error { return r.run(ctx, args[0]) })
	a.httpAddrFlag(cmd, &r.client)
	r.client.linesFlag(cmd)
	cmd.Flags().StringSliceVar(&r.addrs, "client-addr", nil, "where nodes take reports; without, where the node at --http-addr says its members do")
	cmd.Flags().BoolVar(&r.dry, "dry-run", false, "read all of it and report nothing")
	jsonFlag(cmd, &r.json)
	return cmd
}

// restored counts what has become of the lines.
type restored struct {
	restored, stale, refused atomic.Int64
	dry                      int64 // those that would be reported
	damaged                  int64
}

func (r *restoreVerb) run(ctx context.Context, name string) error {
	in, file, err := openSnapshot(name)
	if err != nil {
		return err
	}
	defer file.Close()
	var n restored
	report := func(context.Context, []snapshot.Record) error { return nil }
	if !r.dry {
		herd, err := r.dial(ctx)
		if err != nil {
			return err
		}
		defer herd.Close()
		report = r.reporter(herd, &n)
	}
	if err := r.restore(ctx, in, report, &n); err != nil {
		return fmt.Errorf("restore %s: after %d clients: %w", name, n.restored.Load()+n.stale.Load(), interrupted(ctx, err))
	}
	return r.show(&n)
}

// dial connects to the nodes that take reports.
func (r *restoreVerb) dial(ctx context.Context) (*protocol.Client, error) {
	c := protocol.Config{Addrs: r.addrs}
	if len(c.Addrs) == 0 {
		list, err := membersOf(ctx, &r.client)
		if err != nil {
			return nil, err
		}
		r.herd = map[string]bool{}
		far := ""
		for _, m := range list.Members {
			r.herd[m.Name] = true
			switch {
			case m.state() != "alive" || m.Client == "":
			case r.client.reaches(m.Client):
				c.Addrs = append(c.Addrs, m.Client)
			default:
				far = m.Client
			}
		}
		if len(c.Addrs) == 0 && far != "" {
			return nil, r.client.elsewhere(far, ", or say where by --client-addr")
		}
	}
	var err error
	if c.TLS, err = r.client.lineTLS(); err != nil {
		return nil, err
	}
	herd, err := protocol.Dial(ctx, c)
	if errors.As(err, new(*protocol.UnreachableError)) {
		return nil, &exit{exitUnreachable, err}
	}
	return herd, err
}

// restore reads the clients and has them reported, many at once. It ends at the first error that
// is not one line's.
func (r *restoreVerb) restore(ctx context.Context, in *snapshot.Reader, report func(context.Context, []snapshot.Record) error, n *restored) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bunches := make(chan []snapshot.Record)
	var workers sync.WaitGroup
	for range restoreAtOnce / restoreBunch {
		workers.Go(func() {
			for b := range bunches {
				if err := report(ctx, b); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := r.read(ctx, in, bunches, n)
	close(bunches)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (r *restoreVerb) read(ctx context.Context, in *snapshot.Reader, bunches chan<- []snapshot.Record, n *restored) error {
	p := newProgress(r.app.stderr, 0)
	defer p.done()
	var bunch []snapshot.Record
	hand := func() {
		select {
		case bunches <- bunch:
		case <-ctx.Done():
		}
		bunch = nil
	}
	last := time.Now()
	for ctx.Err() == nil {
		record, err := in.Next()
		var line *snapshot.LineError
		switch {
		case errors.Is(err, io.EOF):
			hand()
			return nil
		case errors.Is(err, snapshot.ErrCut), errors.As(err, &line):
			if n.damaged++; n.damaged <= mostNamed {
				p.done()
				fmt.Fprintf(r.app.stderr, "herd: left out: %v\n", printable(err.Error()))
			}
			if line == nil {
				hand()
				return nil
			}
			continue
		case err != nil:
			return err
		}
		if r.dry {
			n.dry++
			continue
		}
		if bunch = append(bunch, record); len(bunch) == restoreBunch {
			hand()
		}
		if time.Since(last) > time.Second/5 {
			last = time.Now()
			p.say(fmt.Sprintf("%d clients", n.restored.Load()+n.stale.Load()))
		}
	}
	return nil
}

// reporter is report, but the very first client goes alone: if another herd takes it, it is the only one.
func (r *restoreVerb) reporter(herd *protocol.Client, n *restored) func(context.Context, []snapshot.Record) error {
	var first sync.Once
	var wrong error
	return func(ctx context.Context, bunch []snapshot.Record) error {
		if len(bunch) == 0 {
			return nil
		}
		first.Do(func() {
			wrong = r.report(ctx, herd, bunch[:1], n)
			bunch = bunch[1:]
		})
		if wrong != nil {
			return wrong
		}
		return r.report(ctx, herd, bunch, n)
	}
}

// report reports the clients of a bunch at once, and asks for each what the herd knows then.
func (r *restoreVerb) report(ctx context.Context, herd *protocol.Client, bunch []snapshot.Record, n *restored) error {
	errs := make([]error, len(bunch))
	var all sync.WaitGroup
	for i := range bunch {
		all.Go(func() { errs[i] = r.reportOne(ctx, herd, &bunch[i], n) })
	}
	all.Wait()
	for i, err := range errs {
		var refused *protocol.InvalidError
		switch {
		case errors.As(err, &refused):
			if n.refused.Add(1) <= mostNamed {
				fmt.Fprintf(r.app.stderr, "herd: refused by the herd: %s\n", printable(bunch[i].ID))
			}
		case errors.As(err, new(*protocol.UnreachableError)):
			return &exit{exitUnreachable, err}
		case err != nil:
			return err
		}
	}
	return nil
}

func (r *restoreVerb) reportOne(ctx context.Context, herd *protocol.Client, c *snapshot.Record, n *restored) error {
	fix, err := herd.Report(ctx, c.ID, c.Position, c.Time)
	if err != nil {
		return err
	}
	if r.herd != nil && !r.herd[fix.Node] {
		return r.client.stranger(fix.Node)
	}
	now, err := herd.Locate(ctx, c.ID)
	if err != nil {
		return err
	}
	if now.Time == c.Time && now.Position == c.Position {
		n.restored.Add(1)
	} else {
		n.stale.Add(1)
	}
	return nil
}

func (r *restoreVerb) show(n *restored) error {
	var err error
	refused := n.refused.Load()
	if r.json {
		all := map[string]any{"restored": n.restored.Load(), "stale": n.stale.Load(), "refused": refused, "damaged_lines": n.damaged}
		if r.dry {
			all["dry_run"], all["to_restore"] = true, n.dry
		}
		err = printJSON(r.app.stdout, all)
	} else {
		text, done := "restored", n.restored.Load()
		if r.dry {
			text, done = "to restore", n.dry
		}
		_, err = fmt.Fprintf(r.app.stdout, "%s %d, stale %d, refused %d, damaged %d\n", text, done, n.stale.Load(), refused, n.damaged)
	}
	if err == nil && refused+n.damaged > 0 {
		err = &exit{code: exitFailed, err: fmt.Errorf("%s refused, %s damaged", human.Count(int(refused), "client"), human.Count(int(n.damaged), "line"))}
	}
	return err
}
