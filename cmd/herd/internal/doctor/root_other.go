//go:build !unix

package doctor

import "herd/config"

// lookAsRoot has nothing to tell: there is no root here.
func lookAsRoot(config.Config) *Root { return nil }
