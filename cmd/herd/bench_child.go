package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

const (
	startPatience = time.Minute      // for a server to be ready
	endPatience   = 10 * time.Second // for one to leave
)

// children are the servers that a bench has started, each a process. They end with the
// bench, however that ends.
type children struct {
	dir    string // of their files
	all    []*child
	starts chan func()
	thread sync.WaitGroup
}

// child is a process that a bench has started.
type child struct {
	cmd   *exec.Cmd
	life  io.Closer // see bindLife
	begun time.Time
	ended chan struct{} // closed when the process is gone
}

// newChildren makes an empty set. The caller owes an end.
func newChildren() (*children, error) {
	dir, err := os.MkdirTemp("", "herd-bench-")
	if err != nil {
		return nil, err
	}
	c := &children{dir: dir, starts: make(chan func())}
	// Linux takes a child for bereft when the thread that has started it is gone, and
	// Go ends threads as it likes, but not this one.
	c.thread.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for start := range c.starts {
			start()
		}
	})
	return c, nil
}

// start starts a process.
func (c *children) start(cmd *exec.Cmd) (*child, error) {
	setApart(cmd)
	p := &child{cmd: cmd, ended: make(chan struct{})}
	var err error
	if p.life, err = bindLife(cmd); err != nil {
		return nil, err
	}
	started := make(chan error)
	c.starts <- func() {
		p.begun = time.Now()
		started <- cmd.Start()
	}
	if err := <-started; err != nil {
		p.life.Close()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	c.all = append(c.all, p)
	go func() { // ends with the process, which end waits for
		cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// end has all leave and waits until they are gone.
func (c *children) end() {
	var leaving sync.WaitGroup
	for _, p := range c.all {
		leaving.Go(func() {
			if askToEnd(p.cmd) != nil {
				p.cmd.Process.Kill()
			}
			select {
			case <-p.ended:
			case <-time.After(endPatience):
				p.cmd.Process.Kill()
				<-p.ended
			}
			p.life.Close()
		})
	}
	leaving.Wait()
	close(c.starts)
	c.thread.Wait()
	os.RemoveAll(c.dir)
}

// noLife is a life that needs no care.
type noLife struct{}

func (noLife) Close() error { return nil }
