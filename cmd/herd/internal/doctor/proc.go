package doctor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What Linux says of a machine in files. Elsewhere there are none, and nothing is known.

// memoryOf is what this process may use: the machine's memory, or less if its group has
// less.
func memoryOf(root string) Memory {
	m := Memory{Goal: goal()}
	text, _ := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			m.Limit = n << 10
		}
	}
	for _, name := range groupFiles(root) {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// "max", and a number near the greatest, are no limit.
		if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (m.Limit == 0 || n < m.Limit) {
			m.Limit = n
		}
	}
	return m
}

// groupFiles are those that bound the memory of the process's group and of those above it.
func groupFiles(root string) []string {
	const base = "sys/fs/cgroup"
	files := []string{filepath.Join(root, base, "memory.max"), filepath.Join(root, base, "memory/memory.limit_in_bytes")}
	text, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		for dir := filepath.Clean("/" + parts[2]); dir != "/"; dir = filepath.Dir(dir) {
			switch parts[1] {
			case "":
				files = append(files, filepath.Join(root, base, dir, "memory.max"))
			case "memory":
				files = append(files, filepath.Join(root, base, "memory", dir, "memory.limit_in_bytes"))
			}
		}
	}
	return files
}

// holder says which process has a port, empty if that can't be known: of the processes of
// others only root may.
func holder(root, network, addr string) string {
	_, text, err := net.SplitHostPort(addr)
	port, perr := strconv.ParseUint(text, 10, 16)
	if err != nil || perr != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, name := range []string{network, network + "6"} {
		text, _ := os.ReadFile(filepath.Join(root, "proc/net", name))
		for line := range strings.Lines(string(text)) {
			// Of a socket: number, local address:port, remote, state (0A listens), …, inode.
			f := strings.Fields(line)
			if len(f) < 10 || network == "tcp" && f[3] != "0A" {
				continue
			}
			if _, at, ok := strings.Cut(f[1], ":"); ok && at == fmt.Sprintf("%04X", port) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	fds, _ := filepath.Glob(filepath.Join(root, "proc/[0-9]*/fd/*"))
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && inodes[target] {
			dir := filepath.Dir(filepath.Dir(fd))
			name, _ := os.ReadFile(filepath.Join(dir, "comm"))
			return fmt.Sprintf("pid %s, %q", filepath.Base(dir), strings.TrimSpace(string(name)))
		}
	}
	return ""
}
