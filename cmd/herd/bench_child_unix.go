//go:build unix && !linux

package main

import (
	"os/exec"
	"syscall"
)

// setApart keeps Ctrl-C at the terminal from a child: its parent ends it.
func setApart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// askToEnd has a child leave.
func askToEnd(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }
