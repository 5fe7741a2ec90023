package main

import (
	"fmt"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// spareFiles is how many file descriptors a node needs besides its clients': 256 for HTTP,
// 128 for strangers at the gossip port, the rest for files and for members, each of
// which takes two.
const spareFiles = 512

// fitFiles sees to it that as many clients as are allowed leave enough file descriptors
// to the herd: with none left a node could not be joined, asked or watched. What
// was asked for and does not fit is an error; the default gives way.
func fitFiles(l *config.Loaded, limit uint64, log hclog.Logger) error {
	const name = "client.max_conns"
	want := &l.Config.Client.MaxConns
	if uint64(*want)+spareFiles <= limit {
		return nil
	}
	for _, s := range l.Settings {
		if s.Name == name && s.Origin != "default" || limit <= spareFiles {
			return &exit{code: exitUsage, err: fmt.Errorf(
				"%s = %d needs %d open files, and %d are allowed: raise that limit (ulimit -n), or lower %s", name, *want, *want+spareFiles, limit, name)}
		}
	}
	*want = int(limit) - spareFiles
	log.Warn("fewer clients than by default: the limit on open files is low", "max_conns", *want, "limit", limit)
	return nil
}
