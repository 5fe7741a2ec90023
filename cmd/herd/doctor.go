package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/doctor"
	"herd/config"
)

func (a *app) doctor() *cobra.Command {
	var s settings
	var asJSON bool
	api := &nodeAPI{token: config.Secret(a.getenv("HERD_TOKEN"))}
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Find what is wrong with a node, its machine or its network, and say what to do",
		Long: "Doctor takes the flags and files of \"herd node\" and judges what a start would do: the\n" +
			"configuration, keys, tokens and certificate, ports, addresses, limits, the clock, and\n" +
			"whether the seeds can be reached by TCP and by UDP and know the key. If the node runs, it\n" +
			"asks it too, and tries the ways to all members. It changes nothing. Run it as the node's\n" +
			"user: root may do more than the node.\n" +
			"\n" +
			"A line a check, the worst last: ok, warning, fault, with what to do. Exit code 1 if there\n" +
			"is a fault; warnings alone are 0.",
		Example: "  herd doctor --config /etc/herd",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		findings, err := a.examine(ctx, &s, api)
		if err != nil {
			return err
		}
		summary, faulty := doctor.Summary(findings)
		if asJSON {
			err = printJSON(a.stdout, struct {
				Healthy  bool             `json:"healthy"` // no fault
				Findings []doctor.Finding `json:"findings"`
			}{!faulty, findings})
		} else {
			err = printFindings(a.stdout, findings, summary)
		}
		if err == nil && faulty {
			err = &exit{code: exitFailed}
		}
		return err
	})
	s.register(cmd)
	f := cmd.Flags()
	f.StringVar(&api.tokenFile, "token-file", a.getenv("HERD_TOKEN_FILE"), "file with the token for the node that runs; or HERD_TOKEN; without, one of the configuration's")
	api.trust.flags(a, cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// examine looks and judges.
func (a *app) examine(ctx context.Context, s *settings, api *nodeAPI) ([]doctor.Finding, error) {
	loaded, err := a.load(s)
	if err != nil {
		return doctor.Misconfigured(err), nil
	}
	if err := api.prepare(loaded); err != nil {
		return nil, err
	}
	defer api.http.CloseIdleConnections()
	facts := doctor.Gather(ctx, loaded, doctor.World{Root: "/", MaxFiles: maxFiles(), SpareFiles: spareFiles, API: api})
	return facts.Judge(), ctx.Err()
}

func printFindings(w io.Writer, all []doctor.Finding, summary string) error {
	width := 0
	for _, f := range all {
		width = max(width, len(f.Check))
	}
	for _, f := range all {
		if _, err := fmt.Fprintf(w, "%-7s  %-*s  %s\n", f.Status, width, f.Check, f.Found); err != nil {
			return err
		}
		if f.Advice != "" {
			if _, err := fmt.Fprintf(w, "%*s%s\n", 7+2+width+2+2, "", f.Advice); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

// nodeAPI asks the node that a configuration is for. No token is sent to who may be
// somebody else: over TLS that is who shows neither the configured certificate nor one
// signed by ca-file.
type nodeAPI struct {
	token     config.Secret
	tokenFile string
	trust     trust

	addr   string // to dial; empty: a free one was asked for
	scheme string
	http   http.Client
	own    *x509.Certificate // the configured one; nil: none
}

// prepare reads what is needed, once.
func (n *nodeAPI) prepare(loaded *config.Loaded) error {
	host, port, err := net.SplitHostPort(loaded.Config.HTTP.Addr)
	if err == nil && port != "0" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		n.addr = net.JoinHostPort(host, port)
	}
	switch {
	case n.tokenFile != "":
		if n.token, err = config.ReadToken(n.tokenFile); err != nil {
			return usagef("%w", err)
		}
	case n.token != "":
	case len(loaded.ReadTokens) > 0:
		n.token = loaded.ReadTokens[0]
	case len(loaded.WriteTokens) > 0:
		n.token = loaded.WriteTokens[0]
	}
	trusted, err := n.trust.config()
	if err != nil {
		return usagef("%w", err)
	}
	n.scheme = "http://"
	if loaded.TLS != nil && loaded.Config.TLS.HTTP {
		n.scheme = "https://"
		n.own = loaded.TLS.Certificates[0].Leaf
		trusted.InsecureSkipVerify = true // Get looks at what was shown
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // it is on this machine
	transport.TLSClientConfig = trusted
	n.http = http.Client{Timeout: 5 * time.Second, Transport: transport, CheckRedirect: stay}
	return nil
}

// Addr is of [doctor.API].
func (n *nodeAPI) Addr() string { return n.addr }

// errUntrusted is why there was no question.
var errUntrusted = errors.New("it shows neither the certificate of tls.cert_file nor one that --ca-file has signed")

// Get is of [doctor.API].
func (n *nodeAPI) Get(ctx context.Context, path string) (doctor.Answer, error) {
	var answer doctor.Answer
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.scheme+n.addr+path, nil)
	if err != nil {
		return answer, err
	}
	open := path == "/livez" || path == "/readyz"
	client := n.http
	if !open && n.scheme == "https://" {
		// A connection that is good for a question is verified before that is sent.
		t := n.http.Transport.(*http.Transport).Clone()
		t.TLSClientConfig.VerifyConnection = n.verify
		defer t.CloseIdleConnections()
		client.Transport = t
	}
	if !open && n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token.Reveal())
	}
	resp, err := client.Do(r)
	if err != nil {
		return answer, innermost(err)
	}
	defer resp.Body.Close()
	answer.Status = resp.StatusCode
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		answer.Certificate = resp.TLS.PeerCertificates[0]
	}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return answer, err
}

// verify refuses who is not the node of the configuration.
func (n *nodeAPI) verify(s tls.ConnectionState) error {
	leaf := s.PeerCertificates[0]
	if leaf.Equal(n.own) {
		return nil
	}
	if n.trust.caFile == "" {
		return errUntrusted
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	trusted, err := n.trust.config()
	if err != nil {
		return err
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: trusted.RootCAs, Intermediates: between}); err != nil {
		return errUntrusted
	}
	return nil
}
