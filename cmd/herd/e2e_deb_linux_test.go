package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"herd/cmd/herd/internal/pack"
)

// cleanRoot makes a folder that a package can be installed into: what dpkg keeps, what its
// scripts call, and stand-ins for the tools of systemd, which write down what they are asked.
// The libraries are those of the program too, which is packed as it was built for these tests.
func cleanRoot(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "herd-root-*") // short: a socket in it has a short name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "dev", "run/systemd/system", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+dir, filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	const recorder = "#!/bin/sh\necho \"${0##*/} $*\" >>/run/asked\n"
	for name, text := range map[string]string{
		"etc/passwd":                 "root:x:0:0:root:/root:/bin/sh\n",
		"etc/group":                  "root:x:0:\n",
		"etc/shadow":                 "",
		"dev/null":                   "", // a device can't be made everywhere
		"var/lib/dpkg/status":        "Package: passwd\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\nDescription: useradd\n",
		"usr/bin/systemctl":          recorder,
		"usr/bin/deb-systemd-invoke": recorder,
		"usr/bin/deb-systemd-helper": recorder,
		"var/lib/dpkg/info/format":   "1\n",
		"var/lib/dpkg/diversions":    "",
		"var/lib/dpkg/statoverride":  "",
	} {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(name, "usr/bin/") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "dev/null"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "id", "rm", "useradd"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		copyInto(t, root, path)
		copyLibraries(t, root, path)
	}
	copyLibraries(t, root, herdBinary(t))
	return root
}

// copyInto copies a file to the place in the root that it has here.
func copyInto(t *testing.T, root, path string) {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	to, err := os.OpenFile(filepath.Join(root, path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
}

// copyLibraries copies what a program is linked to. A static one is linked to nothing.
func copyLibraries(t *testing.T, root, program string) {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "ldd", program).Output() // fails for a static one
	for line := range strings.Lines(string(out)) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "/") {
				copyInto(t, root, word)
			}
		}
	}
}

