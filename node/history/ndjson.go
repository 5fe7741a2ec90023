package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// version is of the files.
const version = 1

const (
	maxLine     = 4 << 20 // bytes of a line
	linesOfDump = 1000    // AT lines in one line of a dump
)

// line is one line of a file: the header, or one event. Names are a contract: add,
// never change.
type line struct {
	Kind string `json:"kind"`

	// Kind "history".
	Version int           `json:"version,omitempty"`
	Wall    int64         `json:"wall,omitempty"`
	Ahead   time.Duration `json:"ahead,omitempty"`
	TTL     time.Duration `json:"ttl,omitempty"`
	Skew    time.Duration `json:"skew,omitempty"`
	Begin   time.Duration `json:"begin,omitempty"`
	Most    int           `json:"max_clients,omitempty"`
	Shared  bool          `json:"shared,omitempty"`

	LeastTTL time.Duration `json:"least_ttl,omitempty"`
	Least    int           `json:"least_clients,omitempty"`
	Seed     uint64        `json:"seed,omitempty"`
	Note     string        `json:"note,omitempty"`

	Inv int64 `json:"inv,omitempty"`
	Ret int64 `json:"ret,omitempty"`

	// Kinds "write" and "read"; of "dump" and "hold" At alone.
	At       *jsonProcess  `json:"at,omitempty"`
	Client   jsonText      `json:"client,omitempty"`
	Outcome  string        `json:"outcome,omitempty"`
	Position jsonText      `json:"position,omitempty"`
	Time     jsonText      `json:"time,omitempty"`
	Line     jsonText      `json:"line,omitempty"`
	Held     []jsonProcess `json:"held,omitempty"`

	// Kind "hold".
	Of  []jsonProcess `json:"of,omitempty"`
	All bool          `json:"all,omitempty"`

	// Kind "fault".
	Fault string   `json:"fault,omitempty"`
	Nodes []string `json:"nodes,omitempty"`

	// Kind "dump".
	Lines []jsonText `json:"lines,omitempty"`
}

// jsonProcess is a process as the API writes origins.
type jsonProcess struct {
	Node string `json:"node"`
	Boot string `json:"boot"` // hexadecimal
}

// jsonText is bytes that need not be UTF-8, which JSON can't hold: those that are not
// are written as a Go string literal, with its quotes.
type jsonText string

// MarshalJSON writes the text.
func (t jsonText) MarshalJSON() ([]byte, error) {
	if s := string(t); !plain(s) {
		return json.Marshal(strconv.QuoteToASCII(s))
	}
	return json.Marshal(string(t))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *jsonText) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if len(s) > 0 && s[0] == '"' {
		var err error
		if s, err = strconv.Unquote(s); err != nil {
			return fmt.Errorf("%.100q is not a quoted text: %w", s, err)
		}
	}
	*t = jsonText(s)
	return nil
}

