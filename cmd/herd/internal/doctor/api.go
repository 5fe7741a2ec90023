package doctor

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// API is how the node that may run is asked.
type API interface {
	// Addr is where it would be; empty: it can't be known.
	Addr() string
	// Get asks for a path. An error: nobody answers.
	Get(ctx context.Context, path string) (Answer, error)
}

// Answer is what came back.
type Answer struct {
	Status      int
	Body        []byte
	Certificate *x509.Certificate // that was shown; nil: none
}

// askNode is what the node that runs says; nil: none does.
func askNode(ctx context.Context, api API) *Running {
	if api == nil || api.Addr() == "" {
		return nil
	}
	alive, err := api.Get(ctx, "/livez")
	if err != nil || string(alive.Body) != "alive\n" {
		return nil // nobody, or somebody else
	}
	r := &Running{Addr: api.Addr(), Certificate: alive.Certificate}
	if ready, err := api.Get(ctx, "/readyz"); err == nil {
		r.Verdict = strings.TrimSpace(string(ready.Body))
	} else {
		r.Verdict = "it does not say whether it is ready: " + err.Error()
	}
	get := func(path string, v any) {
		if r.Refusal != "" {
			return
		}
		a, err := api.Get(ctx, path)
		switch {
		case err != nil:
			r.Refusal = err.Error()
		case a.Status == http.StatusNotFound && path == figures: // of 0.1.0, which has no journal
		case a.Status != http.StatusOK:
			r.Refusal = fmt.Sprintf("status %d%s", a.Status, detail(a.Body))
		case v == nil:
			r.OtherLimits = otherLimits(a.Body)
		default:
			if err := json.Unmarshal(a.Body, v); err != nil {
				r.Refusal = path + ": " + err.Error()
			}
		}
	}
	var list struct {
		Members []Member `json:"members"`
	}
	var stats struct {
		Journal struct {
			Trouble string `json:"trouble"`
		} `json:"journal"`
	}
	get("/v1/self", &r.Self)
	get("/v1/members", &list)
	get(figures, &stats)
	get("/metrics", nil)
	r.Members, r.Journal = list.Members, stats.Journal.Trouble
	return r
}

// figures is where a node says how it does.
const figures = "/v1/stats"

// detail is what a problem in the sense of RFC 9457 says.
func detail(body []byte) string {
	var p struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(p.Detail, ".")
}

// otherLimits is the one figure that only metrics have.
func otherLimits(metrics []byte) int {
	for line := range strings.Lines(string(metrics)) {
		if text, ok := strings.CutPrefix(line, "herd_members_with_other_limits "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return int(n)
		}
	}
	return 0
}
