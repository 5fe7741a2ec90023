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

	hup  chan os.Signal
	done sync.WaitGroup // the goroutine that waits for hup
}

// reloadOnHangup begins to listen. The caller owes an end.
func reloadOnHangup(node server, before *config.Loaded, load func() (*config.Loaded, error), log hclog.Logger) *reloader {
	r := &reloader{load: load, node: node, log: log, before: before, hup: make(chan os.Signal, 1)}
	signal.Notify(r.hup, syscall.SIGHUP)
	r.done.Go(func() {
		for range r.hup {
			r.reload()
		}
	})
	return r
}

func (r *reloader) end() {
	signal.Stop(r.hup)
	close(r.hup) // no more comes after Stop
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
	if err := r.node.Reload(loaded.Config.Places, loaded.PlacesKey); err != nil {
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
		if !strings.HasPrefix(s.Name, "places") && !reflect.DeepEqual(was[s.Name], s.Value) {
			changed = append(changed, s.Name)
		}
	}
	if fmt.Sprint(before.Keys) != fmt.Sprint(after.Keys) {
		changed = append(changed, "the gossip key")
	}
	return strings.Join(changed, ", ")
}
