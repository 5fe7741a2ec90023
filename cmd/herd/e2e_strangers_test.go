//go:build unix

package main

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unharmed checks that the herd is what it was: nobody else in it, fixes get
// everywhere, and its logs grew by a few lines at most.
func unharmed(t *testing.T, herd []*process, lines map[*process]int) {
	t.Helper()
	settle(t, herd)
	pairs(t, herd, 100)
	for _, p := range herd {
		more := strings.Count(p.logText(), "\n") - lines[p]
		t.Logf("%s: %d more lines of log, %.0f MiB of memory", p.spec.name, more, p.metrics()["process_resident_memory_bytes"]/(1<<20))
		if more > maxNoise {
			t.Errorf("%s logged %d lines about strangers", p.spec.name, more)
		}
		if states := p.view(); len(states) != len(herd) {
			t.Errorf("%s knows %v", p.spec.name, states)
		}
	}
}

// maxNoise is how many lines a node may log in the minute that a stranger takes
// to try all it can: one of each kind.
const maxNoise = 12

func logLines(herd []*process) map[*process]int {
	lines := map[*process]int{}
	for _, p := range herd {
		lines[p] = strings.Count(p.logText(), "\n")
	}
	return lines
}

// Two nodes without a key in common stay apart: both run on, and both say once a
// minute who it is.
func TestE2EWrongKey(t *testing.T) {
	herd := startHerd(t, 3)
	before := logLines(herd)
	seed := herd[1]
	refused := func() float64 { return seed.metrics()[`herd_gossip_streams_refused_total{reason="wrong_key"}`] }
	for _, s := range []spec{{name: "Intruder", key: testKey("another")}, {name: "Keyless"}} {
		s.join = []string{seed.Ready.Gossip}
		first := refused()
		p := launch(t, s)
		p.waitLog("wrong gossip key")
		p.waitLog(seed.spec.name) // the peer is named
		until(t, s.name+" tries again and again", func() bool { return refused() >= first+3 })
		for _, log := range []string{p.logText(), seed.logText()} {
			if n := strings.Count(log, "wrong gossip key"); n > 3 {
				t.Errorf("said %d times in seconds", n)
			}
		}
		select {
		case <-p.ended:
			t.Errorf("%s has ended: %v", s.name, p.cmd.ProcessState)
		default:
		}
		if code, _ := p.stop(syscall.SIGTERM); code != exitDone {
			t.Errorf("%s: exit code %d", s.name, code)
		}
	}
	if !strings.Contains(seed.logText(), "Intruder") { // the other may come within the same minute
		t.Errorf("%s does not say who has a wrong key", seed.spec.name)
	}
	unharmed(t, herd, before)
}

// maxFlood is how much memory a node may take on for all that a stranger sends it: an
// eighth of a MiB for each of the streams that have proved nothing, and what the collector leaves.
const maxFlood = 32 << 20

// A stranger at the gossip port gets nowhere and costs little: junk, packets,
// connections that say nothing, messages that say that they are 20 MiB long, TLS without a
// proof. Meanwhile a node joins, and nobody is taken for dead.
func TestE2EStranger(t *testing.T) {
	herd := startHerd(t, 3)
	before := logLines(herd)
	target := herd[0].Ready.Gossip
	memory := func() float64 { return herd[0].metrics()["process_resident_memory_bytes"] }
	memory() // the first answer takes some itself
	least, most := memory(), 0.0
	hold := func(conn net.Conn, err error) net.Conn {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(hang))
		return conn
	}
	var held []net.Conn
	for range 200 { // half-open: they never say a word
		held = append(held, hold(net.Dial("tcp", target)))
	}
	for range 200 { // as long as memberlist takes them: alone, it would make room for all of it
		conn := hold(net.Dial("tcp", target))
		conn.Write([]byte{10, 0x01, 0x40, 0, 0, 1, 2, 3})
		held = append(held, conn)
	}
	most = max(most, memory())
	for range 20 {
		junk := make([]byte, 64<<10)
		rand.Read(junk)
		conn := hold(net.Dial("tcp", target))
		conn.Write(junk) // it may hang up in the middle
		held = append(held, conn)
	}
	for range 20 {
		conn := tls.Client(hold(net.Dial("tcp", target)), &tls.Config{InsecureSkipVerify: true})
		if err := conn.Handshake(); err != nil {
			t.Error(err)
		}
		held = append(held, conn) // and no proof
	}
	packets := hold(net.Dial("udp", target))
	for i := range 20_000 {
		junk := make([]byte, i%1400)
		rand.Read(junk)
		packets.Write(junk)
	}
	most = max(most, memory())
	newcomer := start(t, spec{name: "Newcomer", key: testKey(t.Name()), join: []string{target}})
	t.Logf("%v to join meanwhile", newcomer.waitReady().Round(time.Millisecond))
	herd = append(herd, newcomer)
	before[newcomer] = strings.Count(newcomer.logText(), "\n")
	pairs(t, herd, 100) // meanwhile
	most = max(most, memory())
	buf := make([]byte, 64<<10)
	for _, conn := range held {
		for err := error(nil); err == nil; { // until it hangs up
			if _, err = conn.Read(buf); isTimeout(err) {
				t.Fatalf("a stranger has been suffered for %v", hang)
			}
		}
	}
	t.Logf("%+.1f MiB of memory", (most-least)/(1<<20))
	if most-least > maxFlood {
		t.Errorf("a stranger makes a node grow from %.0f MiB to %.0f MiB", least/(1<<20), most/(1<<20))
	}
	for _, p := range herd {
		if n := strings.Count(p.logText(), "member has failed"); n > 0 {
			t.Errorf("%s has taken a member for dead %d times", p.spec.name, n)
		}
	}
	m := herd[0].metrics()
	for _, series := range []string{"herd_gossip_streams_refused_total", `herd_gossip_packets_total{result="junk"}`} {
		n := sum(m, series)
		if strings.Contains(series, "{") {
			n = m[series]
		}
		if n == 0 {
			t.Errorf("%s is 0", series)
		}
		t.Logf("%s %.0f", series, n)
	}
	if n := m["herd_gossip_streams_unproved"]; n != 0 {
		t.Errorf("%v strangers are still there", n)
	}
	unharmed(t, herd, before)
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// A node whose name is taken does not start, and says who has it.
func TestE2ENameTaken(t *testing.T) {
	herd := startHerd(t, 3)
	before := logLines(herd)
	for _, through := range []int{0, 2} { // the holder itself, and another
		s := spec{name: herd[2].spec.name, key: testKey(t.Name()), join: []string{herd[through].Ready.Gossip}}
		p := launch(t, s)
		code, text := p.exitCode(), p.logText()
		if code != exitFailed || !strings.Contains(text, s.name) || !strings.Contains(text, herd[2].Ready.Gossip) {
			t.Errorf("exit code %d: %s", code, text)
		}
	}
	for _, p := range herd {
		if states := p.view()[herd[2].spec.name]; !slices.Contains(states, "alive") || len(states) != 1 {
			t.Errorf("%s sees %v", p.spec.name, states)
		}
	}
	unharmed(t, herd, before)
}
