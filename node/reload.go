package node

import (
	"errors"
	"fmt"
	"strings"

	"herd/config"
	"herd/places"
)

// Reload takes over what settings say of places, and reads the files of the user's
// own anew: first all is made ready, then the new chain takes the old one's place.
// An error leaves things as they were. Questions that are under way have the old
// chain's answers. Whatever else differs is for a restart. It may be called at any
// time; one call at a time does its work.
func (n *Node) Reload(settings config.Places, key config.Secret) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	links, err := n.config.Sources.anew().Links(settings, key)
	if err == nil {
		err = errors.Join(load(n.asked, links)...)
	}
	if err != nil {
		closeIdle(links)
		n.reloadsFailed.Add(1)
		return fmt.Errorf("reload places: %w", err)
	}
	n.places.set(links)
	n.reloads.Add(1)
	n.log.Info("places are reloaded", "chain", chainText(links))
	n.warnOfSpending(settings)
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

// warnOfSpending tells of calls that cost money and have no bound of ours.
func (n *Node) warnOfSpending(c config.Places) {
	for _, name := range c.Chain() {
		if g := c.Google; name == "google" && g.AsksGoogle() && g.BudgetDay == 0 && g.BudgetMonth == 0 {
			n.log.Warn("no budget bounds the calls that Google bills: set places \"google\" { budget_day } or budget_month", "rate_per_minute", g.RatePerMinute)
		}
	}
}
