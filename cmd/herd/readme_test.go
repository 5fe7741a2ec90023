//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// The README, and some other pages, are sessions at two terminals or three. Their console
// blocks are run in order: "$ " begins a command, what follows is its output. "herd dev" and
// "herd walk" stay in terminals of their own until a line "^C"; all else goes to one shell, as it would
// be pasted. The output must be what the page says, but for what differs from run to run (see vary).
//
// With -update the page is given the output.
func TestREADME(t *testing.T) {
	for _, page := range []string{"README.md", "cmd/herd/docs/api.md", "cmd/herd/docs/how-it-works.md", "cmd/herd/docs/teaching.md"} {
		t.Run(path.Base(page), func(t *testing.T) {
			t.Parallel() // they wait most of the time
			runPage(t, filepath.Join(root, page))
		})
	}
}

func runPage(t *testing.T, page string) {
	name := filepath.Base(page)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	s := newTerminals(t)
	var updated strings.Builder
	var step *step
	steps, inside := 0, false
	end := func() { // of a step: run it
		if step == nil {
			return
		}
		steps++
		got := s.run(*step)
		if vary(got) != vary(step.output) && !*update {
			t.Errorf("%s:%d: %s\ngot:\n%s\nthe page says:\n%s", name, step.line, step.command, got, step.output)
		}
		updated.WriteString(got)
		step = nil
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		switch {
		case !inside:
			inside = line == "```console\n"
			updated.WriteString(line)
		case line == "```\n":
			end()
			inside = false
			updated.WriteString(line)
		case strings.HasPrefix(line, "$ "), line == "^C\n":
			end()
			step = newStep(n, line)
			updated.WriteString(line)
		case step == nil:
			t.Fatalf("%s:%d: output of no command", name, n)
		default:
			step.output += line
		}
	}
	if steps == 0 {
		t.Error("the page has no console blocks")
	}
	if *update {
		if err := os.WriteFile(page, []byte(updated.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// step is a command of the page and what it prints. "^C" has no command.
type step struct {
	line    int
	command string
	output  string
}

func newStep(number int, line string) *step {
	command, isCommand := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ ")
	if !isCommand {
		command = ""
	}
	return &step{line: number, command: command}
}

// vary takes out what no page can know: clocks, and the widths that follow.
func vary(s string) string {
	for _, v := range []struct{ pattern, with string }{
		{`(?m)^(AT \S+) [+-]\d+\.\d{9} `, "$1 +0.000000000 "},
		{`(yes +)(?:-|[+-][\d.]+m?s) `, "${1}+0s "}, // the clock of a peer, which may not be known yet
		{`\b(\d+h)?(\d+m)?\d+s\b`, "0s"},
		{`"(since|started|received)":"[^"]*"`, `"$1":"2026-01-02T03:04:05Z"`},
		{`"skew_seconds":"[^"]*"`, `"skew_seconds":"+0.000000000"`},
		{`"AT (\S+) [+-]\d+\.\d{9} `, `"AT $1 +0.000000000 `},
		{`"(origin|id)":"[0-9a-f]{16}(-\d+)?"`, `"$1":"0000000000000000"`},
		{`(?m)^id: .*$`, "id: 0"},
		{`(?m)^\{"now":.*$`, `{"now": and figures}`},
		{`(\S)  +`, "$1  "},
	} {
		s = regexp.MustCompile(v.pattern).ReplaceAllString(s, v.with)
	}
	return s
}

// terminals are the reader's: one with a herd in it, and a shell.
type terminals struct {
	t    *testing.T
	dir  string
	base int // the port that stands for 4131

	dev     *exec.Cmd
	devOut  *output
	devSeen int // bytes of devOut that have been compared

	walk *exec.Cmd // nil: nobody walks

	shell   io.Writer
	shellOu *bufio.Reader
}

func newTerminals(t *testing.T) *terminals {
	s := &terminals{t: t, dir: t.TempDir(), base: freeBase(t)}
	bin := herdBinary(t)
	if err := os.Symlink(bin, filepath.Join(s.dir, "herd")); err != nil {
		t.Fatal(err)
	}
	sh := exec.Command("sh")
	sh.Dir = s.dir
	sh.Env = append(readerEnv(), "PATH="+s.dir+":"+os.Getenv("PATH"), // where a node is unless told otherwise
		"HERD_CLIENT_ADDR="+s.addr(0), "HERD_GOSSIP_ADDR="+s.addr(1), "HERD_HTTP_ADDR="+s.addr(2))
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to end what it starts as well
	in, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sh.Stdout, sh.Stderr = w, w
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-sh.Process.Pid, syscall.SIGKILL)
		sh.Wait()
		r.Close()
	})
	s.shell, s.shellOu = in, bufio.NewReader(r)
	return s
}

// readerEnv is the environment of the nodes that the shell starts. A machine that stands still for the
// ack timeout that they have by default puts members out of sync, which then answer what no page says.
func readerEnv() []string { return append(environ(), "HERD_ACK_TIMEOUT=2s") }

// freeBase finds ports for what the page puts at 4131 to 4179.
func freeBase(t *testing.T) int {
	t.Helper()
next:
	for {
		base := 2131 + 100*int(bases.Add(1)-1)
		if base >= 9950 {
			t.Fatal("there are no free ports")
		}
		for port := base; port < base+50; port++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				continue next
			}
			l.Close()
		}
		return base
	}
}

