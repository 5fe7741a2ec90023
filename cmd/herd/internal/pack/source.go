package pack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Source is the code that is packed.
type Source struct {
	Root    string    // of the module
	Version string    // of the packages: 0.2.0, or what is on the way to it: 0.2.0~20261126.94514b5e0d3a
	Date    time.Time // of the last change; what is in packages has it
}

// oldest is the date of sources of which none is known: zip has no older ones.
var oldest = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// Describe finds out what is packed. The release is that of the code. The sources are that
// if git has a tag for it here ("v0.2.0"), or if git knows nothing of them. The date is that
// of the commit, or SOURCE_DATE_EPOCH.
func Describe(root, release string) (Source, error) {
	s := Source{Root: root, Version: release, Date: oldest}
	if head, err := git(root, "log", "-1", "--format=%ct %h", "--abbrev=12"); err == nil {
		seconds, hash, _ := strings.Cut(head, " ")
		if s.Date, err = epoch(seconds); err != nil {
			return s, err
		}
		tags, err := git(root, "tag", "--points-at", "HEAD")
		if err != nil {
			return s, err
		}
		changed, err := git(root, "status", "--porcelain")
		if err != nil {
			return s, err
		}
		switch snapshot := "~" + s.Date.Format("20060102") + "." + hash; {
		case changed != "":
			s.Version += snapshot + "+changed"
		case !slices.Contains(strings.Fields(tags), "v"+release):
			s.Version += snapshot
		}
	}
	if given := os.Getenv("SOURCE_DATE_EPOCH"); given != "" {
		var err error
		if s.Date, err = epoch(given); err != nil {
			return s, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
	}
	return s, nil
}

func epoch(seconds string) (time.Time, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(n, 0).UTC(), err
}

func git(root string, args ...string) (string, error) { return output(root, nil, "git", args...) }

// environ is what tools are told besides what this process is.
func (s Source) environ(more ...string) []string {
	return append(more, "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.Date.Unix(), 10))
}

// output runs a tool and returns what it prints, without space around it.
func output(dir string, environ []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if e, ok := err.(*exec.ExitError); ok {
			detail = ": " + strings.TrimSpace(string(e.Stderr))
		}
		return "", fmt.Errorf("run %s %s: %w%s", name, strings.Join(args, " "), err, detail)
	}
	return strings.TrimSpace(string(out)), nil
}

// file is one in a package.
type file struct {
	name string // with slashes
	mode os.FileMode
	body []byte
}

// read takes a file of the sources.
func (s Source) read(from, to string, mode os.FileMode) (file, error) {
	body, err := os.ReadFile(filepath.Join(s.Root, filepath.FromSlash(from)))
	if err != nil {
		return file{}, fmt.Errorf("pack: %w", err)
	}
	return file{to, mode, body}, nil
}
