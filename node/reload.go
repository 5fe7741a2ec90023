package node

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"herd/config"
	"herd/places"
)

// reloads is what a node knows of its configuration and of attempts to read it again.
type reloads struct {
	mu      sync.Mutex     // held by Reload
	running *config.Loaded // what the node runs with

	good, failed atomic.Uint64
	lastFailed   atomic.Bool
	lastGood     atomic.Int64 // POSIX seconds, by the wall clock
}

// prepareReloads takes down what the node begins with.
func (n *Node) prepareReloads() {
	c := n.config
	n.reloads.running = &config.Loaded{
		Config: c.Settings, Keys: c.Keys, PlacesKey: c.PlacesKey,
		ReadTokens: c.ReadTokens, WriteTokens: c.WriteTokens, TLS: c.TLS,
	}
	n.reloads.lastGood.Store(c.Clock().Unix())
	n.parting.usual.Store(int64(c.Settings.Client.Drain))
}

// errNoConfig is why a node that has no configuration to read is not reloaded.
var errNoConfig = errors.New("this node was not started from a configuration of its own: there is nothing to read again")

// Reload reads the configuration again, and the files that it names, and takes over the
// settings that the reference marks: all that have changed or, if anything is wrong, none. It
// returns all changes, those that need a restart too, and logs them. Questions about places
// that are under way have the old chain's answers. It may be called at any time; one call
// at a time does its work.
func (n *Node) Reload() ([]config.Change, error) {
	if n.config.Load == nil {
		return nil, errNoConfig
	}
	return n.reload(n.config.Load)
}

func (n *Node) reload(read func() (*config.Loaded, error)) ([]config.Change, error) {
	r := &n.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	to, err := read()
	var changes []config.Change
	if err == nil {
		changes, err = n.takeLocked(to)
	}
	r.lastFailed.Store(err != nil)
	if err != nil {
		r.failed.Add(1)
		n.log.Error("the configuration is not reloaded: all stays as it was", "error", err)
		return nil, err
	}
	r.good.Add(1)
	r.lastGood.Store(n.config.Clock().Unix())
	n.logChanges(changes)
	return changes, nil
}

// takeLocked takes over what it can of a configuration. What may fail comes before what
// changes anything.
func (n *Node) takeLocked(to *config.Loaded) ([]config.Change, error) {
	if n.cluster.HasKeys(to.Keys) { // the herd has changed them, and the file with them
		n.reloads.running.Keys = to.Keys
	}
	next, changes, err := n.reloads.running.Take(to)
	if err != nil {
		return nil, err
	}
	c := &next.Config
	links, err := n.config.Sources.anew().Links(c.Places, next.PlacesKey)
	if err == nil {
		err = errors.Join(load(n.asked, links)...)
	}
	if err != nil {
		closeIdle(links)
		return nil, fmt.Errorf("reload places: %w", err)
	}
	if n.config.SetLog != nil {
		if err := n.config.SetLog(c.Log); err != nil {
			closeIdle(links)
			return nil, err
		}
	}
	if n.config.SetMemory != nil {
		n.config.SetMemory(c.Herd.MemoryLimit)
	}
	n.places.set(links)
	n.authority.set(next.ReadTokens, next.WriteTokens)
	n.certificates.now.Store(next.TLS)
	n.server.setBounds(boundsOf(c.Client))
	n.parting.usual.Store(int64(c.Client.Drain))
	n.cluster.SetJoin(c.Gossip.Join)
	n.cluster.SetLimits(limitsOf(c.Herd))
	n.reloads.running = next
	n.warnOfCertificate()
	n.warnOfSpending(c.Places)
	return changes, nil
}

// logChanges tells what a reload has brought.
func (n *Node) logChanges(changes []config.Change) {
	var taken, left []string
	for _, c := range changes {
		if c.Taken {
			taken = append(taken, c.String())
		} else {
			left = append(left, c.String())
		}
	}
	n.log.Info("the configuration is reloaded", "changes", strings.Join(taken, "; "), "places", chainText(n.places.now.Load().links))
	if len(left) > 0 {
		n.log.Warn("these settings have changed and need a restart", "settings", strings.Join(left, "; "))
	}
}

// postReload answers what a reload changed, or what is wrong with the configuration in the
// words of "herd config check".
func (n *Node) postReload(w http.ResponseWriter, _ *http.Request) {
	if err := unhurried(w); err != nil { // files of places may be large
		problem(w, http.StatusInternalServerError, fmt.Sprintf("Lift the bounds in time of this request: %v.", err))
		return
	}
	changes, err := n.Reload()
	var wrong *config.Error
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, struct {
			Changes []config.Change `json:"changes"`
		}{changes})
	case errors.Is(err, errNoConfig):
		problem(w, http.StatusConflict, sentence(err))
	case errors.As(err, &wrong):
		var text strings.Builder
		wrong.Render(&text, 0, false) // a Builder takes all
		problem(w, http.StatusUnprocessableEntity, text.String())
	default:
		problem(w, http.StatusUnprocessableEntity, sentence(err))
	}
}

// chainText names providers in their order, for the log.
func chainText(links []places.Link) string {
	names := make([]string, len(links))
	for i, l := range links {
		names[i] = l.Provider.Name()
	}
	return strings.Join(names, ", ")
}

// certificateRest is how long before its end a certificate is worth a warning.
const certificateRest = 7 * 24 * time.Hour

// warnOfCertificate tells of a certificate that clients will not take, or soon won't.
func (n *Node) warnOfCertificate() {
	ends := n.certificates.expires()
	switch left := ends.Sub(n.config.Clock()); {
	case ends.IsZero():
	case left <= 0:
		n.log.Error("the certificate has expired: clients will refuse it. Put a new one into tls.cert_file and send SIGHUP", "expired", ends)
	case left < certificateRest:
		n.log.Warn("the certificate expires soon: put a new one into tls.cert_file and send SIGHUP", "expires", ends)
	}
}

// warnOfSpending tells of calls that cost money and have no bound of ours.
func (n *Node) warnOfSpending(c config.Places) {
	for _, name := range c.Chain() {
		if g := c.Google; name == "google" && g.AsksGoogle() && g.BudgetDay == 0 && g.BudgetMonth == 0 {
			n.log.Warn("no budget bounds the calls that Google bills: set places \"google\" { budget_day } or budget_month", "rate_per_minute", g.RatePerMinute)
		}
	}
}
