package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/top"
	"herd/cmd/herd/internal/tty"
)

// How often herd top may look, and how wide and high its picture is when nobody says.
const (
	leastTopInterval = 100 * time.Millisecond
	mostTopInterval  = time.Minute
	topWidth         = 80
)

// topVerb is herd top and its flags.
type topVerb struct {
	app      *app
	client   client
	interval time.Duration
	once     bool
	plain    bool
	noColour bool
	json     bool
}

func (a *app) top() *cobra.Command {
	v := &topVerb{app: a}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the herd in the terminal, as one node sees it",
		Long: "Top shows the members, what the node does in a second, how far everyone is, the clients\n" +
			"that are most often updated, and what happens, until q. When its node dies it goes on\n" +
			"with another one, and comes back when it can. Where nobody looks, as in a pipe, it\n" +
			"prints one picture: as wide as COLUMNS says, or 80, and as high as LINES says, or as it\n" +
			"takes. To find the hottest clients it follows the fixes, up to 5,000 a second.",
		Example: "  herd top --http-addr 127.0.0.1:4143\n" +
			"  herd top --once --json",
		Args: cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error { return v.run(ctx) })
	a.httpAddrFlag(cmd, &v.client)
	v.client.http.Timeout = topPatience
	cmd.Flags().DurationVar(&v.interval, "interval", time.Second, "how often to look, 100ms to 1m")
	cmd.Flags().BoolVar(&v.once, "once", false, "look for one interval, print one picture and exit")
	cmd.Flags().BoolVar(&v.plain, "plain", false, "draw with ASCII alone")
	cmd.Flags().BoolVar(&v.noColour, "no-color", a.getenv("NO_COLOR") != "", "draw without colours; NO_COLOR does the same")
	jsonFlag(cmd, &v.json)
	return cmd
}

func (v *topVerb) run(ctx context.Context) error {
	if v.interval < leastTopInterval || v.interval > mostTopInterval {
		return usagef("--interval is %v, it must be %v to %v", v.interval, leastTopInterval, mostTopInterval)
	}
	// The first answer is waited for where an error can still be read.
	first, err := sampleNode(ctx, &v.client)
	if err != nil {
		return firstError(&v.client, err)
	}
	out, ok := v.app.stdout.(*os.File)
	switch {
	case v.json:
		return v.stream(ctx, first)
	case v.once || !ok || !tty.Is(out):
		return v.picture(ctx, first)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	resized := make(chan os.Signal, 1)
	tty.NotifyResize(resized)
	defer signal.Stop(resized)

	f := newTopFeed(ctx, v, first)
	defer f.stop()
	screen, err := tty.Open(os.Stdin, out)
	if err != nil {
		return err
	}
	defer screen.Close() // before all else, and in a panic too
	w := &topWatch{verb: v, screen: screen, end: hangup, resized: resized}
	return w.run(ctx, f, f.model(first), screen.Keys())
}

// picture prints one.
func (v *topVerb) picture(ctx context.Context, first top.Sample) error {
	s, err := v.second(ctx, first)
	if err != nil {
		return err
	}
	width, height := topWidth, 0
	seen := tty.Is(v.app.stdout)
	if seen {
		width, _ = tty.Size(v.app.stdout.(*os.File))
	}
	for name, n := range map[string]*int{"COLUMNS": &width, "LINES": &height} {
		if set, err := strconv.Atoi(v.app.getenv(name)); err == nil && set > 0 {
			*n = set
		}
	}
	view := top.View{ASCII: v.plain, Still: true}
	for _, line := range top.Draw(s, &view, width, height) {
		text := line.String()
		if seen {
			text = line.Styled(!v.noColour)
		}
		if _, err := fmt.Fprintln(v.app.stdout, text); err != nil {
			return err
		}
	}
	return nil
}

// second looks again after an interval, when there are rates, and gives what there is to
// see.
func (v *topVerb) second(ctx context.Context, first top.Sample) (*top.Snapshot, error) {
	var seen *top.Snapshot
	err := v.follow(ctx, first, func(m *top.Model, now time.Time) bool {
		seen = m.Snapshot(now)
		return seen.Rates == nil && seen.Trouble == ""
	})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, errInterrupted
	case seen.Trouble != "":
		return nil, &exit{exitUnreachable, fmt.Errorf("no node answers any more: %s", seen.Trouble)}
	}
	return seen, nil
}

