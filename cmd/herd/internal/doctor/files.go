package doctor

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"
)

// key is about the gossip key. That its file is there, and its reader's alone, the
// configuration has been checked for.
func (f *Facts) key() []Finding {
	switch n := len(f.Loaded.Keys); {
	case n == 0:
		return []Finding{ok("gossip key", "none")}
	case f.Config.Gossip.KeyFile == "":
		return []Finding{ok("gossip key", "%d, of HERD_GOSSIP_KEY", n)}
	case f.KeyKept: // as may be meant: a secret of Kubernetes, or root's
		return []Finding{ok("gossip key", "%d in %s, a folder that can't be written to: a key that the herd changes would be in memory only", n, f.Config.Gossip.KeyFile)}
	default:
		return []Finding{ok("gossip key", "%d in %s", n, f.Config.Gossip.KeyFile)}
	}
}

// tokens finds one that is good for more than its holder was meant to do.
func (f *Facts) tokens() []Finding {
	read, write := f.Loaded.ReadTokens, f.Loaded.WriteTokens
	for _, t := range read {
		if slices.Contains(write, t) {
			return []Finding{warning("tokens", "a token is in http.read_token_file and in http.write_token_file: who has it may do all",
				"Make another for those who may only look, with \"herd keygen --out FILE\".")}
		}
	}
	if len(read)+len(write) == 0 {
		return []Finding{ok("tokens", "none")}
	}
	return []Finding{ok("tokens", "%d to read, %d to write", len(read), len(write))}
}

// folders finds those in which others may put another file in a secret's place.
func (f *Facts) folders() []Finding {
	var all []Finding
	for _, d := range f.Folders {
		if d.Mode.Perm()&0o022 != 0 && d.Mode&fs.ModeSticky == 0 {
			all = append(all, warning("files", fmt.Sprintf("%s, the folder of %s, has mode %04o: others may replace the file", d.Name, d.Setting, d.Mode.Perm()),
				fmt.Sprintf("Run chmod go-w on %s.", d.Name)))
		}
	}
	return all
}

// user is about what root does not see: that the node's user may not do what root may.
func (f *Facts) user() []Finding {
	r := f.Root
	if r == nil || r.User == "" {
		return nil
	}
	all := []Finding{warning("user", fmt.Sprintf("this runs as root, and %s, the node's %s, is %s's: what that user may not do is not seen", r.Name, r.Setting, r.User),
		"Run it as the node runs: \"herd help operating\" says how.")}
	for _, c := range r.Closed {
		all = append(all, warning("user", fmt.Sprintf("%s, the %s, is root's with mode %04o, and %s can't read it", c.Name, c.Setting, c.Mode.Perm(), r.User),
			fmt.Sprintf("Run chown %s on %s.", r.User, c.Name)))
	}
	return all
}

// soon is how long before its end a certificate is spoken of: the node itself does so a
// week before.
const soon = 14 * 24 * time.Hour

// certificate is about the one in the files. That the key matches it the configuration has
// been checked for.
func (f *Facts) certificate() []Finding {
	if f.Loaded.TLS == nil {
		return []Finding{ok("certificate", "none: clients and HTTP speak in the clear")}
	}
	leaf := f.Loaded.TLS.Certificates[0].Leaf
	file := f.Config.TLS.CertFile
	renew := fmt.Sprintf("Put a new one into %s and send the node SIGHUP.", file)
	var all []Finding
	switch left := leaf.NotAfter.Sub(f.Now); {
	case f.Now.Before(leaf.NotBefore):
		all = append(all, fault("certificate", fmt.Sprintf("%s is not valid before %s", file, leaf.NotBefore.UTC().Format(time.DateTime)),
			"Set the clock if it is slow, or put a certificate into the file that is valid now."))
	case left <= 0:
		all = append(all, fault("certificate", fmt.Sprintf("%s has expired %s ago: clients refuse it", file, days(-left)), renew))
	case left < soon:
		all = append(all, warning("certificate", fmt.Sprintf("%s expires in %s", file, days(left)), renew))
	}
	if missing := f.unnamed(leaf); missing != "" {
		all = append(all, warning("certificate", fmt.Sprintf("%s is for %s, and not for %s, which others are told to reach this node at", file, names(leaf), missing),
			"Have it signed for that address too, or have clients name one of those that are in it."))
	}
	if !serves(leaf) {
		all = append(all, fault("certificate", file+" is not for servers (extended key usage): clients refuse it", "Have one signed with the usage serverAuth."))
	}
	if all == nil {
		all = append(all, ok("certificate", "%s, for %s, expires in %s", file, names(leaf), days(leaf.NotAfter.Sub(f.Now))))
	}
	return all
}

func serves(leaf *x509.Certificate) bool {
	return len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 ||
		slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// unnamed is the address that other machines would reach the ports at, if the certificate is
// not for it nor for any name: by which of its names clients come nobody knows.
func (f *Facts) unnamed(leaf *x509.Certificate) string {
	if f.AdvertiseErr != nil || len(leaf.DNSNames) > 0 {
		return ""
	}
	host := f.Advertised.Addr().String()
	for _, port := range []string{f.Config.Client.Addr, f.Config.HTTP.Addr} {
		if h, _, err := net.SplitHostPort(port); err == nil && net.ParseIP(h) != nil && !net.ParseIP(h).IsUnspecified() {
			host = h
			break
		}
	}
	if leaf.VerifyHostname(host) == nil {
		return ""
	}
	return host
}

func names(leaf *x509.Certificate) string {
	all := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name"
	}
	return strings.Join(all, ", ")
}

func days(d time.Duration) string {
	switch n := int(d / (24 * time.Hour)); {
	case n == 0:
		return d.Round(time.Minute).String()
	case n == 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}
