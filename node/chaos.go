package node

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"herd/gossip/fault"
)

// Supervisor runs the nodes of this process. Its methods are safe for concurrent use.
type Supervisor interface {
	// Kill returns what ends the node called name as kill -9 would, and starts it again
	// after d; 0: it does not. The caller answers whoever asked before it calls that,
	// once, and may not live to see it return.
	Kill(name string, d time.Duration) (do func(), err error)
	// Restart starts a node that has been killed, with an empty table and the same
	// addresses. It does not wait for it to be ready.
	Restart(name string) error
	// Killed names the nodes that have been killed.
	Killed() []string
}

// Bounds of what the chaos API takes.
const (
	maxChaosBody = 256 << 10
	maxFaultTime = 24 * time.Hour
)

func (n *Node) chaosRoutes() []route {
	return []route{
		{"GET", "/v1/chaos", "", "faults on command: what acts now", n.chaos(n.getChaos)},
		{"POST", "/v1/chaos", "", "add faults", n.chaos(n.postChaos)},
		{"DELETE", "/v1/chaos", "id", "heal all", n.chaos(n.deleteChaos)},
		{"POST", "/v1/chaos/kill", "", "end this node as kill -9 would", n.chaos(n.postKill)},
		{"POST", "/v1/chaos/restart", "", "start a killed node of this process again", n.chaos(n.postRestart)},
	}
}

// prepareChaos puts a network with faults before the real one, if that is allowed. Else
// there is nothing between.
func (n *Node) prepareChaos() {
	if !n.config.Settings.Chaos {
		return
	}
	n.faults = fault.New(n.config.Network, n.nameAt)
	n.faults.Seed(rand.Uint64())
	n.config.Network = n.faults
}

// nameAt is the name of the member with a gossip address; empty: there is none.
func (n *Node) nameAt(addr string) string {
	for _, m := range n.cluster.Members() {
		if m.Gossip == addr {
			return m.Name
		}
	}
	return ""
}

// hold is what clients wait for.
func (n *Node) hold() func(context.Context) {
	if n.faults == nil {
		return nil
	}
	return n.faults.Wait
}

// faultInfo is a fault in the answers of the API, and what is asked for. Names are a
// contract: add, never change.
type faultInfo struct {
	ID    uint64     `json:"id,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"` // none: until it is healed

	Peers []string  `json:"peers,omitempty"` // names or gossip addresses; none: every peer
	Way   fault.Way `json:"way,omitempty"`
	For   span      `json:"for,omitempty"` // 0: until it is healed

	Cut       bool    `json:"cut,omitempty"`
	Reset     bool    `json:"reset,omitempty"`
	Pause     bool    `json:"pause,omitempty"`
	Loss      float64 `json:"loss,omitempty"`
	Duplicate float64 `json:"duplicate,omitempty"`
	Delay     span    `json:"delay,omitempty"`
	Jitter    span    `json:"jitter,omitempty"`
	Rate      int     `json:"rate,omitempty"` // bytes a second
}

// span is a duration as Go writes it: "1.5s".
type span time.Duration

func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

func (s *span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return err
	}
	*s = span(d)
	return nil
}

func (f *faultInfo) rule() fault.Rule {
	return fault.Rule{
		Peers: f.Peers, Way: f.Way, Cut: f.Cut, Reset: f.Reset, Pause: f.Pause,
		Loss: f.Loss, Duplicate: f.Duplicate,
		Delay: time.Duration(f.Delay), Jitter: time.Duration(f.Jitter), Rate: f.Rate,
	}
}

func describeFault(f fault.Fault) faultInfo {
	info := faultInfo{
		ID: f.ID, Since: &f.Since, Peers: f.Peers, Way: f.Way, Cut: f.Cut, Reset: f.Reset, Pause: f.Pause,
		Loss: f.Loss, Duplicate: f.Duplicate, Delay: span(f.Delay), Jitter: span(f.Jitter), Rate: f.Rate,
	}
	if !f.Until.IsZero() {
		info.Until = &f.Until
		info.For = span(f.Until.Sub(f.Since))
	}
	return info
}

// chaos refuses a request where faults are not allowed.
func (n *Node) chaos(next http.HandlerFunc) http.HandlerFunc {
	if n.faults != nil {
		return next
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "This node allows no chaos: it is to be started with --chaos, or chaos = true in its configuration.")
	}
}