// stream prints a line of JSON an interval, or one.
func (v *topVerb) stream(ctx context.Context, first top.Sample) error {
	if v.once {
		s, err := v.second(ctx, first)
		if err != nil {
			return err
		}
		return printJSON(v.app.stdout, s)
	}
	var printed error
	err := v.follow(ctx, first, func(m *top.Model, now time.Time) bool {
		printed = printLine(v.app.stdout, m.Snapshot(now))
		return printed == nil
	})
	if printed != nil {
		return printed
	}
	return err
}

// follow feeds a model and calls look after every sample but the first, as long as look
// says so and ctx is not done.
func (v *topVerb) follow(ctx context.Context, first top.Sample, look func(m *top.Model, now time.Time) bool) error {
	f := newTopFeed(ctx, v, first)
	defer f.stop()
	m := f.model(first)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-f.broken:
			panic(err)
		case u := <-f.updates:
			u.tell(m)
			if u.sampled && !look(m, time.Now()) {
				return nil
			}
		}
	}
}

// topScreen is the terminal, as far as a watch needs it.
type topScreen interface {
	Size() (width, height int)
	Redraw()
	Show(lines []string) error
}

// topWatch draws what comes, and does what keys say.
type topWatch struct {
	verb    *topVerb
	screen  topScreen
	end     <-chan os.Signal
	resized <-chan os.Signal

	view   top.View
	shown  *top.Snapshot
	model  *top.Model
	pieces <-chan []byte // of what the terminal sends
}

// run watches until it is told to end. It draws at every sample, and at once when
// something has happened or a key was pressed.
func (w *topWatch) run(ctx context.Context, f *topFeed, m *top.Model, keys io.Reader) error {
	w.model = m
	w.view.ASCII = w.verb.plain
	if keys != nil {
		w.pieces = readPieces(keys)
	}
	var parser top.Keys
	w.shown = w.model.Snapshot(time.Now())
	for {
		if err := w.draw(); err != nil {
			return fmt.Errorf("draw on the terminal: %w", err)
		}
		for changed := false; !changed; {
			select {
			case <-ctx.Done():
				return nil
			case <-w.end:
				return nil
			case err := <-f.broken:
				panic(err) // the terminal is given back on the way
			case <-w.resized:
				w.screen.Redraw()
				changed = true
			case u := <-f.updates:
				u.tell(w.model)
				if changed = (u.sampled || u.happened) && !w.view.Paused; changed {
					w.shown = w.model.Snapshot(time.Now())
				}
			case piece, ok := <-w.pieces:
				if !ok { // there are no keys any more
					w.pieces = nil
					continue
				}
				if w.press(parser.Read(piece)) {
					return nil
				}
				changed = true
			}
		}
	}
}

// press does what keys say and tells whether that is to end.
func (w *topWatch) press(keys []top.Key) (quit bool) {
	for _, k := range keys {
		if k == top.KeyRedraw {
			w.screen.Redraw()
			continue
		}
		width, height := w.screen.Size()
		paused := w.view.Paused
		if w.view, quit = w.view.Press(k, w.shown, width, height); quit {
			return true
		}
		if paused && !w.view.Paused {
			w.shown = w.model.Snapshot(time.Now())
		}
	}
	return false
}

func (w *topWatch) draw() error {
	width, height := w.screen.Size()
	drawn := top.Draw(w.shown, &w.view, width, height)
	lines := make([]string, len(drawn))
	for i, line := range drawn {
		lines[i] = line.Styled(!w.verb.noColour)
	}
	return w.screen.Show(lines)
}

// readPieces reads what the terminal sends. A read of a terminal can't be broken off on
// every system, so the goroutine ends with the process, or with the terminal.
func readPieces(in io.Reader) <-chan []byte {
	pieces := make(chan []byte)
	go func() {
		defer close(pieces)
		for {
			piece := make([]byte, 256)
			n, err := in.Read(piece)
			if n > 0 {
				pieces <- piece[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return pieces
}

// crew are goroutines whose panics are somebody else's: of one that holds a terminal.
type crew struct {
	running sync.WaitGroup
	broken  chan error
}

// do runs f aside.
func (c *crew) do(f func()) {
	c.running.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				select {
				case c.broken <- fmt.Errorf("%v\n%s", v, debug.Stack()):
				default: // the first one is enough
				}
			}
		}()
		f()
	})
}
