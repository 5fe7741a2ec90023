package snapshot

import (
	"errors"
	"io"
	"time"
)

// Summary is what is in a snapshot.
type Summary struct {
	Header  Header         `json:"header"`
	Clients int            `json:"clients"`
	Oldest  time.Time      `json:"oldest,omitzero"` // of the clients' own times
	Newest  time.Time      `json:"newest,omitzero"`
	Area    *Area          `json:"area,omitempty"` // nil: there is nobody
	Nodes   map[string]int `json:"nodes"`          // clients by the node that took their reports
	Damaged int            `json:"damaged_lines"`
	First   []string       `json:"damage,omitempty"` // of the damage
	Whole   bool           `json:"whole"`            // nothing is damaged or missing
}

// Area is what clients are in, in degrees.
type Area struct {
	West  float64 `json:"west"`
	South float64 `json:"south"`
	East  float64 `json:"east"`
	North float64 `json:"north"`
}

// Bounds of what a summary holds, whatever is in the file.
const (
	maxFirst = 10
	maxNodes = 1000
)

// others has the clients of nodes beyond maxNodes.
const others = "…"

// Add takes in what Next of a Reader has returned, which is an error or a client. It returns false
// when there is nothing more.
func (s *Summary) Add(r *Record, err error) bool {
	var line *LineError
	switch {
	case err == nil:
		s.add(r)
		return true
	case errors.Is(err, io.EOF):
		s.Whole = s.Damaged == 0
		return false
	}
	s.Damaged++
	if len(s.First) < maxFirst {
		s.First = append(s.First, err.Error())
	}
	return errors.As(err, &line)
}

func (s *Summary) add(r *Record) {
	at, _ := r.Time.Time() // Next has checked both
	lat, lon, _ := r.Position.Degrees()
	s.Clients++
	if s.Oldest.IsZero() || at.Before(s.Oldest) {
		s.Oldest = at
	}
	if s.Newest.IsZero() || at.After(s.Newest) {
		s.Newest = at
	}
	if s.Area == nil {
		s.Area = &Area{lon, lat, lon, lat}
	}
	s.Area.West, s.Area.East = min(s.Area.West, lon), max(s.Area.East, lon)
	s.Area.South, s.Area.North = min(s.Area.South, lat), max(s.Area.North, lat)
	if s.Nodes == nil {
		s.Nodes = map[string]int{}
	}
	name := r.Node
	if _, known := s.Nodes[name]; !known && len(s.Nodes) >= maxNodes {
		name = others
	}
	s.Nodes[name]++
}
