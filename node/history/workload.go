package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// ErrNotSent is wrapped by the error of a [Transport] when no byte of the command can
// have reached the node.
var ErrNotSent = errors.New("the command was not sent")

// Reply is what a node answered.
type Reply struct {
	Text string    // all that came, with or without its last line feeds
	Boot uint64    // the life of the node that was asked; also of an error, where it is known
	Held []Process // of an IAMAT: see [Op.Held]; none where it is not known
}

// Transport sends a command to a node. It is used by several goroutines at once.
type Transport interface {
	// Send sends line, which has no line feed, to the node of that name, over a
	// connection to one life of it, and waits for the answer. It sends nothing twice.
	Send(ctx context.Context, node, line string) (Reply, error)
}

// Workload is what clients do. Nodes has no default.
type Workload struct {
	Nodes   []string      // to send to
	Clients int           // how many there are; 0: 32
	Workers int           // how many of them are served at once; 0: two for each node
	Pause   time.Duration // of a worker between two commands, on average; 0: 10 ms
	Timeout time.Duration // of a command; 0: 5 s
	Prefix  string        // of the clients' IDs; "": "client-"
	Seed    uint64        // of everything random
}

func (w Workload) withDefaults() Workload {
	if w.Clients <= 0 {
		w.Clients = 32
	}
	if w.Workers <= 0 {
		w.Workers = 2 * len(w.Nodes)
	}
	if w.Pause <= 0 {
		w.Pause = 10 * time.Millisecond
	}
	if w.Timeout <= 0 {
		w.Timeout = 5 * time.Second
	}
	if w.Prefix == "" {
		w.Prefix = "client-"
	}
	return w
}

// Run sends commands and records them, until ctx is done; then it waits for those
// under way, and returns nil. If the history is full it returns ErrFull at once.
func (w Workload) Run(ctx context.Context, r *Recorder, t Transport) error {
	if len(w.Nodes) == 0 {
		return errors.New("history: a workload without nodes")
	}
	w = w.withDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := newGenerator(&w)
	var workers sync.WaitGroup
	for i := range w.Workers {
		workers.Go(func() {
			if err := w.work(ctx, g.worker(i), r, t); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); errors.Is(err, ErrFull) {
		return err
	}
	return nil
}

// work is one worker: a command, a pause, and so on.
func (w *Workload) work(ctx context.Context, g *worker, r *Recorder, t Transport) error {
	timer := time.NewTimer(g.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := w.command(g.next(time.Now()), r, t); err != nil {
			return err
		}
		timer.Reset(g.pause())
	}
}

// command sends one and records what came of it. It has its time even if the run ends
// meanwhile: a write that is given up makes a history say less.
func (w *Workload) command(o Op, r *Recorder, t Transport) error {
	inv, err := r.Begin()
	if err != nil {
		return err
	}
	o.Inv = inv
	ctx, cancel := context.WithTimeout(context.Background(), w.Timeout)
	defer cancel()
	reply, err := t.Send(ctx, o.At.Node, lineOf(&o))
	o.At.Boot = reply.Boot
	o.answered(&reply, err)
	r.End(o)
	return nil
}

// lineOf is the command's line.
func lineOf(o *Op) string {
	if o.Kind == Write {
		return fmt.Sprintf("IAMAT %s %s %s", o.Client, o.Position, o.Time)
	}
	return fmt.Sprintf("WHATSAT %s 0 0", o.Client) // of the client alone: no provider is asked
}

// answered fills in what came of a command.
func (o *Op) answered(reply *Reply, err error) {
	line, _, _ := strings.Cut(reply.Text, "\n")
	line = strings.Clone(line) // not the body too
	switch {
	case err != nil && o.Kind == Write && !errors.Is(err, ErrNotSent):
		o.Outcome = Unknown
	case err != nil:
		o.Outcome = Fail
	case strings.HasPrefix(line, "? ") && o.Kind == Read: // not known
	case strings.HasPrefix(line, "? "):
		o.Outcome = Fail
	default:
		o.Line = line
		if o.Kind == Write {
			o.Held = reply.Held
		}
	}
}
