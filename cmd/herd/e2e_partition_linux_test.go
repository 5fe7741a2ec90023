package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lab is a network of its own: hosts are network namespaces, on one of two
// switches with a cable between them. The switches are in a namespace too, so
// nothing outside can reach the lab, nothing inside can leave it, and it is gone
// with its namespaces.
//
//	h1 h2 ─ left ──cable── right ─ h3 h4 h5
type lab struct {
	t     *testing.T
	name  string
	hosts []*host
}

// newLab makes left + right hosts. It needs root and iproute2; without them the
// test is skipped, except in CI, where that would hide it.
func newLab(t *testing.T, left, right int) *lab {
	t.Helper()
	why := ""
	if _, err := exec.LookPath("ip"); err != nil {
		why = "network namespaces need iproute2"
	}
	if os.Geteuid() != 0 {
		why = "network namespaces need root"
	}
	if why != "" && os.Getenv("CI") == "" {
		t.Skip(why)
	}
	if why != "" {
		t.Fatal(why)
	}
	l := &lab{t: t, name: fmt.Sprintf("herd-%d", os.Getpid())}
	net := l.addNamespace("net")
	ip(t, net, "link add left type bridge\nlink add right type bridge\n"+
		"link add cable1 type veth peer name cable2\n"+
		"link set cable1 master left\nlink set cable2 master right\n"+
		"link set left up\nlink set right up\nlink set cable1 up\nlink set cable2 up\n")
	n := left + right
	for i := 1; i <= n; i++ {
		bridge := "left"
		if i > left {
			bridge = "right"
		}
		ns := l.addNamespace(fmt.Sprint(i))
		ip(t, net, fmt.Sprintf("link add port%d type veth peer name eth0 netns %s\nlink set port%d master %s up\n", i, ns, i, bridge))
		// Neighbours are fixed: a cut is silence, not "no route to host".
		config := "link set lo up\n" + fmt.Sprintf("link set eth0 address %s\naddr add %s/24 dev eth0\nlink set eth0 up\n", mac(i), addr(i))
		for j := 1; j <= n; j++ {
			if j != i {
				config += fmt.Sprintf("neigh replace %s lladdr %s nud permanent dev eth0\n", addr(j), mac(j))
			}
		}
		ip(t, ns, config)
		l.hosts = append(l.hosts, l.newHost(ns))
	}
	return l
}

// addr is the address of host i: of a block set aside for tests.
func addr(i int) string { return fmt.Sprintf("198.18.91.%d", i) }
func mac(i int) string  { return fmt.Sprintf("02:00:00:00:91:%02x", i) }

func (l *lab) addNamespace(suffix string) string {
	ns := l.name + "-" + suffix
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		l.t.Fatalf("ip netns add: %v: %s", err, out)
	}
	l.t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", ns).CombinedOutput(); err != nil {
			l.t.Errorf("ip netns del: %v: %s", err, out)
		}
	})
	return ns
}

// ip runs commands of ip(8) in a namespace.
func ip(t *testing.T, ns, commands string) {
	t.Helper()
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in %s, %q: %v: %s", ns, commands, err, out)
	}
}

// newHost is a namespace that can be reached from here.
func (l *lab) newHost(ns string) *host {
	l.t.Helper()
	h := &host{enter: []string{"ip", "netns", "exec", ns}}
	dir, err := os.MkdirTemp("", "relay") // a socket's path has to be short
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	h.dial = func(addr string) (net.Conn, error) { return relayDial(socket, addr) }
	cmd := h.command("relay", socket)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	until(l.t, "the relay listens", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	return h
}

func (l *lab) cut()  { ip(l.t, l.name+"-net", "link set cable1 down\n") }
func (l *lab) heal() { ip(l.t, l.name+"-net", "link set cable1 up\n") }

// Both sides of a partition answer and take fixes, of the same clients too. When
// it ends there is one view and one table.
func TestE2EPartition(t *testing.T) {
	l := newLab(t, 2, 3)
	var herd []*process
	for i, h := range l.hosts {
		s := spec{name: devName(i), host: h, key: testKey(t.Name())}
		s.client, s.gossip, s.http = addr(i+1)+":4131", addr(i+1)+":4132", addr(i+1)+":4133"
		if i > 0 {
			s.join = []string{herd[i-1].Ready.Gossip}
		}
		herd = append(herd, start(t, s))
	}
	settle(t, herd)
	left, right := herd[:2], herd[2:]
	for _, cut := range sizes().cuts {
		before := map[*process]int{}
		for _, p := range herd {
			before[p] = len(p.logText())
		}
		l.cut()
		end := time.After(cut)
		writers := startLoad(t, herd, 1000)
		ids := conflicts(t, left[1], right[1], end)
		for _, side := range [][]*process{left, right} {
			for _, p := range side {
				if !p.sees(side) {
					t.Logf("after a cut of %v %s still sees %v", cut, p.spec.name, p.view())
				}
			}
		}
		acked := writers.report(t)
		for id := range acked {
			ids = append(ids, id)
		}
		l.heal()
		view := settle(t, herd)
		example := ""
		equal := view + until(t, "all tables are equal", func() (same bool) {
			var err error
			if example, err = agree(herd, ids); err != nil {
				t.Fatal(err)
			}
			return example == ""
		})
		t.Logf("a cut of %v: one view %v after its end, equal tables of %d clients after %v", cut, view.Round(time.Millisecond), len(ids), equal.Round(time.Millisecond))
		checkAll(t, herd, acked)
		t.Logf("the story as %s tells it:\n%s", left[0].spec.name, left[0].logText()[before[left[0]]:])
	}
}

// conflicts reports the same clients with the same times on both sides, until
// the end. It gives their IDs.
func conflicts(t *testing.T, a, b *process, end <-chan time.Time) (ids []string) {
	t.Helper()
	both := sessions([]*process{a, b})
	beat := time.NewTicker(loadBeat)
	defer beat.Stop()
	for n := 0; ; n++ {
		select {
		case <-end:
			return ids
		case <-beat.C:
		}
		f := fixNow(fmt.Sprintf("both-%d", n%500))
		if n < 500 {
			ids = append(ids, f.id)
		}
		for _, s := range both {
			g := fixNow(f.id)
			g.time = f.time
			if _, err := s.report(g); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// relayDial connects to an address by way of a relay.
func relayDial(socket, addr string) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", socket, hang)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(conn, addr); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
