package main

import (
	"net/http"
	"sync"

	"github.com/spf13/cobra"

	"herd/config"
)

// tokenFlag has a verb send the token of a file, or of HERD_TOKEN, to the nodes that it
// asks.
func (a *app) tokenFlag(cmd *cobra.Command, c *client) {
	b := &bearer{token: config.Secret(a.getenv("HERD_TOKEN"))}
	cmd.Flags().StringVar(&b.file, "token-file", a.getenv("HERD_TOKEN_FILE"), "file with the token to send, if the nodes ask for one; or HERD_TOKEN")
	c.http.Transport = b
}

// bearer sends requests with a token, if there is one. A file comes before a variable.
type bearer struct {
	file  string // static once flags are read
	token config.Secret

	once sync.Once // for the file to be read
	err  error
}

// RoundTrip is of [http.RoundTripper].
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.once.Do(func() {
		if b.file != "" {
			b.token, b.err = config.ReadToken(b.file)
		}
	})
	if b.err != nil {
		return nil, &exit{exitUsage, b.err}
	}
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	}
	return http.DefaultTransport.RoundTrip(r)
}
