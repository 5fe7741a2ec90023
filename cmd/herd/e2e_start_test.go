//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The first node of a herd is ready at once, says so in its ready file and over
// HTTP, and takes the file away when it ends.
func TestE2EReady(t *testing.T) {
	p := launch(t, spec{name: "Clark"})
	t.Logf("the first node is ready after %v", p.waitReady().Round(time.Millisecond))
	if p.Ready.Name != "Clark" || p.Ready.PID != p.cmd.Process.Pid {
		t.Errorf("ready file: %+v", p.Ready)
	}
	for _, addr := range []string{p.Ready.Client, p.Ready.Gossip, p.Ready.HTTP} {
		conn, err := p.dial(addr)
		if err != nil {
			t.Errorf("%+v: %v", p.Ready, err)
			continue
		}
		conn.Close()
	}
	for _, path := range []string{"/livez", "/readyz", "/readyz?verbose", "/metrics", "/v1/members", "/v1/self"} {
		if status, body, err := p.get(path); status != 200 || len(body) == 0 || err != nil {
			t.Errorf("%s: %d %q %v", path, status, body, err)
		}
	}
	if code, _ := p.stop(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if left, err := os.ReadDir(filepath.Dir(p.file)); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Who stops reading what a node says, as a tee does that gets the same Ctrl-C, ends nothing: the node
// goes on, and leaves when it is told to.
func TestE2EReaderGone(t *testing.T) {
	anywhere := []string{"HERD_CLIENT_ADDR=127.0.0.1:0", "HERD_GOSSIP_ADDR=127.0.0.1:0", "HERD_HTTP_ADDR=127.0.0.1:0"}
	for verb, last := range map[string]string{
		"node --name Clark":           "",
		"dev --nodes 2 --base-port 0": "\nTry: ",
	} {
		file := filepath.Join(t.TempDir(), "ready.json")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(herdBinary(t), append(strings.Fields(verb), "--log-level", "debug", "--ready-file", file)...)
		cmd.Env, cmd.Stdout, cmd.Stderr = append(environ(), anywhere...), w, w
		err = cmd.Start()
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		var said output
		read := make(chan struct{})
		go func() { // until r is closed
			defer close(read)
			io.Copy(&said, r)
		}()
		until(t, "herd "+verb+" is ready", func() bool {
			_, err := os.Stat(file)
			return err == nil && strings.Contains(said.String(), last)
		})
		r.Close()
		<-read
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("herd %s: %v", verb, err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("herd %s has left its ready file behind", verb)
		}
	}
}

// A port that is taken is named with its flag.
func TestE2EPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for flag, s := range map[string]spec{
		"--client-addr": {name: "Clark", client: addr},
		"--gossip-addr": {name: "Clark", gossip: addr},
		"--http-addr":   {name: "Clark", http: addr},
	} {
		p := launch(t, s)
		code, text := p.exitCode(), p.logText()
		if code != exitFailed || !strings.Contains(text, flag) || !strings.Contains(text, addr) {
			t.Errorf("%s: exit code %d and %q", flag, code, text)
		}
	}
}

// A seed that does not answer is no error: the node says so, serves, keeps
// trying, and is part of the herd when the seed is there.
func TestE2ESeedComesLater(t *testing.T) {
	key := testKey(t.Name())
	seed := start(t, spec{name: "Bailey", key: key})
	seed.kill()
	p := launch(t, spec{name: "Clark", key: key, join: []string{seed.Ready.Gossip}})
	t.Logf("ready %v after its start, alone", p.waitReady().Round(time.Millisecond))
	p.waitLog("[WARN]")
	f := fixNow("early")
	if _, err := p.session().report(f); err != nil {
		t.Fatal(err)
	}
	seed = start(t, seed.same())
	t.Logf("together %v after the seed was ready", settle(t, []*process{seed, p}).Round(time.Millisecond))
	checkAll(t, []*process{seed, p}, book{f.id: f})
}

// What was asked for did not come true: exit code 4. There is no node: 3.
func TestE2EExitCodes(t *testing.T) {
	p := start(t, spec{name: "Clark"})
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitDone, []string{"members", "--http-addr", p.Ready.HTTP}},
		{exitDone, []string{"members", "--http-addr", p.Ready.HTTP, "--wait", "1"}},
		{exitUnmet, []string{"members", "--http-addr", p.Ready.HTTP, "--wait", "2", "--timeout", "1s"}},
		{exitDone, []string{"send", p.Ready.Client, "HELLO"}},
		{exitDone, []string{"leave", "--http-addr", p.Ready.HTTP}},
		{exitUnreachable, []string{"leave", "--http-addr", p.Ready.HTTP}},
		{exitUnreachable, []string{"send", p.Ready.Client, "HELLO"}},
	} {
		if code, out := herdVerb(t, c.args...); code != c.code {
			t.Errorf("herd %s: exit code %d, want %d: %s", strings.Join(c.args, " "), code, c.code, out)
		}
	}
}