// getChaos lists what acts now.
func (n *Node) getChaos(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Node   string      `json:"node"`
		Faults []faultInfo `json:"faults"`
		Killed []string    `json:"killed"` // nodes of this process
	}{n.config.Settings.Name, []faultInfo{}, []string{}}
	for _, f := range n.faults.Faults() {
		answer.Faults = append(answer.Faults, describeFault(f))
	}
	if s := n.config.Supervisor; s != nil {
		answer.Killed = append(answer.Killed, s.Killed()...)
	}
	writeJSON(w, http.StatusOK, answer)
}

// postChaos adds faults: all of them, or none.
func (n *Node) postChaos(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Seed   *uint64     `json:"seed"` // of what is left to chance; none: as it is
		Faults []faultInfo `json:"faults"`
	}
	if !readBody(w, r, maxChaosBody, &body) {
		return
	}
	if len(body.Faults) == 0 && body.Seed == nil {
		problem(w, http.StatusBadRequest, "The body names no fault and no seed.")
		return
	}
	for i, f := range body.Faults {
		err := f.rule().Check()
		if err == nil && (f.For < 0 || time.Duration(f.For) > maxFaultTime) {
			err = fmt.Errorf("for is %v, it must be from 0s to %v", time.Duration(f.For), maxFaultTime)
		}
		if err != nil {
			problem(w, http.StatusBadRequest, fmt.Sprintf("Fault %d: %v.", i+1, err))
			return
		}
	}
	if body.Seed != nil {
		n.faults.Seed(*body.Seed)
	}
	ids := []uint64{}
	for _, f := range body.Faults {
		id, err := n.faults.Add(f.rule(), time.Duration(f.For))
		if err != nil {
			for _, id := range ids {
				n.faults.Remove(id)
			}
			problem(w, http.StatusConflict, sentence(err)+" Heal some.")
			return
		}
		ids = append(ids, id)
		n.log.Info("fault on command", "fault", id, "peers", f.Peers, "way", f.Way, "for", time.Duration(f.For),
			"cut", f.Cut, "reset", f.Reset, "pause", f.Pause, "loss", f.Loss, "duplicate", f.Duplicate,
			"delay", time.Duration(f.Delay), "jitter", time.Duration(f.Jitter), "rate", f.Rate)
	}
	writeJSON(w, http.StatusOK, map[string][]uint64{"added": ids})
}

// deleteChaos ends faults: all, or the one named by ?id=.
func (n *Node) deleteChaos(w http.ResponseWriter, r *http.Request) {
	healed := 0
	if text := r.URL.Query().Get("id"); text != "" {
		id, err := strconv.ParseUint(text, 10, 64)
		switch {
		case err != nil:
			problem(w, http.StatusBadRequest, "The id must be a whole number.")
			return
		case !n.faults.Remove(id):
			problem(w, http.StatusNotFound, "No fault of this number acts.")
			return
		}
		healed = 1
	} else {
		healed = n.faults.Heal()
	}
	n.log.Info("faults healed on command", "faults", healed)
	writeJSON(w, http.StatusOK, map[string]int{"healed": healed})
}

// postKill ends this node. The answer leaves before.
func (n *Node) postKill(w http.ResponseWriter, r *http.Request) {
	var body struct {
		For span `json:"for"` // then it is started again; 0: it is not
	}
	s := n.supervisor(w)
	if s == nil || !readBody(w, r, maxChaosBody, &body) {
		return
	}
	if body.For < 0 || time.Duration(body.For) > maxFaultTime {
		problem(w, http.StatusBadRequest, fmt.Sprintf("for is %v, it must be from 0s to %v.", time.Duration(body.For), maxFaultTime))
		return
	}
	kill, err := s.Kill(n.config.Settings.Name, time.Duration(body.For))
	if err != nil {
		problem(w, http.StatusConflict, sentence(err))
		return
	}
	n.log.Warn("killed on command")
	answer, _ := json.Marshal(map[string]string{"killed": n.config.Settings.Name}) // texts never fail
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(answer))) // it is complete without us
	w.WriteHeader(http.StatusAccepted)
	w.Write(answer)
	http.NewResponseController(w).Flush()
	kill()
}

// postRestart starts another node of this process.
func (n *Node) postRestart(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Node string `json:"node"`
	}
	s := n.supervisor(w)
	if s == nil || !readBody(w, r, maxChaosBody, &body) {
		return
	}
	if err := s.Restart(body.Node); err != nil {
		problem(w, http.StatusConflict, sentence(err))
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]string{"restarted": body.Node})
}

// supervisor is who kills and restarts. Where there is none it says so.
func (n *Node) supervisor(w http.ResponseWriter) Supervisor {
	if n.config.Supervisor == nil {
		problem(w, http.StatusNotImplemented, "Nobody here can kill or restart nodes.")
	}
	return n.config.Supervisor
}
