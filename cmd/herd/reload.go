package main

import (
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// reloader reads the configuration again at every SIGHUP and has the node take over
// what it can.
type reloader struct {
	load   func() (*config.Loaded, error)
	node   server
	log    hclog.Logger
	before *config.Loaded // what the node was started with

	ended chan struct{}
	done  sync.WaitGroup // the goroutine that waits for hangups
}

// catchHangups keeps SIGHUP from ending the process from here on, to its last moment.
// One that comes before anybody reads the channel waits in it.
func catchHangups() <-chan os.Signal {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup
}

// start begins to reload. The caller owes an end.
func (r *reloader) start(hup <-chan os.Signal) {
	r.ended = make(chan struct{})
	r.done.Go(func() {
		for {
			select {
			case <-hup:
				r.reload()
			case <-r.ended:
				return
			}
		}
	})
}

func (r *reloader) end() {
	close(r.ended)
	r.done.Wait()
}

func (r *reloader) reload() {
	loaded, err := r.load()
	if err != nil {
		r.log.Error("the configuration is not reloaded: all stays as it was", "error", err)
		return
	}
	if later := needRestart(r.before, loaded); later != "" {
		r.log.Warn("these settings have changed and need a restart", "settings", later)
	}
	if err := r.node.Reload(loaded); err != nil {
		r.log.Error("the configuration is not reloaded: all stays as it was", "error", err)
	}
}

// needRestart names the settings that differ and can't be taken over by a node
// that runs.
func needRestart(before, after *config.Loaded) string {
	was := make(map[string]any)
	for _, s := range before.Settings {
		was[s.Name] = s.Value
	}
	var changed []string
	for _, s := range after.Settings {
		if !reloadable(s.Name, before, after) && !reflect.DeepEqual(was[s.Name], s.Value) {
			changed = append(changed, s.Name)
		}
	}
	if fmt.Sprint(before.Keys) != fmt.Sprint(after.Keys) {
		changed = append(changed, "the gossip key")
	}
	return strings.Join(changed, ", ")
}

// reloadable tells whether a node that runs takes a setting over.
func reloadable(name string, before, after *config.Loaded) bool {
	switch name {
	case "http.read_token_file", "http.write_token_file":
		return true
	case "tls.cert_file", "tls.key_file", "tls.client_ca_file", "tls.min_version": // but ports keep what they speak
		return (before.TLS == nil) == (after.TLS == nil)
	}
	return strings.HasPrefix(name, "places")
}
