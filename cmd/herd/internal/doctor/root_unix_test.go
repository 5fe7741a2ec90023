//go:build unix

package doctor

import (
	"os"
	"path/filepath"
	"testing"
)

// The node's user is who has its folder, and of files of root's it reads those of its group.
func TestOwnedBy(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const uid, gid = 54321, 54322 // nobody's
	dir := t.TempDir()
	made := func(setting string, mode os.FileMode, uid, gid int) Folder {
		t.Helper()
		name := filepath.Join(dir, setting)
		err := os.WriteFile(name, nil, 0o600)
		if err == nil {
			err = os.Chown(name, uid, gid)
		}
		if err == nil {
			err = os.Chmod(name, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		return Folder{Setting: setting, Name: name}
	}
	closed := made("closed", 0o600, 0, 0)
	all := []Folder{
		{Setting: "missing", Name: filepath.Join(dir, "missing")},
		closed, made("other group", 0o640, 0, 0), made("open", 0o644, 0, 0), made("lent", 0o640, 0, gid), made("lent to nobody", 0o600, 0, gid),
	}
	if r := ownedBy(all); r.User != "" || r.Closed != nil {
		t.Errorf("all is root's: got %+v", r)
	}
	r := ownedBy(append(all, made("own", 0o600, uid, gid)))
	if r.User != "54321" || r.Setting != "own" || len(r.Closed) != 3 ||
		r.Closed[0].Setting != "closed" || r.Closed[0].Mode != 0o600 || r.Closed[1].Setting != "other group" || r.Closed[2].Setting != "lent to nobody" {
		t.Errorf("got %+v", r)
	}
}
