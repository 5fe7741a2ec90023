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
		os.Exit(exitForced)
	}()
	return ctx
}
