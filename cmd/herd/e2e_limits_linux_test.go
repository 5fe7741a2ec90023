package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitTime is how long a node has to live with too little.
const limitTime = 5 * time.Second

// diskFull has no room on the disk that a node logs to, when there is much to log. Its
// clients don't notice.
func diskFull(r *faultRun) {
	const i = 4
	filler := filepath.Join(r.logs, "filler")
	over := r.rec.Fault("disk full elsewhere, kill -9", r.nodes[0].name)
	if err := r.lab.Hosts[i].WriteFile(filler, make([]byte, 2*logDisk)); err == nil {
		r.t.Fatal("the disk is not full")
	}
	r.kill(0)
	r.restart(0)
	r.whole()
	if err := r.lab.Hosts[i].WriteFile(filler, nil); err != nil {
		r.t.Fatal(err)
	}
	over()
	r.falseDeaths(r.nodes[0].name)
}

// noDescriptors leaves a node no free file descriptor, while many connect to it. Its
// gossip goes on with what it has, and clients can connect when there are some again.
func noDescriptors(r *faultRun) {
	const i, strangers = 2, 50
	p := r.procs[i]
	pid := p.cmd.Process.Pid
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		r.t.Fatal(err)
	}
	var was unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &was); err != nil {
		r.t.Fatal(err)
	}
	over := r.rec.Fault("no free descriptors", p.spec.name)
	r.stands(p.spec.name, true)
	few := unix.Rlimit{Cur: uint64(len(open)), Max: was.Max}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		r.t.Fatal(err)
	}
	var conns []net.Conn
	for range strangers {
		conn, err := p.dial(p.Ready.Client) // the kernel takes it, whoever will
		if err != nil {
			r.t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	r.wait(limitTime)
	for _, conn := range conns {
		conn.Close()
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &was, nil); err != nil {
		r.t.Fatal(err)
	}
	freed := time.Now()
	until(r.t, "clients can connect again", func() bool {
		s, err := p.open()
		if err != nil {
			return false
		}
		defer s.conn.Close()
		_, err = s.report(fixNow("after-descriptors"))
		return err == nil
	})
	r.took("clients can connect again", time.Since(freed), 2*time.Second)
	r.stands(p.spec.name, false)
	over()
	r.whole()
	r.falseDeaths()
}

// littleCPU gives a node a twentieth of a core.
func littleCPU(r *faultRun) {
	const i = 3
	p := r.procs[i]
	over := r.rec.Fault("5 % of a core", p.spec.name)
	r.stands(p.spec.name, true)
	_, free := r.limit(p.cmd.Process.Pid, bound{"cpu", [3]string{"cpu.cfs_quota_us", "5000", "-1"}, [3]string{"cpu.max", "5000", "max"}})
	r.wait(4 * limitTime)
	free()
	r.stands(p.spec.name, false)
	over()
	r.whole()
	r.falseDeaths(p.spec.name)
}

// littleMemory lets a node have hardly more memory than it has, and has clients come to it that
// need more. The kernel kills it as a rule.
func littleMemory(r *faultRun) {
	const i = 3
	p := r.procs[i]
	over := r.rec.Fault("1 MiB more memory", p.spec.name)
	r.stands(p.spec.name, true)
	few := strconv.Itoa(1 << 20) // what it has is not charged to the group
	group, free := r.limit(p.cmd.Process.Pid, bound{"memory", [3]string{"memory.limit_in_bytes", few, "-1"}, [3]string{"memory.max", few, "max"}})
	for i := 0; i < 50 && !memoryFailed(group); i++ {
		throng(p, fmt.Sprint("crowd-", i, "-"))
	}
	r.wait(2 * limitTime)
	if !memoryFailed(group) {
		r.t.Error("the limit was not met")
	}
	free()
	killed := false
	until(r.t, "the node serves again, or has ended", func() bool {
		select {
		case <-p.ended:
			killed = true
			return true
		default:
		}
		_, _, err := p.get("/livez")
		return err == nil
	})
	if killed {
		r.t.Logf("the kernel killed %s", p.spec.name)
		r.restart(i)
	}
	r.stands(p.spec.name, false)
	over()
	r.whole()
	r.falseDeaths(p.spec.name)
}

// throng has a thousand clients report to a node. It may be killed meanwhile.
func throng(p *process, prefix string) {
	s, err := p.open()
	if err != nil {
		return
	}
	defer s.conn.Close()
	s.conn.SetDeadline(time.Now().Add(limitTime))
	for i := range 1000 {
		if _, err := s.report(fixNow(prefix + strconv.Itoa(i))); err != nil {
			return
		}
	}
}

// memoryFailed tells whether a control group has wanted more memory than it may have.
func memoryFailed(group string) bool {
	if n, err := os.ReadFile(filepath.Join(group, "memory.failcnt")); err == nil {
		return strings.TrimSpace(string(n)) != "0"
	}
	events, _ := os.ReadFile(filepath.Join(group, "memory.events"))
	return regexp.MustCompile(`(?m)^max [1-9]`).Match(events)
}

// bound is what a control group bounds: in each version of them the file, and what is in it with the
// bound and without.
type bound struct {
	controller string
	v1, v2     [3]string
}

// limit puts a process into a control group of its own until free.
func (r *faultRun) limit(pid int, b bound) (group string, free func()) {
	r.t.Helper()
	const all = "/sys/fs/cgroup"
	write := func(dir, file, text string) error {
		return os.WriteFile(filepath.Join(dir, file), []byte(text), 0)
	}
	root, file := filepath.Join(all, b.controller), b.v1
	home := root
	if _, err := os.Stat(filepath.Join(all, "cgroup.controllers")); err == nil { // version 2
		root, file = all, b.v2
		err = write(root, "cgroup.subtree_control", "+"+b.controller)
		was, readErr := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err = errors.Join(err, readErr); err != nil {
			r.t.Skipf("no control group: %v", err)
		}
		home = filepath.Join(root, strings.TrimPrefix(strings.TrimSpace(string(was)), "0::"))
	}
	group = filepath.Join(root, fmt.Sprintf("herd-%d", pid))
	if err := os.Mkdir(group, 0o755); err != nil {
		r.t.Skipf("no control group: %v", err)
	}
	free = func() {
		write(group, file[0], file[2])
		write(home, "cgroup.procs", strconv.Itoa(pid)) // unless it is dead
		until(r.t, "the control group is empty", func() bool {
			err := os.Remove(group)
			return err == nil || os.IsNotExist(err)
		})
	}
	r.t.Cleanup(func() { os.Remove(group) })
	err := write(group, "cgroup.procs", strconv.Itoa(pid))
	if err == nil {
		err = write(group, file[0], file[1])
	}
	if err != nil {
		free()
		r.t.Fatalf("limit %s: %v", b.controller, err)
	}
	return group, free
}
