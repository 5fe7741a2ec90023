//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"herd/config"
)

// lookAsRoot finds out whose node root looks at.
func lookAsRoot(c config.Config) *Root {
	if os.Geteuid() != 0 {
		return nil
	}
	return ownedBy(slices.Concat([]Folder{{Setting: "storage.data_dir", Name: c.Storage.DataDir}}, secrets(c)))
}

// ownedBy takes the owner of the first of some files that is not root's for the node's user. What
// is not there is nobody's.
func ownedBy(all []Folder) *Root {
	r := &Root{}
	var groups []string
	type file struct {
		Folder
		group string
	}
	var roots []file
	for _, f := range all {
		info, err := os.Stat(f.Name)
		if err != nil {
			continue
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case !ok:
		case owner.Uid != 0 && r.User == "":
			uid := strconv.Itoa(int(owner.Uid))
			r.User, r.Setting, r.Name = uid, f.Setting, f.Name
			groups = []string{strconv.Itoa(int(owner.Gid))} // if nothing else is known of it
			if u, err := user.LookupId(uid); err == nil {
				r.User = u.Username
				if of, err := u.GroupIds(); err == nil {
					groups = of
				}
			}
		case owner.Uid == 0 && info.Mode().IsRegular():
			f.Mode = info.Mode()
			roots = append(roots, file{f, strconv.Itoa(int(owner.Gid))})
		}
	}
	for _, f := range roots {
		shut := fs.FileMode(0o004)
		if slices.Contains(groups, f.group) {
			shut = 0o040
		}
		if r.User != "" && f.Mode&shut == 0 {
			r.Closed = append(r.Closed, f.Folder)
		}
	}
	return r
}
