package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudo is a terminal that a test looks at.
type pseudo struct {
	t        *testing.T
	ptmx, at *os.File // the test's end, and the program's

	mu   sync.Mutex // guards sent
	sent bytes.Buffer
}

func openPseudo(t *testing.T, width, height int) *pseudo {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ptmx.Close() })
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	at, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pseudo{t: t, ptmx: ptmx, at: at}
	p.resize(width, height)
	var reading sync.WaitGroup
	reading.Go(p.read)
	t.Cleanup(func() { // a terminal that no program has sends no more
		at.Close()
		reading.Wait()
	})
	return p
}

// read keeps what programs send.
func (p *pseudo) read() {
	b := make([]byte, 64<<10)
	for {
		n, err := p.ptmx.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.sent.Write(b[:n])
		p.mu.Unlock()
	}
}

func (p *pseudo) resize(width, height int) {
	size := &unix.Winsize{Col: uint16(width), Row: uint16(height)}
	if err := unix.IoctlSetWinsize(int(p.ptmx.Fd()), unix.TIOCSWINSZ, size); err != nil {
		p.t.Fatal(err)
	}
}

// modes are how the terminal treats keys.
func (p *pseudo) modes() unix.Termios {
	modes, err := unix.IoctlGetTermios(int(p.at.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *modes
}

// start runs herd at the terminal, as a shell would.
func (p *pseudo) start(args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := exec.Command(herdBinary(p.t), args...)
	cmd.Env = append(environ(), "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.at, p.at, p.at
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

func (p *pseudo) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.String()
}

var (
	lineStart = regexp.MustCompile(`\x1b\[(\d+);1H\x1b\[K`)
	escapes   = regexp.MustCompile(`\x1b\[[?0-9;]*[a-zA-Z]`)
)

// screen is what is seen. No more is known of terminals than what herd top makes use of:
// it clears the screen, and writes whole lines.
func (p *pseudo) screen() string {
	text := p.text()
	text = text[max(0, strings.LastIndex(text, "\x1b[2J")):]
	lines := map[string]string{}
	starts := append(lineStart.FindAllStringSubmatchIndex(text, -1), []int{len(text)})
	for i, at := range starts[:len(starts)-1] {
		lines[text[at[2]:at[3]]] = escapes.ReplaceAllString(text[at[1]:starts[i+1][0]], "")
	}
	var all strings.Builder
	for i := range 100 {
		if line, ok := lines[strconv.Itoa(i+1)]; ok {
			fmt.Fprintln(&all, line)
		}
	}
	return all.String()
}

// shows waits until the screen does.
func (p *pseudo) shows(texts ...string) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the screen is\n%s", p.screen())
		}
	}()
	for _, text := range texts {
		match := regexp.MustCompile(text)
		until(p.t, "the screen shows "+text, func() bool { return match.MatchString(p.screen()) })
	}
}

func (p *pseudo) press(keys string) {
	if _, err := p.ptmx.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// herd top shows the members, goes on when one is killed, also its own, and gives the
// terminal back as it was however it ends.
func TestE2ETop(t *testing.T) {
	herd := startHerd(t, 3)
	const evil = "kiwi\x1b[2J\x1b]0;owned\x07" // a client that means harm
	for _, id := range []string{evil, "鳥"} {
		if _, err := herd[0].session().report(fixNow(id)); err != nil {
			t.Fatal(err)
		}
	}
	p := openPseudo(t, 100, 30)
	was := p.modes()
	top := p.start("top", "--http-addr", herd[0].Ready.HTTP, "--interval", "100ms")
	p.shows(`The herd as seen by Bailey  3 alive`, `● Bona +alive .* yes +\d+ +up`, `clients +2\b`, `q quit`)
	if p.modes().Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 {
		t.Error("keys are shown, or wait for the end of the line")
	}
	until(t, "it follows what happens", func() bool { return herd[0].metrics()["herd_events_readers"] == 2 })
	here := herd[0].session()
	for range 3 {
		if _, err := here.report(fixNow(evil)); err != nil {
			t.Fatal(err)
		}
	}
	p.shows(`kiwi\\x1b\[2J\\x1b\]0;owned\\a +\d`)

	herd[1].kill()
	p.shows(`✗ Bona +failed`, `2 alive, 1 failed`, `\d\d:\d\d:\d\d  Bona  suspect -> failed`)
	p.resize(40, 12)
	p.shows(`(?m)^.{40}\n.*\n`)
	p.resize(100, 30)
	herd[0].kill()
	p.shows(`The herd as seen by Campbell`, regexp.QuoteMeta(herd[0].Ready.HTTP)+` does not answer: connection refused`)
	p.press("?")
	p.shows(`(?m)^KEYS$`)
	p.press("?q")
	if err := top.Wait(); err != nil {
		t.Errorf("after q it ends with %v", err)
	}
	p.restored(was)

	for name, end := range map[string]func(*exec.Cmd){
		"Ctrl-C":  func(*exec.Cmd) { p.press("\x03") },
		"SIGINT":  func(c *exec.Cmd) { c.Process.Signal(syscall.SIGINT) },
		"SIGTERM": func(c *exec.Cmd) { c.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(c *exec.Cmd) { c.Process.Signal(syscall.SIGHUP) },
	} {
		p.mu.Lock()
		p.sent.Reset()
		p.mu.Unlock()
		top := p.start("top", "--http-addr", herd[2].Ready.HTTP, "--plain", "--no-color")
		p.shows(`The herd as seen by Campbell`, `\* Campbell +alive`)
		end(top)
		if err := top.Wait(); err != nil {
			t.Errorf("after %s it ends with %v", name, err)
		}
		p.restored(was)
		if strings.Contains(p.text(), "\x1b[32m") {
			t.Error("it draws with colours")
		}
	}
}

// restored fails unless the terminal is as it was.
func (p *pseudo) restored(was unix.Termios) {
	p.t.Helper()
	if is := p.modes(); is != was {
		p.t.Errorf("the modes were %+v and are %+v", was, is)
	}
	const end = "\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"
	until(p.t, "the screen, cursor and lines are as before", func() bool { return strings.HasSuffix(p.text(), end) })
}

// Where nobody looks one picture is printed, or its figures.
func TestE2ETopOnce(t *testing.T) {
	p := start(t, spec{name: "Clark"})
	if _, err := p.session().report(fixNow("kiwi")); err != nil {
		t.Fatal(err)
	}
	code, out := herdVerb(t, "top", "--http-addr", p.Ready.HTTP, "--interval", "100ms")
	for _, want := range []string{"The herd as seen by Clark  1 alive", "from clients ", "0/s", "● Clark", "nobody reports"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, " \n") {
		t.Errorf("printed %q", out)
	}
	code, out = herdVerb(t, "top", "--http-addr", p.Ready.HTTP, "--interval", "100ms", "--once", "--json")
	if code != exitDone || !strings.Contains(out, `"node": "Clark"`) || !strings.Contains(out, `"accepted": 0,`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
