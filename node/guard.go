package node

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard stands before the API and refuses what only a browser on a stranger's
// errand would send: a request that changes something from another site's page,
// and, on loopback, a request for a name that some DNS server has pointed here.
func (n *Node) guard(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	sites.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "This request was made by a page of another site.")
	}))
	next = sites.Handler(next)
	local := isLoopback(n.httpListener.Addr())
	own := hostOf(n.config.Settings.HTTP.Addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if host := hostOf(r.Host); local && !strings.EqualFold(host, own) && !isPlainHost(host) {
			problem(w, http.StatusMisdirectedRequest, "This node is reached by an IP address or as localhost, not by the name in the request.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isPlainHost tells whether no DNS server had a say in host.
func isPlainHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == "" || strings.EqualFold(host, "localhost")
}

// hostOf is "host:port", or "host", without the port and the brackets of IPv6.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return strings.Trim(addr, "[]")
}

func isLoopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}
