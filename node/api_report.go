package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
)

// maxReport is how long the body of a report may be, in bytes.
const maxReport = 16 << 10

// retryAfter is when whoever finds the node not ready may ask again, in seconds.
const retryAfter = "1"

// whileServing refuses requests unless the node serves clients, and has them wait while it
// is paused on command.
func (n *Node) whileServing(next http.HandlerFunc) http.HandlerFunc {
	hold := n.hold()
	return func(w http.ResponseWriter, r *http.Request) {
		if hold != nil {
			hold(r.Context())
		}
		if !n.in(serving) {
			n.notServing(w)
			return
		}
		next(w, r)
	}
}

func (n *Node) notServing(w http.ResponseWriter) {
	detail := "This node is not ready yet."
	if n.in(leaving) {
		detail = "This node leaves."
	}
	w.Header().Set("Retry-After", retryAfter)
	problem(w, http.StatusServiceUnavailable, detail+" Ask another one.")
}

// putClient takes the report of a client, and answers when an IAMAT would be answered.
func (n *Node) putClient(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	form := p.form(w, r)
	if p.bad(w) {
		return
	}
	var body struct {
		Lat      *json.Number `json:"lat"`
		Lon      *json.Number `json:"lon"`
		Position string       `json:"position"`
		Time     string       `json:"time"`
	}
	if !readBody(w, r, maxReport, &body) {
		return
	}
	switch {
	case (body.Lat == nil) != (body.Lon == nil), (body.Lat == nil) == (body.Position == ""):
		problem(w, http.StatusBadRequest, "The body must hold lat and lon, or position.")
		return
	case body.Lat != nil:
		body.Position = degrees(*body.Lat) + degrees(*body.Lon)
	}
	now := n.config.Clock()
	if body.Time == "" {
		body.Time = seconds(now)
	}
	cmd, ok := n.command(w, "IAMAT", r.PathValue("id"), body.Position, body.Time)
	if !ok {
		return
	}
	_, known := n.table.Get(cmd.ID)
	f, stale, ok := n.report(w, r.Context(), now, &cmd)
	if !ok {
		return
	}
	c := describeClient(string(cmd.ID), &f)
	c.Stale = stale
	status := http.StatusOK
	if !known {
		status = http.StatusCreated
	}
	writeClient(w, form, status, c)
}

// report takes the report of a client that came at the time now, and returns when the herd has
// acknowledged it: with it, or with the newer one that the herd has. If it can't, it says so.
func (n *Node) report(w http.ResponseWriter, ctx context.Context, now time.Time, cmd *protocol.Command) (f location.Fix, stale, ok bool) {
	if !n.reporting.enter() {
		n.notServing(w)
		return f, false, false
	}
	defer n.reporting.leave()
	s := n.config.Settings
	f = location.NewFix(s.Name, now.UnixNano(), s.Herd.MaxClientAhead, cmd.Position, cmd.Time)
	ticket := n.cluster.Report(0, cmd.ID, f)
	n.cluster.Flush()
	ctx, cancel := context.WithTimeout(ctx, s.Herd.AckTimeout+drainTimeout) // whatever becomes of the cluster
	defer cancel()
	if err := n.cluster.Wait(ctx, ticket); err != nil {
		w.Header().Set("Retry-After", retryAfter)
		problem(w, http.StatusServiceUnavailable, "This node took the report and can't tell whether the herd has it. Send it again.")
		return f, false, false
	}
	if e, ok := n.table.Get(cmd.ID); ok && e.Compare(&f) > 0 {
		return e.Fix, true, true
	}
	return f, false, true
}

// degrees is a JSON number as half of a position, with the digits that it came with
// unless it has an exponent.
func degrees(n json.Number) string {
	text := n.String()
	if strings.ContainsAny(text, "eE") {
		if f, err := n.Float64(); err == nil {
			text = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	if strings.HasPrefix(text, "-") {
		return text
	}
	return "+" + text
}

// seconds is a time of this node's clock as a client would write it.
func seconds(t time.Time) string {
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
