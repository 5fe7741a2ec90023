package node

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// guard stands before the API and refuses what only a browser on a stranger's
// errand would send: a request that changes something from another site's page,
// and a request for a name that some DNS server has pointed here. Beyond loopback programs ask by
// such names, too, so there a change alone is refused, if a page asks for it (a browser names its
// origin then), and only where nothing else keeps that page out: it has no token, and with TLS the
// browser asks for a certificate of its name.
func (n *Node) guard(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	sites.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "This request was made by a page of another site.")
	}))
	next = sites.Handler(next)
	local := isLoopback(n.httpListener.Addr())
	own := []string{hostOf(n.config.Settings.HTTP.Addr)}
	if !local {
		own = append(own, hostOf(n.config.Settings.Gossip.AdvertiseAddr))
		if name, err := os.Hostname(); err == nil { // a machine without a name is not asked by it
			own = append(own, name)
		}
	}
	isOwn := func(host string) bool {
		return slices.ContainsFunc(own, func(name string) bool { return strings.EqualFold(name, host) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		host := strings.TrimSuffix(hostOf(r.Host), ".")
		switch plain := isPlainHost(host) || isOwn(host); {
		case local && !plain:
			problem(w, http.StatusMisdirectedRequest, "This node is reached by an IP address or as localhost, not by the name in the request.")
			return
		case !plain && !isInternal(host) && r.Header.Get("Origin") != "" && r.TLS == nil && n.authority.tokens.Load().Empty():
			problem(w, http.StatusMisdirectedRequest, "A page of another site could have the name in the request, and this node has no tokens. "+
				"Ask by the IP address, have that name in http.addr, or give the node tokens by http.write_token_file.")
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

// internal are domains that nobody can have in the public DNS.
var internal = []string{".internal", ".local", ".localhost", ".test", ".home.arpa", ".lan", ".svc"}

// isInternal tells whether no site of the internet can have host as its name: it has no domain, or one
// of internal. On loopback that is not enough, for whoever is in the same network can tell a machine
// of such names; beyond it he reaches the node himself.
func isInternal(host string) bool {
	host = strings.ToLower(host)
	return !strings.Contains(host, ".") || slices.ContainsFunc(internal, func(domain string) bool { return strings.HasSuffix(host, domain) })
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
