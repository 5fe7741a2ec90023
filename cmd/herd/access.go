package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/spf13/cobra"

	"herd/config"
)

// accessFlags have a verb show who it is to the nodes that it asks over HTTP, and know
// them: by the token of a file or of HERD_TOKEN, and by certificates.
func (a *app) accessFlags(cmd *cobra.Command, c *client) {
	b := &bearer{token: config.Secret(a.getenv("HERD_TOKEN"))}
	cmd.Flags().StringVar(&b.file, "token-file", a.getenv("HERD_TOKEN_FILE"), "file with the token to send, if the nodes ask for one; or HERD_TOKEN")
	b.trust.flags(a, cmd)
	c.access, c.http.Transport, c.http.CheckRedirect = b, b, stay
}

// stay follows no redirect: a node sends none, and whoever does would have the token sent on,
// and of a change to the key ring the key.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// trust is how a verb knows a node over TLS, and what it shows of itself.
type trust struct {
	caFile, certFile, keyFile string
}

func (t *trust) flags(a *app, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.caFile, "ca-file", a.getenv("HERD_CA_FILE"), "file with the certificates, PEM, that sign for the nodes, which then speak TLS; without, https:// trusts whom the system trusts")
	f.StringVar(&t.certFile, "cert-file", a.getenv("HERD_CERT_FILE"), "file with the certificate to show to nodes that ask for one, PEM; they then speak TLS")
	f.StringVar(&t.keyFile, "cert-key-file", a.getenv("HERD_CERT_KEY_FILE"), "file with its private key, PEM")
}

// given tells whether it makes sense over TLS alone: then nothing goes in the clear.
func (t *trust) given() bool { return t.caFile != "" || t.certFile != "" || t.keyFile != "" }

// config is for connections to nodes.
func (t *trust) config() (*tls.Config, error) {
	return config.ClientTLS(t.caFile, t.certFile, t.keyFile)
}

// linesFlag is for a verb that talks to the nodes' ports of clients, too. It has the name that the
// setting of the node has.
func (c *client) linesFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.tlsLines, "tls-clients", true, "over TLS the ports of clients are talked to likewise; false if those are in the clear")
}

// lineTLS is for connections to the ports of clients; nil: they are in the clear.
func (c *client) lineTLS() (*tls.Config, error) {
	scheme, _ := c.split()
	if !c.tlsLines || scheme != "https://" && !c.access.trust.given() {
		return nil, nil
	}
	config, err := c.access.trust.config()
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return config, nil
}

// lineDial is how to connect to a port of clients.
func (c *client) lineDial() (dialFunc, error) {
	trusted, err := c.lineTLS()
	if err != nil || trusted == nil {
		return new(net.Dialer).DialContext, err
	}
	return (&tls.Dialer{Config: trusted}).DialContext, nil
}

// bearer sends requests with a token, if there is one. A file comes before a variable.
type bearer struct {
	file  string // static once flags are read
	token config.Secret
	trust trust

	once sync.Once // for the files to be read
	err  error
	next http.RoundTripper
}

// scheme is that of nodes whose address has none.
func (b *bearer) scheme() string {
	if b != nil && b.trust.given() {
		return "https://"
	}
	return "http://"
}

func (b *bearer) read() {
	if b.file != "" {
		if b.token, b.err = config.ReadToken(b.file); b.err != nil {
			return
		}
	}
	var trusted *tls.Config
	if trusted, b.err = b.trust.config(); b.err != nil {
		return
	}
	next := http.DefaultTransport.(*http.Transport).Clone()
	next.TLSClientConfig = trusted
	b.next = next
}

// authorization is the header of requests; empty: none. It is known after the first of them.
func (b *bearer) authorization() string {
	if b.token == "" {
		return ""
	}
	return "Bearer " + b.token.Reveal()
}

// RoundTrip is of [http.RoundTripper].
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.once.Do(b.read)
	if b.err != nil {
		return nil, &exit{exitUsage, b.err}
	}
	if value := b.authorization(); value != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", value)
	}
	return b.next.RoundTrip(r)
}
