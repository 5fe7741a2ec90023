//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// A bench that is killed takes its nodes with it.
func TestE2EBenchKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), herdBinary(t), "bench", "--nodes", "2", "--rate", "200", "--duration", "1h")
	cmd.Env = append(environ(), "TMPDIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var nodes []readyNode
	until(t, "the nodes are ready", func() bool {
		nodes = nil
		files, _ := filepath.Glob(filepath.Join(dir, "herd-bench-*", "*.json"))
		for _, file := range files {
			var n readyNode
			text, err := os.ReadFile(file)
			if err != nil || json.Unmarshal(text, &n) != nil {
				return false
			}
			nodes = append(nodes, n)
		}
		return len(nodes) == 2
	})
	cmd.Process.Kill()
	cmd.Wait()
	until(t, "the nodes are gone", func() bool {
		for _, n := range nodes {
			p := &process{t: t, Ready: n}
			if conn, err := p.dial(n.Client); err == nil {
				conn.Close()
				return false
			}
		}
		return true
	})
}

// Where the kernel does not do that, a node sees it by its input.
func TestE2ELeaveWithInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready.json")
	cmd := exec.CommandContext(t.Context(), herdBinary(t), "node", "--name", "Clark", "--ready-file", file, "--"+inputFlag,
		"--client-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	cmd.Env = environ()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the node is ready", func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
	input.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the node ended with %v", err)
	}
}

// Children outlive the thread that asked for them, not the set they are in.
func TestChildren(t *testing.T) {
	c, err := newChildren()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		_, err := c.start(exec.Command("sleep", "60"))
		started <- err
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if _, err := c.start(exec.Command(filepath.Join(c.dir, "missing"))); err == nil {
		t.Error("what is not there was started")
	}
	if err := c.all[0].cmd.Process.Signal(os.Signal(nil)); err == nil {
		t.Error("no signal is one")
	}
	c.end()
	if status := c.all[0].cmd.ProcessState.String(); status != "signal: terminated" {
		t.Errorf("the child ended with %q", status)
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}
