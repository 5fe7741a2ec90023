package node

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"herd/gossip/breath"
	"herd/gossip/location"
	"herd/node/web"
)

// maxDrawers is how many drawings are made at a time: each goes through the table.
const maxDrawers = 2

// maxAnswers is how many large answers there are at a time. Who reads his slowly must not
// keep others from having theirs made, nor may there be any number of them.
const maxAnswers = 32

// slots are places for some requests at a time.
type slots chan struct{}

// take waits for a place until ctx is done. Give it back.
func (s slots) take(ctx context.Context) (back func(), ok bool) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, true
	case <-ctx.Done():
		return nil, false
	}
}

// mapRoutes are what the page at "/" is drawn from.
func (n *Node) mapRoutes() []route {
	return []route{
		{"GET", "/v1/map", "bbox limit since", "clients, packed for a map", n.getMap},
		{"GET", web.Prefix + "{file}", anyQuery, "parts of the page for browsers", n.page.ServeHTTP},
	}
}

// getMap draws clients: all of an area, or those that changed since the drawing of a
// cursor, with who of them is elsewhere now. A client that is gone since is not told of: who
// keeps a drawing follows events, or asks for all of it once in a while.
func (n *Node) getMap(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	box, limit := p.box("bbox"), p.whole("limit", 1, maxDrawn, maxDrawn)
	since, err := parseDrawn(p.values.Get("since"))
	if err != nil {
		p.refuse("since", "the cursor of a map")
	}
	if p.bad(w) {
		return
	}
	done, ok := n.answers.take(r.Context())
	if !ok {
		return
	}
	defer done()
	body, err := n.draw(r.Context(), box, limit, since)
	if err != nil {
		problem(w, http.StatusInternalServerError, "The map could not be drawn.")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // who does not take it has gone
}

// draw goes through the table. What it finds is at least as new as the cursor it gives.
func (n *Node) draw(ctx context.Context, area box, limit int, since drawn) ([]byte, error) {
	done, ok := n.drawers.take(ctx)
	if !ok {
		return nil, ctx.Err()
	}
	defer done()
	self := n.cluster.Self()
	full := since.by != self.Origin
	if full {
		since = drawn{}
	}
	mark := drawn{by: self.Origin, vector: n.cluster.Vector()}
	now, began := n.config.Clock(), time.Now()
	d := newDrawing(limit, since.level, now.UnixNano())
	var between breath.Breath
	for i := range n.table.Shards() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		between.Take()
		n.table.Scan(i, func(id string, e *location.Entry) {
			if !full && since.vector.CoversDot(e.Dot) {
				return
			}
			if lat, lon := e.Position.Degrees(); area.holds(lat, lon) {
				d.add(id, lat, lon, &e.Fix)
			} else if !full {
				d.leave(id)
			}
		})
	}
	mark.level = d.level
	return d.encode(drawingHead{
		Self: self.Name, Now: now.Round(time.Millisecond).UTC(), Full: full, Cursor: mark.String(), Clients: n.table.Len(),
		Took: time.Since(began).Microseconds(),
	})
}
