package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"herd/node/nodetest"
)

// String is the scenario as [Parse] reads it.
func (s *Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nodes %d\nrun %s\nseed %d\nrate %d\nack-timeout %s\nprofile %s\n",
		s.Nodes, brief(s.Run), s.Seed, s.Rate, brief(s.AckTimeout), s.Profile)
	if s.TTL > 0 {
		fmt.Fprintf(&b, "ttl %s\n", brief(s.TTL))
	}
	if s.MaxClients > 0 {
		fmt.Fprintf(&b, "max-clients %d\n", s.MaxClients)
	}
	if s.MemoryFor > 0 {
		fmt.Fprintf(&b, "memory-for %d\n", s.MemoryFor)
	}
	if s.Disks != "" {
		fmt.Fprintf(&b, "disks %s\n", s.Disks)
	}
	for i := range maxNodes {
		if ttl, ok := s.Unlike.TTL[i]; ok {
			fmt.Fprintf(&b, "ttl %s %s\n", brief(ttl), nodetest.NodeName(i))
		}
		if most, ok := s.Unlike.MaxClients[i]; ok {
			fmt.Fprintf(&b, "max-clients %d %s\n", most, nodetest.NodeName(i))
		}
		if n, ok := s.Unlike.MemoryFor[i]; ok {
			fmt.Fprintf(&b, "memory-for %d %s\n", n, nodetest.NodeName(i))
		}
	}
	for _, f := range s.Faults {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// brief is a duration without units that are zero.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// String is the fault as a line of a scenario.
func (f Fault) String() string {
	words := []string{"at", brief(f.At), f.Kind.String()}
	switch f.Kind {
	case Loss, Duplicate, Reorder:
		words = append(words, strconv.Itoa(f.Percent)+"%")
	case Delay, Jitter, Clock:
		words = append(words, brief(f.Delay))
	}
	words = appendSide(words, f.Nodes)
	if len(f.Links.From) > 0 {
		words = appendSide(words, f.Links.From)
		if f.Links.Both {
			words = append(words, "|")
		} else {
			words = append(words, ">")
		}
		words = appendSide(words, f.Links.To)
	}
	if f.Moved {
		words = append(words, "elsewhere")
	}
	if f.For > 0 {
		words = append(words, "for", brief(f.For))
	}
	return strings.Join(words, " ")
}

func appendSide(words []string, side []int) []string {
	for _, i := range side {
		if i == rest[0] {
			words = append(words, "rest")
		} else {
			words = append(words, nodetest.NodeName(i))
		}
	}
	return words
}

// maxLine bounds the lines of a scenario, in bytes.
const maxLine = 1000

// Parse reads a scenario and checks it. Errors name the line.
func Parse(r io.Reader) (*Scenario, error) {
	s := New()
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	number := 0
	fail := func(err error) (*Scenario, error) { return nil, fmt.Errorf("line %d: %w", number, err) }
	for in.Scan() {
		number++
		text, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
		case words[0] == "at":
			f, err := parseFault(words[1:])
			if err != nil {
				return fail(err)
			}
			if len(s.Faults) > 0 && f.At < s.Faults[len(s.Faults)-1].At {
				return fail(fmt.Errorf("%s: want the lines in the order of time", f))
			}
			s.Faults = append(s.Faults, f)
		case len(s.Faults) > 0:
			return fail(fmt.Errorf("%s: want it before the first fault", words[0]))
		default:
			if err := s.parseSetting(words); err != nil {
				return fail(err)
			}
		}
	}
	if err := in.Err(); err != nil {
		number++
		return fail(err)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// parseSetting reads a line that describes the herd.
func (s *Scenario) parseSetting(words []string) (err error) {
	name := words[0]
	if len(words) > 2 && (name == "ttl" || name == "max-clients" || name == "memory-for") {
		if err := s.parseUnlike(name, words[1], words[2:]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	if len(words) != 2 {
		return fmt.Errorf("%s: want one value, have %d", name, len(words)-1)
	}
	value := words[1]
	switch name {
	case "nodes":
		s.Nodes, err = strconv.Atoi(value)
	case "run":
		s.Run, err = time.ParseDuration(value)
	case "seed":
		s.Seed, err = strconv.ParseUint(value, 10, 64)
	case "rate":
		s.Rate, err = strconv.Atoi(value)
	case "ack-timeout":
		s.AckTimeout, err = time.ParseDuration(value)
	case "profile":
		s.Profile = value
	case "disks":
		s.Disks = value
	case "ttl":
		s.TTL, err = time.ParseDuration(value)
	case "max-clients":
		s.MaxClients, err = strconv.Atoi(value)
	case "memory-for":
		s.MemoryFor, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("%s: want nodes, run, seed, rate, ack-timeout, profile, ttl, max-clients, memory-for, disks or at", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// parseUnlike reads a limit of some nodes.
func (s *Scenario) parseUnlike(name, value string, names []string) error {
	nodes, err := parseNodes(names)
	if err != nil {
		return err
	}
	var ttl time.Duration
	var most int
	if name == "ttl" {
		ttl, err = time.ParseDuration(value)
	} else {
		most, err = strconv.Atoi(value)
	}
	for _, i := range nodes {
		switch name {
		case "ttl":
			set(&s.Unlike.TTL, i, ttl)
		case "max-clients":
			set(&s.Unlike.MaxClients, i, most)
		default:
			set(&s.Unlike.MemoryFor, i, most)
		}
	}
	return err
}

// parseFault reads what stands after "at".
func parseFault(words []string) (f Fault, err error) {
	if len(words) < 2 {
		return f, errors.New("at: want a time and what happens")
	}
	if f.At, err = time.ParseDuration(words[0]); err != nil {
		return f, fmt.Errorf("at: %w", err)
	}
	kind := slices.Index(verbs[:], words[1])
	if kind < 0 {
		return f, fmt.Errorf("%s: want one of %s", words[1], strings.Join(verbs[:], ", "))
	}
	f.Kind, words = Kind(kind), words[2:]
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", f.Kind, err)
		}
	}()
	if n := len(words); n >= 2 && words[n-2] == "for" {
		if f.For, err = time.ParseDuration(words[n-1]); err != nil {
			return f, err
		}
		if f.For <= 0 {
			return f, fmt.Errorf("for %s: want more", f.For)
		}
		words = words[:n-2]
	}
	if words, err = f.parseSize(words); err != nil {
		return f, err
	}
	if n := len(words); n > 0 && words[n-1] == "elsewhere" && f.Kind == Start {
		f.Moved, words = true, words[:n-1]
	}
	if f.Kind.links() {
		f.Links, err = parseLinks(words)
		return f, err
	}
	f.Nodes, err = parseNodes(words)
	return f, err
}

// parseSize reads how much there is of a fault, and returns the words after it.
func (f *Fault) parseSize(words []string) (_ []string, err error) {
	if f.Kind < Loss || f.Kind > Jitter && f.Kind != Clock {
		return words, nil
	}
	if len(words) == 0 {
		return nil, errors.New("want how much")
	}
	if f.Kind >= Delay {
		f.Delay, err = time.ParseDuration(words[0])
		return words[1:], err
	}
	number, percent := strings.CutSuffix(words[0], "%")
	if !percent {
		return nil, fmt.Errorf("%s: want a percentage, 30%% for example", words[0])
	}
	f.Percent, err = strconv.Atoi(number)
	return words[1:], err
}

func parseLinks(words []string) (l Links, err error) {
	if len(words) == 0 {
		return l, nil
	}
	i := slices.IndexFunc(words, func(w string) bool { return w == "|" || w == ">" })
	if i < 0 {
		return l, errors.New("want two sides with | or > between them")
	}
	l.Both = words[i] == "|"
	if l.From, err = parseSide(words[:i]); err != nil {
		return l, err
	}
	if l.To, err = parseSide(words[i+1:]); err != nil {
		return l, err
	}
	switch {
	case isRest(l.From) && isRest(l.To):
		return l, errors.New("want the names of one side at least")
	}
	for _, n := range l.From {
		if slices.Contains(l.To, n) {
			return l, fmt.Errorf("%s is on both sides", nodetest.NodeName(n))
		}
	}
	return l, nil
}

// parseSide reads the nodes on one side.
func parseSide(words []string) ([]int, error) {
	if len(words) == 1 && words[0] == "rest" {
		return rest, nil
	}
	return parseNodes(words)
}

// parseNodes reads the names of some nodes, each once.
func parseNodes(words []string) (nodes []int, err error) {
	if len(words) == 0 {
		return nil, errors.New("want names of nodes")
	}
	for _, w := range words {
		i := nodeNamed(w)
		switch {
		case i < 0:
			return nil, fmt.Errorf("%s: want names of nodes: Bailey, Bona, Campbell, Clark, Jaquez, Node6 to Node%d", w, maxNodes)
		case slices.Contains(nodes, i):
			return nil, fmt.Errorf("%s is named twice", w)
		}
		nodes = append(nodes, i)
	}
	return nodes, nil
}

func nodeNamed(name string) int {
	for i := range maxNodes {
		if nodetest.NodeName(i) == name {
			return i
		}
	}
	return -1
}
