package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unitFile is a unit file of systemd: the values of each key, whatever the section.
type unitFile map[string][]string

func readUnit(t *testing.T, name string) unitFile {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	u := unitFile{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#' || line[0] == '[':
		case !found:
			t.Fatalf("%s: %q", name, line)
		default:
			u[key] = append(u[key], value)
		}
	}
	return u
}

// last is the value that counts where there may be one.
func (u unitFile) last(key string) string {
	if values := u[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// service stands in for systemd: it runs what a unit says, in a root, as its user and with its
// variables, hears what is said to NOTIFY_SOCKET, and starts again what the unit says should be.
type service struct {
	t      *testing.T
	unit   unitFile
	root   string
	log    *os.File // of the service
	socket *net.UnixConn

	cmd   *exec.Cmd
	ended chan struct{} // the process is gone
}

func newService(t *testing.T, root, name string) *service {
	t.Helper()
	s := &service{t: t, unit: readUnit(t, filepath.Join(root, name)), root: root}
	var err error
	if s.log, err = os.CreateTemp(t.ArtifactDir(), "service-*.log"); err != nil {
		t.Fatal(err)
	}
	addr := &net.UnixAddr{Name: filepath.Join(root, "run/notify"), Net: "unixgram"}
	if s.socket, err = net.ListenUnixgram("unixgram", addr); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(addr.Name, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.cmd.Process.Kill()
			<-s.ended
		}
		s.socket.Close()
		if t.Failed() {
			t.Logf("the log of the service ends:\n%s", tail(s.logText(), 40))
		}
		s.log.Close()
	})
	return s
}

func (s *service) logText() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Error(err)
	}
	return string(text)
}

// start runs ExecStart.
func (s *service) start() {
	s.t.Helper()
	uid, gid := s.user(s.unit.last("User"))
	for key, under := range map[string]string{"StateDirectory": "var/lib", "LogsDirectory": "var/log", "RuntimeDirectory": "run"} {
		dir := filepath.Join(s.root, under, s.unit.last(key))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, uid, gid)); err != nil {
			s.t.Fatal(err)
		}
	}
	args := strings.Fields(s.unit.last("ExecStart"))
	seconds, err := strconv.Atoi(s.unit.last("WatchdogSec"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = &exec.Cmd{
		Path: args[0], Args: args, Dir: "/",
		Env: slices.Concat([]string{"PATH=/usr/bin", "NOTIFY_SOCKET=/run/notify"},
			[]string{fmt.Sprintf("WATCHDOG_USEC=%d", (time.Duration(seconds) * time.Second).Microseconds())}, s.unit["Environment"]),
		Stdout: s.log, Stderr: s.log,
		SysProcAttr: &syscall.SysProcAttr{Chroot: s.root, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}},
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()
}

// user finds a user of the root.
func (s *service) user(name string) (uid, gid int) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.root, "etc/passwd"))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == name {
			uid, err1 := strconv.Atoi(f[2])
			gid, err2 := strconv.Atoi(f[3])
			if err := errors.Join(err1, err2); err != nil {
				s.t.Fatal(err)
			}
			return uid, gid
		}
	}
	s.t.Fatalf("there is no user %q", name)
	return 0, 0
}

// hear waits until the service has said a line, and returns all that it said with it and before.
func (s *service) hear(want string) string {
	s.t.Helper()
	var heard strings.Builder
	buf := make([]byte, 4096)
	s.socket.SetReadDeadline(time.Now().Add(hang))
	for {
		n, err := s.socket.Read(buf)
		if err != nil {
			s.t.Fatalf("the service does not say %q but %q: %v", want, heard.String(), err)
		}
		message := string(buf[:n])
		heard.WriteString(message + "\n")
		for line := range strings.Lines(message) {
			if strings.HasPrefix(line, want) {
				return heard.String()
			}
		}
	}
}

// end waits for the end of the process and starts it again if the unit wants that.
func (s *service) end() (restarted bool) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(hang):
		s.t.Fatal("the service does not end")
	}
	status := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	clean := status.Exited() && status.ExitStatus() == 0 ||
		status.Signaled() && slices.Contains([]syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE}, status.Signal())
	prevented := status.Exited() && slices.Contains(strings.Fields(s.unit.last("RestartPreventExitStatus")), strconv.Itoa(status.ExitStatus()))
	if policy := s.unit.last("Restart"); policy != "on-failure" {
		s.t.Fatalf("Restart=%s is not known here", policy)
	}
	if clean || prevented {
		return false
	}
	s.start()
	return true
}
