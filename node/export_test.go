package node

import "herd/config"

// ReloadTo is Reload of a configuration that is there.
func (n *Node) ReloadTo(to *config.Loaded) error {
	_, err := n.reload(func() (*config.Loaded, error) { return to, nil })
	return err
}
