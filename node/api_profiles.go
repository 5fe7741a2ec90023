package node

import (
	"context"
	"net/http"
	"net/http/pprof"
	"strings"
)

// profiles is where Go's profiles of this process are.
const profiles = "/debug/pprof/"

// isProfile tells of paths for which the scope to read is not enough: a profile shows
// what is in the memory of the process, and costs it.
func isProfile(path string) bool { return strings.HasPrefix(path, profiles) }

func (n *Node) profileRoutes() []route {
	return []route{{"GET", profiles + "{name}", anyQuery, "a profile of the process, for go tool pprof: profile, heap, goroutine, …", n.getProfile}}
}

// getProfile lifts the bounds in time: who asks says for how long to look, unless the port
// closes.
func (n *Node) getProfile(w http.ResponseWriter, r *http.Request) {
	if err := unhurried(w); err != nil {
		problem(w, http.StatusInternalServerError, "This connection has no deadlines.")
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(n.streams, cancel)()
	r = r.WithContext(ctx)
	switch name := r.PathValue("name"); name {
	case "profile":
		pprof.Profile(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
}
