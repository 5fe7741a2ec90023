package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// pageSize is how many clients a node is asked for at a time.
const pageSize = 1000

// Box is an area between two meridians, from west to east, and two parallels, in degrees, its
// edges included. Where West is greater than East it spans the antimeridian.
type Box struct{ West, South, East, North float64 }

// String is the form of the API: west,south,east,north.
func (b Box) String() string {
	return decimal(b.West) + "," + decimal(b.South) + "," + decimal(b.East) + "," + decimal(b.North)
}

// decimal is a number without an exponent.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// Which says which clients are meant. The zero Which means all.
type Which struct {
	Prefix string // of their IDs; empty: any
	Area   *Box   // nil: everywhere
}

func (w Which) values() url.Values {
	q := url.Values{}
	if w.Prefix != "" {
		q.Set("prefix", w.Prefix)
	}
	if w.Area != nil {
		q.Set("bbox", w.Area.String())
	}
	return q
}

// ErrBroken is the end of a list whose node is gone before all of it came.
var ErrBroken = errors.New("the list has broken off")

// Clients lists clients, page by page as they are needed, in an order of the node's own. One that
// is there all the time is listed once. All pages come from one node: if that is gone before the
// end, the last that comes is an error, and the list has to begin anew.
func (a *API) Clients(ctx context.Context, which Which) iter.Seq2[Located, error] {
	return func(yield func(Located, error) bool) {
		q := which.values()
		q.Set("limit", strconv.Itoa(pageSize))
		from := &a.nodes
		for {
			var page struct {
				Clients []Located
				Next    string
			}
			text, to, err := a.from(ctx, from, http.MethodGet, "/v1/clients?"+q.Encode(), nil)
			if err == nil {
				err = json.Unmarshal(text, &page)
			}
			if err != nil && from != &a.nodes {
				err = fmt.Errorf("%w: %w", ErrBroken, err)
			}
			if err != nil {
				yield(Located{}, fmt.Errorf("list clients: %w", err))
				return
			}
			for _, c := range page.Clients {
				if !yield(c, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Set("cursor", page.Next)
			if from == &a.nodes {
				from = a.nodes.just(to)
			}
		}
	}
}

// Client is where a client is. A [*StatusError] with the status 404 is that the herd knows of
// none.
func (a *API) Client(ctx context.Context, id string) (l Located, err error) {
	err = a.get(ctx, clientPath(id), &l)
	return l, err
}

// Put reports where a client is and when it was there, as [Client.Report] does, and returns the
// client as the herd knows it then. Without a time it is now, by the clock of this machine: so it
// may be sent more than once, like any report.
func (a *API) Put(ctx context.Context, id string, at Position, when Seconds) (l Located, err error) {
	if when == "" {
		when = SecondsOf(time.Now())
	}
	body, err := json.Marshal(struct {
		Position Position `json:"position"`
		Time     Seconds  `json:"time"`
	}{at, when})
	if err != nil {
		return l, fmt.Errorf("report %s: %w", shorten(id), err)
	}
	err = a.json(ctx, http.MethodPut, clientPath(id), body, &l)
	return l, err
}

// Places is what is near a client, as [Client.Places] has it but for the fix.
func (a *API) Places(ctx context.Context, id string, km float64, limit int) (Places, error) {
	q := url.Values{"radius": {decimal(km)}, "limit": {strconv.Itoa(limit)}}
	text, err := a.Raw(ctx, http.MethodGet, clientPath(id)+"/places?"+q.Encode(), nil)
	if err != nil {
		return Places{}, err
	}
	p, err := parsePlaces(text)
	if err != nil {
		return Places{}, fmt.Errorf("places near %s: %w", shorten(id), err)
	}
	return p, nil
}

// Near lists the clients around a point in degrees, the nearest first: at most limit, 1 to 1000,
// within so many metres, half the way around the earth at most. Each has its Distance.
func (a *API) Near(ctx context.Context, lat, lon, metres float64, limit int) ([]Located, error) {
	return a.near(ctx, metres, limit, url.Values{"lat": {decimal(lat)}, "lon": {decimal(lon)}})
}

// NearClient is [API.Near] around a client, which is not in the list.
func (a *API) NearClient(ctx context.Context, id string, metres float64, limit int) ([]Located, error) {
	return a.near(ctx, metres, limit, url.Values{"client": {id}})
}

func (a *API) near(ctx context.Context, metres float64, limit int, q url.Values) ([]Located, error) {
	q.Set("radius", decimal(metres))
	q.Set("limit", strconv.Itoa(limit))
	var answer struct{ Clients []Located }
	err := a.get(ctx, "/v1/near?"+q.Encode(), &answer)
	return answer.Clients, err
}

// clientPath is where a node has the client id. A path must not have "." and ".." as they are.
func clientPath(id string) string {
	escaped := url.PathEscape(id)
	if strings.Trim(id, ".") == "" {
		escaped = strings.ReplaceAll(id, ".", "%2E")
	}
	return "/v1/clients/" + escaped
}
