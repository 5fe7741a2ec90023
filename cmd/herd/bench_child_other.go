//go:build !linux

package main

import (
	"io"
	"os/exec"
)

// lifeFlags have a node see that its parent is gone.
var lifeFlags = []string{"--" + inputFlag}

// bindLife gives a child an input that ends when this process does, however it does.
func bindLife(cmd *exec.Cmd) (io.Closer, error) { return cmd.StdinPipe() }
