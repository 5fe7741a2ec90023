package node

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"herd/config"
	"herd/places"
)

// Reload takes over what a configuration says of places and tokens, and reads the files
// of places of the user's own anew: first all is made ready, then the new takes the old
// one's place. An error leaves things as they were. Questions that are under way have
// the old chain's answers. Whatever else differs is for a restart. It may be called at
// any time; one call at a time does its work.
func (n *Node) Reload(to *config.Loaded) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	links, err := n.config.Sources.anew().Links(to.Config.Places, to.PlacesKey)
	if err == nil {
		err = errors.Join(load(n.asked, links)...)
	}
	if err != nil {
		closeIdle(links)
		n.reloadsFailed.Add(1)
		return fmt.Errorf("reload places: %w", err)
	}
	n.places.set(links)
	n.authority.set(to.ReadTokens, to.WriteTokens)
	if was := n.certificates.now.Load(); was != nil && to.TLS != nil { // ports keep what they speak
		n.certificates.now.Store(to.TLS)
	}
	n.warnOfCertificate()
	n.reloads.Add(1)
	n.log.Info("places are reloaded", "chain", chainText(links))
	n.warnOfSpending(to.Config.Places)
	return nil
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
