package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"herd/cmd/herd/internal/human"
)

// Disk is where a node keeps what it knows.
type Disk struct {
	Dir  string // of the setting; empty: nowhere
	Err  error  // why nothing can be written there; nil: it can, or the running node sees to it
	Free int64  // bytes; less than 0: not known
}

// Bounds of free space, in bytes.
const (
	scarce = 1 << 30
	none   = 64 << 20
)

// disk is whether there is a place for a journal.
func (f *Facts) disk() []Finding {
	d := f.Disk
	switch {
	case d.Dir == "":
		return []Finding{ok("disk", "none: the node begins with nothing, and asks the others")}
	case f.Node != nil && f.Node.Journal != "":
		return []Finding{fault("disk", fmt.Sprintf("the node serves, but its journal in %s is not well: %s", d.Dir, f.Node.Journal), "Make room, or have it be writable again: the node catches up by itself.")}
	case d.Err != nil:
		return []Finding{fault("disk", fmt.Sprintf("%s can't be written to: %v", d.Dir, d.Err), "Make it a folder that the node's user may write to, or correct --data-dir.")}
	case d.Free < 0:
		return []Finding{ok("disk", "%s can be written to", d.Dir)}
	case d.Free < none:
		return []Finding{fault("disk", fmt.Sprintf("%s are free at %s", human.Size(uint64(d.Free)), d.Dir), "Make room: a full disk keeps no report.")}
	case d.Free < scarce:
		return []Finding{warning("disk", fmt.Sprintf("%s are free at %s", human.Size(uint64(d.Free)), d.Dir), "Make room, or watch it: a snapshot takes as much again as the table.")}
	}
	return []Finding{ok("disk", "%s can be written to, %s are free", d.Dir, human.Size(uint64(d.Free)))}
}

// lookAtDisk tries whether files can be made, where dir is or would be.
func lookAtDisk(dir string, runs bool) Disk {
	d := Disk{Dir: dir}
	if dir == "" {
		return d
	}
	at := filepath.Clean(dir)
	info, err := os.Stat(at)
	for errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) { // the node makes it
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	switch {
	case err != nil:
		d.Err = err
	case !info.IsDir():
		d.Err = errors.New(at + " is no folder")
	case !runs:
		d.Err = tryFile(at)
	}
	if d.Err == nil {
		d.Free = freeBytes(at)
	}
	return d
}

func tryFile(dir string) error {
	f, err := os.CreateTemp(dir, ".herd-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
