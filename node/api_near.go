package node

import (
	"context"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"herd/gossip"
	"herd/gossip/location"
	"herd/node/metrics"
)

// Bounds of a question who is near.
const (
	maxNear     = 1000 // clients
	usualNear   = 20   // the same, if nothing is asked for
	usualRadius = 1000 // metres
	maxSeekers  = 4    // questions that are being answered: one about a huge crowd takes a processor for long

	// nearRest is how often the table is told that nobody has asked; the second time it
	// gives up what it keeps for such questions.
	nearRest = 5 * time.Minute
)

// maxRadius is half the way around the earth in whole metres: everyone is within it.
var maxRadius = math.Ceil(location.HalfEarth)

// nearness is what a node keeps of questions who is near.
type nearness struct {
	seekers slots      // one for each question that is being answered
	mu      sync.Mutex // guards took
	took    gossip.Spread
}

// nearCenter is what clients are near to.
type nearCenter struct {
	Lat, Lon float64
	Client   string // who is there, and is not in the list; empty: it is a point
}

func (n *Node) nearRoutes() []route {
	return []route{{"GET", "/v1/near", "lat lon client radius limit format", "the clients near a point or a client, the nearest first", n.getNear}}
}

// getNear lists the clients near a point, or near a client but for that one, as far as
// this node knows.
func (n *Node) getNear(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	form := p.form(w, r)
	radius, limit := p.number("radius", 0, maxRadius, usualRadius), p.whole("limit", 1, maxNear, usualNear)
	about := p.has("client")
	var c nearCenter
	switch {
	case about && (p.has("lat") || p.has("lon")):
		problem(w, http.StatusBadRequest, "Give lat and lon, or client, not both.")
		return
	case !about && !p.has("lat") && !p.has("lon"):
		problem(w, http.StatusBadRequest, "Give lat and lon, or client.")
		return
	case !about:
		c.Lat, c.Lon = p.needed("lat", -90, 90), p.needed("lon", -180, 180)
	}
	if p.bad(w) {
		return
	}
	if about {
		cmd, ok := n.command(w, "WHATSAT", p.values.Get("client"), "0", "0")
		if !ok {
			return
		}
		e, ok := n.find(w, r.Context(), cmd.ID)
		if !ok {
			return
		}
		c.Client = string(cmd.ID)
		c.Lat, c.Lon = e.Position.Degrees()
		limit++ // itself
	}
	done, ok := n.answers.take(r.Context())
	if !ok {
		return
	}
	defer done()
	near, ok := n.seek(r.Context(), &c, radius, limit)
	if !ok {
		return
	}
	near = leaveOut(near, c.Client, limit)
	if form == geoJSON {
		writeGeoJSON(w, http.StatusOK, collect(describeNear(near)))
		return
	}
	writeBody(w, appendNear(make([]byte, 0, 128+len(near)*usualClientText), &c, radius, near))
}

// seek finds who is near, at most limit, when there is a place to look; false if ctx is done
// before.
func (n *Node) seek(ctx context.Context, c *nearCenter, radius float64, limit int) ([]location.Neighbour, bool) {
	done, ok := n.near.seekers.take(ctx)
	if !ok {
		return nil, false
	}
	defer done()
	began := time.Now()
	near := n.table.Near(c.Lat, c.Lon, radius, limit)
	n.near.count(time.Since(began))
	return near, true
}

// leaveOut takes the client without from a list that may be one longer for it; empty: none.
func leaveOut(near []location.Neighbour, without string, limit int) []location.Neighbour {
	if without == "" {
		return near
	}
	near = slices.DeleteFunc(near, func(c location.Neighbour) bool { return c.ID == without })
	return near[:min(len(near), limit-1)]
}

func describeNear(near []location.Neighbour) []clientInfo {
	list := make([]clientInfo, len(near))
	for i := range near {
		c := &near[i]
		list[i] = describeClient(c.ID, &c.Fix)
		list[i].Distance = &c.Distance
	}
	return list
}

// appendNear appends an answer: its clients, the nearest first. Names are a contract: add,
// never change.
func appendNear(dst []byte, c *nearCenter, radius float64, near []location.Neighbour) []byte {
	dst = appendNumber(append(dst, `{"center":{"lat":`...), c.Lat)
	dst = appendNumber(append(dst, `,"lon":`...), c.Lon)
	if c.Client != "" {
		dst = appendText(append(dst, `,"client":`...), c.Client)
	}
	dst = appendNumber(append(dst, `},"radius_m":`...), radius)
	dst = append(dst, `,"clients":[`...)
	for i := range near {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendClient(dst, near[i].ID, &near[i].Fix)
		dst = append(dst[:len(dst)-1], `,"distance_m":`...)
		dst = append(appendNumber(dst, near[i].Distance), '}')
	}
	return append(dst, "]}\n"...)
}

func (n *nearness) count(took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.took.Add(took)
}

func (n *Node) nearStats() metrics.Near {
	n.near.mu.Lock()
	defer n.near.mu.Unlock()
	return metrics.Near{Took: n.near.took, Bytes: n.table.NearBytes()}
}
