package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
)

// statusEvery is how often a service manager is told how the node does, if it has changed.
const statusEvery = 5 * time.Second

// notifier tells the service manager that has started this process how the node does, as
// sd_notify(3) has it. It asks the node first, which takes the locks that the node lives
// by: of one that hangs nothing more is heard, and a manager that watches it ends it.
type notifier struct {
	send  func(state string) error
	every time.Duration // between beats
	watch bool          // the manager waits for WATCHDOG=1
	log   hclog.Logger

	mu     sync.Mutex // guards the fields below; held while something is sent: what is sent is in order
	stage  stage
	status string // as it was sent last
	failed bool   // to send, which has been logged

	ended chan struct{}
	done  sync.WaitGroup // the goroutine that beats
}

// stage is what the manager was told of the node.
type stage int

const (
	beginning stage = iota
	running
	ending
)

// newNotifier tells nobody anything if no manager has asked for it.
func (a *app) newNotifier(log hclog.Logger) *notifier {
	n := &notifier{every: statusEvery, log: log, ended: make(chan struct{})}
	if a.getenv("NOTIFY_SOCKET") == "" {
		return n
	}
	n.send = a.notify
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog of the service manager is not fed", "error", err)
	}
	if limit > 0 {
		n.watch = true
		n.every = min(n.every, limit/2)
	}
	return n
}

// sendNotice sends a state to the manager.
func sendNotice(state string) error {
	_, err := daemon.SdNotify(false, state)
	return err
}

// start begins to tell of the node. The caller owes an end.
func (n *notifier) start(node server) {
	if n.send == nil {
		return
	}
	n.done.Go(func() {
		tick := time.NewTicker(n.every)
		defer tick.Stop()
		leaving := node.Leaving()
		for {
			n.beat(node.Status())
			select {
			case <-tick.C:
			case <-leaving:
				leaving = nil
				n.enter(ending, daemon.SdNotifyStopping)
			case <-n.ended:
				return
			}
		}
	})
}

func (n *notifier) end() {
	close(n.ended)
	n.done.Wait()
}

// ready says that clients are served: who starts after this node may begin.
func (n *notifier) ready() { n.enter(running, daemon.SdNotifyReady) }

// reload says that the node is reloading, while do does it. Before it is ready, and when it
// leaves, that is not said: the end of a reload is said in the words for being ready.
func (n *notifier) reload(do func()) {
	n.mu.Lock()
	told := n.stage == running
	if told {
		n.sendLocked(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
	}
	n.mu.Unlock()
	do()
	if told {
		n.enter(running, daemon.SdNotifyReady)
	}
}

// enter says that the node is in a stage, unless it is beyond that.
func (n *notifier) enter(s stage, state string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s >= n.stage {
		n.stage = s
		n.sendLocked(state)
	}
}

// beat says that the node is alive, and how it does. A node that begins or ends takes what
// time it needs, as long as it is alive: it ends both itself.
func (n *notifier) beat(status string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var lines []string
	if status != n.status {
		n.status = status
		lines = append(lines, "STATUS="+strings.ReplaceAll(status, "\n", " "))
	}
	if n.stage != running {
		lines = append(lines, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (10*n.every).Microseconds()))
	}
	if n.watch {
		lines = append(lines, daemon.SdNotifyWatchdog)
	}
	n.sendLocked(lines...)
}

func (n *notifier) sendLocked(lines ...string) {
	if n.send == nil || len(lines) == 0 {
		return
	}
	if err := n.send(strings.Join(lines, "\n")); err != nil && !n.failed {
		n.failed = true
		n.log.Warn("the service manager can't be told how the node does", "error", err)
	}
}