// bases counts the ranges of ports that were tried: no two pages have the same.
var bases atomic.Int32

func (s *terminals) addr(offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.base+offset))
}

var portPattern = regexp.MustCompile(`127\.0\.0\.1:(\d{4})\b`)

// shift adds by to all ports.
func shift(text string, by int) string {
	return portPattern.ReplaceAllStringFunc(text, func(addr string) string {
		port, err := strconv.Atoi(addr[len("127.0.0.1:"):])
		if err != nil {
			panic(err) // the pattern has digits
		}
		return fmt.Sprintf("127.0.0.1:%04d", port+by)
	})
}

// patiently has commands wait for longer than a reader would: a busy machine may be late.
func patiently(command string) string {
	command = regexp.MustCompile(`members --wait \d+`).ReplaceAllString(command, "$0 --timeout 1m")
	return strings.ReplaceAll(command, "--max-time 1 ", "--max-time 5 ")
}

// run runs a step and gives what it printed, with the page's ports.
func (s *terminals) run(step step) string {
	s.t.Helper()
	by := s.base - 4131
	command := shift(patiently(strings.ReplaceAll(step.command, "go run ./cmd/herd", "./herd")), by)
	var got string
	switch {
	case command == "":
		got = s.interrupt()
	case strings.HasPrefix(command, "./herd dev"), strings.HasPrefix(command, "herd dev"):
		got = s.startDev(command)
	case strings.HasPrefix(command, "./herd walk") && !strings.HasSuffix(command, "walk=$!"):
		s.startWalk(command)
	default:
		got = s.inShell(command)
	}
	return shift(got, -by)
}

// startDev starts a herd in a terminal of its own and waits for its last line.
func (s *terminals) startDev(command string) string {
	s.t.Helper()
	args := append(strings.Fields(command)[1:], "--base-port", strconv.Itoa(s.base))
	s.dev, s.devOut = exec.Command(herdBinary(s.t), args...), &output{}
	s.dev.Env = environ()
	log := &output{} // a busy machine may have the nodes warn of each other; no page knows
	s.dev.Stdout, s.dev.Stderr = s.devOut, log
	if err := s.dev.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.dev.Process.Kill()
		s.dev.Wait()
		s.t.Logf("log of %s:\n%s", command, log)
	})
	until(s.t, "herd dev is ready", func() bool { return strings.Contains(s.devOut.String(), "\nTry: ") })
	text := s.devOut.String()
	s.devSeen = len(text)
	return text
}

// startWalk has clients walk, and waits until nodes have heard of some.
func (s *terminals) startWalk(command string) {
	s.t.Helper()
	s.walk = exec.Command(herdBinary(s.t), append(strings.Fields(command)[1:], "--http-addr", s.addr(2))...)
	out := &output{}
	s.walk.Env, s.walk.Stdout, s.walk.Stderr = environ(), out, out
	if err := s.walk.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.walk.Process.Kill()
		s.walk.Wait()
		s.t.Logf("%s:\n%s", command, out)
	})
	until(s.t, "clients walk", func() bool {
		return s.inShell("./herd clients --prefix walker- --limit 1") != "" // it has a head
	})
}

// interrupt ends the walk, whose figures no page knows, and the herd.
func (s *terminals) interrupt() string {
	s.t.Helper()
	if s.dev == nil {
		s.t.Fatal("^C, but there is nothing to interrupt")
	}
	if s.walk != nil {
		s.walk.Process.Signal(os.Interrupt)
		s.walk.Wait()
	}
	s.dev.Process.Signal(os.Interrupt)
	if err := s.dev.Wait(); err != nil {
		s.t.Errorf("herd dev: %v", err)
	}
	return s.devOut.String()[s.devSeen:]
}

// inShell gives the shell a command and reads what it prints.
func (s *terminals) inShell(command string) string {
	s.t.Helper()
	const mark = "--- that was it ---"
	fmt.Fprintf(s.shell, "%s\necho '%s'\n", command, mark)
	var b strings.Builder
	for {
		line, err := s.shellOu.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: the shell has ended: %v", command, err)
		}
		if line == mark+"\n" {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
