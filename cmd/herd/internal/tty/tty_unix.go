//go:build unix

package tty

import (
	"os"
	"os/signal"
	"syscall"
)

func prepare(*os.File) (undo func(), err error) { return func() {}, nil }

// NotifyResize has c told when the terminal may have another size, or may show something
// else because the program was stopped.
func NotifyResize(c chan<- os.Signal) { signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT) }
