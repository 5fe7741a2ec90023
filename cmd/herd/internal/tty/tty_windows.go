package tty

import (
	"os"

	"golang.org/x/sys/windows"
)

// prepare has the console understand escape sequences.
func prepare(out *os.File) (undo func(), err error) {
	console := windows.Handle(out.Fd())
	var was uint32
	if err := windows.GetConsoleMode(console, &was); err != nil {
		return nil, err
	}
	const more = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	if err := windows.SetConsoleMode(console, was|more); err != nil {
		return nil, err
	}
	return func() { windows.SetConsoleMode(console, was) }, nil
}

// NotifyResize does nothing: a console sends no signals. Ask for the size now and then.
func NotifyResize(chan<- os.Signal) {}
