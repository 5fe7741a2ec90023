//go:build !unix && !windows

package tty

import "os"

func prepare(*os.File) (undo func(), err error) { return func() {}, nil }

// NotifyResize does nothing: there is no such signal.
func NotifyResize(chan<- os.Signal) {}
