// Command herd runs the nodes of a herd and talks to them. It holds wiring,
// output and exit codes; what a herd does is in the packages it joins.
//
// Each verb has a file of its name, or several whose names begin with it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx := interruptible()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ()))
}

// interruptible is done at the first SIGINT or SIGTERM: the verb then ends in
// its own time. The second one is from somebody who will not wait.
func interruptible() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx
}

// outliveReaders has a write fail that nobody reads, of a verb that has something to finish: else Go ends
// the process at the first one to standard output or error. For the rest of its life, for what
// the verb has failed at is written last.
func outliveReaders() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // that it is taken counts, not who hears of it
}
