package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
)

func (a *app) node() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node",
		Long: "Node runs one node of a herd until it is told to leave: by \"herd leave\", SIGTERM or\n" +
			"SIGINT. Every flag has a variable, HERD_CLIENT_ADDR for --client-addr, and a place in\n" +
			"configuration files: see \"herd help settings\". SIGHUP, as \"herd reload\", has it read its\n" +
			"configuration again, and open the log file anew.",
		Example: "  herd node --name Clark\n" +
			"  herd node --name Bailey --client-addr 127.0.0.1:0 --gossip-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --join 127.0.0.1:4132",
		Args: cobra.NoArgs,
	}
	untilInputEnds := false
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if untilInputEnds {
			var leave context.CancelFunc
			ctx, leave = context.WithCancel(ctx)
			defer leave()
			go func() { // reads until the input, or this process, ends
				io.Copy(io.Discard, os.Stdin)
				leave()
			}()
		}
		return a.runNode(ctx, &s)
	})
	s.register(cmd)
	cmd.Flags().BoolVar(&untilInputEnds, inputFlag, false, "leave when the standard input ends")
	cmd.Flags().MarkHidden(inputFlag)
	return cmd
}

// inputFlag has a node end with the process that has started it, where the kernel does
// not see to it: that process holds the other end of its input.
const inputFlag = "leave-with-input"

func (a *app) runNode(ctx context.Context, s *settings) (err error) {
	hup := catchHangups()
	outliveReaders()
	loaded, err := a.load(s)
	var wrong *config.Error
	if errors.As(err, &wrong) && wrong.Temporary() {
		return &exit{exitFailed, err}
	}
	if err != nil {
		return err
	}
	logs, err := openLogs(loaded.Config.Log, a.stderr)
	if err != nil {
		return err
	}
	defer logs.end()
	logger := logs.log
	defer func() {
		if err != nil { // it goes to standard error, which who reads the file may not see
			logs.noted.Error("the node has failed", "error", err)
		}
	}()

	if c := loaded.Config; c.Chaos {
		logger.Warn("CHAOS is allowed: whoever reaches the HTTP port can cut this node off, slow it down, pause it and kill it", "http", c.HTTP.Addr)
	}
	if err := fitFiles(loaded, maxFiles(), logger); err != nil {
		return err
	}
	load := func() (*config.Loaded, error) {
		to, err := a.load(s)
		if err == nil {
			err = fitFiles(to, maxFiles(), logger)
		}
		return to, err
	}
	setMemory(loaded.Config.Herd.MemoryLimit)
	n, err := a.newNode(loaded, around{log: logger, supervisor: lonely{}, load: load, setLog: logs.set, setMemory: setMemory})
	if err != nil {
		return err
	}
	defer n.Close()
	notes := a.newNotifier(logger)
	notes.start(n)
	defer notes.end()
	defer reloadAt(hup, func() { notes.reload(func() { n.Reload() }) }).end()
	file := loaded.Config.ReadyFile
	if file != "" { // the ports are ours: whoever wrote it is dead
		os.Remove(file)
		defer os.Remove(file)
	}
	return serve(ctx, n, func() error {
		if file != "" {
			if err := writeReady(file, describe(loaded.Config.Name, n.Addrs())); err != nil {
				return err
			}
		}
		notes.ready()
		return nil
	})
}

// setMemory has Go's collector work harder before the process takes more than so many
// bytes, 0 for any number; unless the environment says what it is to do.
func setMemory(bytes int) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if bytes == 0 {
		bytes = math.MaxInt // as Go has it
	}
	debug.SetMemoryLimit(int64(bytes))
}

// lonely is the supervisor of a node that has a process to itself.
type lonely struct{}

// exitKilled is what a shell says of a process that kill -9 has ended.
const exitKilled = 137

// Kill ends the process: nothing is said to anybody, nothing is cleaned up.
func (lonely) Kill(_ string, d time.Duration) (func(), error) {
	if d > 0 {
		return nil, errors.New("a process that is killed can't start itself again")
	}
	return func() { os.Exit(exitKilled) }, nil
}

func (lonely) Restart(string) error {
	return errors.New("this node has its process to itself: whoever started the other one has to start it again")
}

func (lonely) Killed() []string { return nil }