// plain tells whether a text may stand for itself.
func plain(s string) bool {
	if s == "" {
		return true
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s[0] != '"'
}

func toJSON(p Process) jsonProcess { return jsonProcess{p.Node, fmt.Sprintf("%016x", p.Boot)} }

func allToJSON(list []Process) []jsonProcess {
	var all []jsonProcess
	for _, p := range list {
		all = append(all, toJSON(p))
	}
	return all
}

func (p *jsonProcess) process() (Process, error) {
	if p == nil || p.Node == "" {
		return Process{}, errors.New("no node")
	}
	boot, err := strconv.ParseUint(p.Boot, 16, 64)
	if err != nil {
		return Process{}, fmt.Errorf("boot %.40q of node %.40q is not hexadecimal", p.Boot, p.Node)
	}
	return Process{p.Node, boot}, nil
}

func processes(list []jsonProcess) ([]Process, error) {
	var all []Process
	for i := range list {
		p, err := list[i].process()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Write writes the history as lines of JSON: the settings, then all commands in their
// order, then the rest.
func (h *History) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	put := func(l *line) error {
		if err := e.Encode(l); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
		return nil
	}
	if err := put(&line{Kind: "history", Version: version, Wall: h.Wall, Ahead: h.Ahead, TTL: h.TTL, Most: h.MaxClients, Skew: h.Skew, Begin: h.Begin, Shared: h.Shared, LeastTTL: h.LeastTTL, Least: h.LeastClients, Seed: h.Seed, Note: h.Note}); err != nil {
		return err
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		at := toJSON(o.At)
		if err := put(&line{
			Kind: o.Kind.String(), Outcome: o.Outcome.String(), At: &at, Client: jsonText(o.Client),
			Position: jsonText(o.Position), Time: jsonText(o.Time), Line: jsonText(o.Line),
			Held: allToJSON(o.Held), Inv: o.Inv, Ret: o.Ret,
		}); err != nil {
			return err
		}
	}
	for i := range h.Holds {
		o := &h.Holds[i]
		at := toJSON(o.Who)
		if err := put(&line{Kind: "hold", At: &at, Of: allToJSON(o.Of), All: o.All, Inv: o.Inv, Ret: o.Ret}); err != nil {
			return err
		}
	}
	for i := range h.Faults {
		f := &h.Faults[i]
		if err := put(&line{Kind: "fault", Fault: f.Name, Nodes: f.Nodes, Inv: f.Inv, Ret: f.Ret}); err != nil {
			return err
		}
	}
	for i := range h.Dumps {
		if err := h.Dumps[i].write(put); err != nil {
			return err
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// write writes a dump in pieces.
func (d *Dump) write(put func(*line) error) error {
	at := toJSON(d.At)
	for rest := d.Lines; ; {
		l := line{Kind: "dump", At: &at, Inv: d.Inv, Ret: d.Ret}
		n := min(len(rest), linesOfDump)
		for _, text := range rest[:n] {
			l.Lines = append(l.Lines, jsonText(text))
		}
		if err := put(&l); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) == 0 {
			return nil
		}
	}
}

// ReadHistory reads what [History.Write] wrote. It refuses a file with a line that is wrong,
// and says which.
func ReadHistory(r io.Reader) (*History, error) {
	h := &History{}
	dumps := map[Process]int{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	n := 0
	for s.Scan() {
		n++
		var l line
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		err := d.Decode(&l)
		if _, more := d.Token(); err == nil && more != io.EOF {
			err = errors.New("more than one object")
		}
		if err == nil {
			err = h.take(&l, n == 1, dumps)
		}
		if err != nil {
			return nil, fmt.Errorf("read the history: line %d: %w", n, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read the history: line %d: %w", n+1, err)
	}
	if n == 0 {
		return nil, errors.New("read the history: line 1: there is none")
	}
	return h, nil
}

// take adds what a line says.
func (h *History) take(l *line, first bool, dumps map[Process]int) error {
	if first != (l.Kind == "history") {
		return fmt.Errorf("kind %.40q: the first line, and no other, is of kind \"history\"", l.Kind)
	}
	switch l.Kind {
	case "history":
		if l.Version != version {
			return fmt.Errorf("version %d, want %d", l.Version, version)
		}
		if l.Wall < 0 || l.Ahead < 0 || l.TTL < 0 || l.Skew < 0 || l.Begin < 0 || l.Most < 0 || l.LeastTTL < 0 || l.Least < 0 {
			return errors.New("a setting is negative")
		}
		h.Settings = Settings{Wall: l.Wall, Ahead: l.Ahead, TTL: l.TTL, MaxClients: l.Most, Skew: l.Skew, Begin: l.Begin, Shared: l.Shared, LeastTTL: l.LeastTTL, LeastClients: l.Least, Seed: l.Seed, Note: l.Note}
		return nil
	case "fault":
		h.Faults = append(h.Faults, Fault{l.Fault, l.Nodes, l.Inv, l.Ret})
		return nil
	}
	p, err := l.At.process()
	if err != nil {
		return err
	}
	if l.Ret < l.Inv {
		return fmt.Errorf("it ended at %d, before it began at %d", l.Ret, l.Inv)
	}
	switch l.Kind {
	case "dump":
		i, ok := dumps[p]
		if !ok {
			i = len(h.Dumps)
			dumps[p] = i
			h.Dumps = append(h.Dumps, Dump{At: p, Inv: l.Inv, Ret: l.Ret})
		}
		for _, text := range l.Lines {
			h.Dumps[i].Lines = append(h.Dumps[i].Lines, string(text))
		}
		return nil
	case "hold":
		of, err := processes(l.Of)
		h.Holds = append(h.Holds, Hold{p, of, l.All, l.Inv, l.Ret})
		return err
	}
	return h.takeOp(l, p)
}

func (h *History) takeOp(l *line, p Process) error {
	kind, outcome := slices.Index(kinds[:], l.Kind), slices.Index(outcomes[:], l.Outcome)
	if kind < 0 {
		return fmt.Errorf("kind %.40q is none", l.Kind)
	}
	if outcome < 0 {
		return fmt.Errorf("outcome %.40q is none", l.Outcome)
	}
	held, err := processes(l.Held)
	h.Ops = append(h.Ops, Op{
		Kind: Kind(kind), Outcome: Outcome(outcome), At: p, Client: string(l.Client),
		Position: string(l.Position), Time: string(l.Time), Line: string(l.Line), Held: held, Inv: l.Inv, Ret: l.Ret,
	})
	return err
}