// dpkg runs dpkg on the root.
func dpkg(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "dpkg", append([]string{"--root=" + root, "--force-unsafe-io"}, args...)...)
	cmd.Env = append(environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") // dpkg insists
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dpkg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The package for Debian, in a clean root: the node is started, is ready, joins, comes back
// after kill -9 and after a panic, reloads, is not started again with a wrong configuration, and
// leaves nothing behind.
func TestE2EDeb(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for tool, in := range map[string]string{"dpkg": "dpkg", "dpkg-deb": "dpkg", "useradd": "passwd", "ldd": "libc-bin"} {
		needTool(t, tool, in)
	}
	root := cleanRoot(t)
	in := func(name string) string { return filepath.Join(root, name) }
	there := func(want bool, names ...string) {
		t.Helper()
		for _, name := range names {
			if _, err := os.Lstat(in(name)); (err == nil) != want {
				t.Errorf("%s is there: %t, want %t", name, err == nil, want)
			}
		}
	}
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(in(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	// asked is what the tools of systemd were asked for since the last time.
	asked := func(want ...string) {
		t.Helper()
		text, err := os.ReadFile(in("run/asked"))
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(in("run/asked"))
		for _, w := range want {
			if !strings.Contains(string(text), w+"\n") {
				t.Errorf("nobody asked systemd for %q but for\n%s", w, text)
			}
		}
	}

	source, err := pack.Describe("../..", release)
	if err != nil {
		t.Fatal(err)
	}
	binary := herdBinary(t)
	deb, err := pack.Deb{Source: source, Binary: binary, Arch: debArch(t), Native: binary, Compress: "none"}.Pack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dpkg(t, root, "--install", deb)
	asked("deb-systemd-helper enable herd.service", "systemctl --system daemon-reload", "deb-systemd-invoke start herd.service")
	const installedUnit = "lib/systemd/system/herd.service"
	installed := []string{
		"usr/bin/herd", installedUnit, "usr/share/man/man1/herd-node.1.gz", "usr/share/man/man5/herd.hcl.5.gz",
		"usr/share/bash-completion/completions/herd", "usr/share/zsh/vendor-completions/_herd", "usr/share/fish/vendor_completions.d/herd.fish",
		"usr/share/doc/herd/copyright",
	}
	there(true, append(installed, "etc/herd/herd.hcl")...)

	s := newService(t, root, installedUnit)
	_, gid := s.user("herd")
	key := testKey(t.Name())
	write("etc/herd/gossip.key", key+"\n", 0o640)
	if err := os.Chown(in("etc/herd/gossip.key"), 0, gid); err != nil {
		t.Fatal(err)
	}
	bailey := start(t, spec{name: "Bailey", key: key})
	clark := &process{t: t, spec: spec{name: "Clark"}, Ready: readyNode{HTTP: spec{}.orFree(t, "")}}
	write("etc/herd/here.hcl", fmt.Sprintf(
		"name = %q\nclient { addr = %q }\ngossip {\n  addr = %q\n  join = [%q]\n  key_file = \"/etc/herd/gossip.key\"\n}\nhttp { addr = %q }\nlog { file = \"/var/log/herd/herd.log\" }\n",
		"Clark", spec{}.orFree(t, ""), spec{}.orFree(t, ""), bailey.Ready.Gossip, clark.Ready.HTTP), 0o644)
	herd := []*process{bailey, clark}
	joins := func() {
		t.Helper()
		if heard := s.hear("READY=1"); !strings.Contains(heard, "STATUS=") || !strings.Contains(heard, "EXTEND_TIMEOUT_USEC=") || !strings.Contains(heard, "WATCHDOG=1") {
			t.Errorf("heard %q", heard)
		}
		t.Logf("one herd %v after it was ready", settle(t, herd))
	}
	s.start()
	joins()
	there(true, "var/log/herd/herd.log")

	// SIGQUIT ends a Go program as a panic does.
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT} {
		s.cmd.Process.Signal(signal)
		if !s.end() {
			t.Fatalf("not started again after %v", signal)
		}
		joins()
	}

	s.cmd.Process.Signal(syscall.SIGHUP)
	if heard := s.hear("RELOADING=1"); !strings.Contains(heard, "\nMONOTONIC_USEC=") {
		t.Errorf("heard %q", heard)
	}
	s.hear("READY=1")

	// With a wrong configuration it goes on, but does not start.
	write("etc/herd/wrong.hcl", "client { adr = 1 }\n", 0o644)
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.hear("READY=1")
	if !clark.sees(herd) {
		t.Error("a wrong configuration has stopped the node")
	}
	s.cmd.Process.Kill()
	if !s.end() {
		t.Fatal("not started again after a kill")
	}
	if s.end() {
		t.Fatal("started again with a wrong configuration")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(s.logText(), "wrong.hcl") {
		t.Errorf("exit code %d; the log ends\n%s", code, tail(s.logText(), 10))
	}
	os.Remove(in("etc/herd/wrong.hcl"))
	s.start()
	joins()

	dpkg(t, root, "--remove", "herd")
	asked("deb-systemd-invoke stop herd.service", "systemctl --system daemon-reload", "deb-systemd-helper mask herd.service")
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.hear("STOPPING=1")
	if s.end() {
		t.Error("started again though it was stopped")
	}
	until(t, "Bailey sees that Clark has left", func() bool { v := bailey.view()["Clark"]; return len(v) > 0 && v[len(v)-1] == "left" })
	there(false, installed...)
	there(true, "etc/herd/herd.hcl", "var/lib/herd")
	dpkg(t, root, "--purge", "herd")
	asked("deb-systemd-helper purge herd.service", "deb-systemd-helper unmask herd.service")
	there(false, "etc/herd/herd.hcl", "var/lib/herd", "var/log/herd")
	there(true, "etc/herd/gossip.key") // which the package has not made
}

// debArch is what dpkg calls this machine.
func debArch(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dpkg", "--print-architecture").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
