package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"herd/gossip/sockerr"
	"herd/node/load"
)

// spent is the CPU time of some processes in the measured time.
type spent struct {
	Seconds    float64 `json:"cpu_seconds"`
	PerMillion float64 `json:"cpu_seconds_per_million"` // commands
	Cores      float64 `json:"cores"`                   // kept busy, on average
}

// meter reads what processes spend between begin and end.
type meter struct {
	pids   []int
	before time.Duration
	after  time.Duration
}

// sum is what all have spent so far. One that is gone counts nothing: a run that
// lost it says so in other ways.
func (m *meter) sum() (total time.Duration) {
	for _, pid := range m.pids {
		t, _ := cpuTime(pid)
		total += t
	}
	return total
}

func (m *meter) begin() { m.before = m.sum() }
func (m *meter) end()   { m.after = m.sum() }

// spent is nil if there is nothing to tell.
func (m *meter) spent(seconds, commands float64) *spent {
	if !canMeter || len(m.pids) == 0 || seconds == 0 {
		return nil
	}
	cpu := max(m.after-m.before, 0).Seconds()
	s := &spent{Seconds: cpu, Cores: cpu / seconds}
	if commands > 0 {
		s.PerMillion = cpu / commands * 1e6
	}
	return s
}

// loadReport is what --json prints in the mode load.
type loadReport struct {
	Mode        string   `json:"mode"`
	Protocol    string   `json:"protocol"`
	Addrs       []string `json:"addrs"`
	Nodes       int      `json:"nodes,omitempty"` // of a herd of its own
	Connections int      `json:"connections"`
	Clients     int      `json:"clients"`
	Rate        int      `json:"rate"`     // 0: the closed loop
	Pipeline    int      `json:"pipeline"` // 0: the open loop
	Mix         string   `json:"mix,omitempty"`
	load.Result
	Server    *spent `json:"server,omitempty"`
	Generator *spent `json:"generator,omitempty"`
}

// makeThreads has the runtime run as much at once as there are cores though some
// threads wait in system calls for the next command to be due. It returns what
// undoes it.
func makeThreads(n int) (undo func()) {
	before := runtime.GOMAXPROCS(runtime.NumCPU() + n)
	return func() { runtime.GOMAXPROCS(before) }
}

func (b *benchVerb) runLoad(ctx context.Context) error {
	end, err := b.startServers(ctx, b.alone())
	if err != nil {
		return err
	}
	defer end()
	report, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return b.show(report)
}

// measure runs the load.
func (b *benchVerb) measure(ctx context.Context) (*loadReport, error) {
	defer makeThreads(load.Pacers())()
	server, self := &meter{pids: b.pids}, &meter{pids: []int{os.Getpid()}}
	c := b.load
	p := newProgress(b.app.stderr, c.Duration)
	c.Begin = func() { server.begin(); self.begin() }
	c.End = func() { server.end(); self.end() }
	c.Progress = p.second
	if c.Queries > 0 || c.Near {
		p.say("storing clients")
	} else {
		p.say("connecting")
	}
	result, err := load.Run(ctx, c)
	p.done()
	if err != nil {
		return nil, unreachable(err)
	}
	r := &loadReport{
		Mode: b.mode, Protocol: b.protocol, Addrs: c.Addrs, Nodes: b.started,
		Connections: c.Connections, Clients: c.Clients, Rate: c.Rate, Result: *result,
	}
	if c.Rate == 0 {
		r.Pipeline = max(c.Pipeline, 1)
	}
	if c.Protocol == load.Herd && !c.Near {
		r.Mix = b.mix
	}
	done := result.PerSecond * result.Seconds
	r.Server, r.Generator = server.spent(result.Seconds, done), self.spent(result.Seconds, done)
	return r, nil
}

// unreachable gives an error of dialing its exit code.
func unreachable(err error) error {
	if errors.Is(err, load.ErrHandshake) {
		return &exit{exitUnreachable, err}
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		return err
	}
	if sockerr.Is(err, syscall.EADDRNOTAVAIL) {
		err = fmt.Errorf("%w: it is no address of this machine, or has no ports left: give several with --source", err)
	}
	return &exit{exitUnreachable, err}
}

// show prints the report and says whether all was well.
func (b *benchVerb) show(r *loadReport) error {
	if b.json {
		if err := printJSON(b.app.stdout, r); err != nil {
			return err
		}
	} else if err := b.printLoad(r); err != nil {
		return err
	}
	if r.Good() {
		return nil
	}
	return &exit{exitFailed, errors.New(faults(&r.Result))}
}
