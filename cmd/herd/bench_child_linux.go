package main

import (
	"io"
	"os/exec"
	"syscall"
)

// setApart keeps Ctrl-C at the terminal from a child: its parent ends it.
func setApart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// lifeFlags are what bindLife needs of a node: nothing.
var lifeFlags []string

// bindLife has the kernel kill a child when the thread that starts it ends.
func bindLife(cmd *exec.Cmd) (io.Closer, error) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return noLife{}, nil
}

// askToEnd has a child leave.
func askToEnd(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }
