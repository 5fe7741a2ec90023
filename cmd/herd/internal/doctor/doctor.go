// Package doctor finds what keeps a node from starting or from doing well, and says what to
// do. [Gather] looks at the machine, at the seeds and at the node that runs, if one does;
// [Facts.Judge] is a pure function of what was seen.
//
// Names and texts come from strangers. They are kept as they are, and quoted where they are
// put into a sentence.
package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"herd/cmd/herd/internal/human"
	"herd/config"
)

// Status is how bad a finding is.
type Status int

// Statuses, the worst last.
const (
	OK Status = iota
	Warning
	Fault
)

func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	}
	return "fault"
}

// MarshalText is for JSON.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that was looked at.
type Finding struct {
	Status Status `json:"status"`
	Check  string `json:"check"`            // "ports", "seeds", …
	Found  string `json:"found"`            // no full stop
	Advice string `json:"advice,omitempty"` // one sentence; empty if all is well
}

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, Found: fmt.Sprintf(format, args...)}
}

func warning(check, found, advice string) Finding { return Finding{Warning, check, found, advice} }

func fault(check, found, advice string) Finding { return Finding{Fault, check, found, advice} }

// Misconfigured is what there is to say of a configuration that no node would start with:
// nothing else can be judged.
func Misconfigured(err error) []Finding {
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		return []Finding{fault("config", err.Error(), "Correct it: \"herd config check\" says the same.")}
	}
	var all []Finding
	for _, p := range wrong.Problems() {
		found := p.Summary
		if p.File != "" {
			found = fmt.Sprintf("%s:%d: %s", p.File, p.Line, found)
		}
		all = append(all, fault("config", found, p.Detail))
	}
	return all
}

// Judge says what is well and what is not, the worst last.
func (f *Facts) Judge() []Finding {
	all := slices.Concat(
		f.config(), f.key(), f.tokens(), f.folders(), f.user(), f.certificate(), f.ports(), f.address(), f.openFiles(), f.memory(), f.disk(),
		f.clock(), f.seeds(), f.name(), f.node(), f.members(),
	)
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Status, b.Status) })
	return all
}

// config finds doors that were opened on purpose.
func (f *Facts) config() []Finding {
	var all []Finding
	c := &f.Config
	if len(f.Loaded.Keys) == 0 && beyondLoopback(c.Gossip.Addr) {
		all = append(all, warning("config", fmt.Sprintf("gossip is open to everyone who reaches %s", c.Gossip.Addr),
			"Make a key with \"herd keygen\" and give it to all nodes, unless the network keeps strangers out."))
	}
	if len(f.Loaded.ReadTokens)+len(f.Loaded.WriteTokens) == 0 && beyondLoopback(c.HTTP.Addr) {
		all = append(all, warning("config", fmt.Sprintf("whoever reaches %s sees all clients and can have the node leave", c.HTTP.Addr),
			"Name a file of tokens by http.write_token_file, unless the network keeps strangers out."))
	}
	if c.Chaos {
		all = append(all, warning("config", "chaos is allowed: whoever reaches "+c.HTTP.Addr+" can cut this node off, pause it and kill it",
			"Leave chaos off where positions matter."))
	}
	if all == nil {
		all = append(all, ok("config", "valid"))
	}
	return all
}

// openFiles is whether the clients that are allowed leave enough to all else.
func (f *Facts) openFiles() []Finding {
	need := uint64(f.Config.Client.MaxConns) + f.SpareFiles
	found := fmt.Sprintf("client.max_conns = %d needs %d open files, and %d are allowed", f.Config.Client.MaxConns, need, f.MaxFiles)
	switch {
	case need <= f.MaxFiles:
		return []Finding{ok("open files", "%d connections of clients fit into the limit", f.Config.Client.MaxConns)}
	case f.MaxFiles > f.SpareFiles && f.isDefault("client.max_conns"):
		return []Finding{warning("open files", found+": there will be fewer",
			fmt.Sprintf("Raise the limit to %d (ulimit -n, or LimitNOFILE of the unit).", need))}
	}
	return []Finding{fault("open files", found, fmt.Sprintf("Raise the limit to %d (ulimit -n, or LimitNOFILE of the unit), or lower client.max_conns.", need))}
}

func (f *Facts) isDefault(name string) bool {
	for _, s := range f.Loaded.Settings {
		if s.Name == name {
			return s.Origin == "default"
		}
	}
	return true
}

// clientBytes is what a client in the table takes, all in all: docs/operating.md.
const clientBytes = 100

// memory is whether the table may grow larger than the memory there is.
func (f *Facts) memory() []Finding {
	m := f.Memory
	if m.Goal > 0 && m.Limit > 0 && m.Goal > m.Limit {
		return []Finding{warning("memory", fmt.Sprintf("GOMEMLIMIT is %s, and %s there are", human.Size(m.Goal), human.Size(m.Limit)),
			fmt.Sprintf("Set GOMEMLIMIT to %s, nine tenths of what there is.", human.Size(m.Limit/10*9)))}
	}
	limit := min(cmp.Or(m.Goal, m.Limit), cmp.Or(m.Limit, m.Goal))
	if limit == 0 {
		return nil // nobody knows
	}
	clients, bound := uint64(f.Config.Herd.MaxClients), uint64(f.Config.Herd.MemoryLimit)
	switch {
	case bound > limit:
		return []Finding{warning("memory", fmt.Sprintf("herd.memory_limit is %s, and %s there are", human.Size(bound), human.Size(limit)),
			fmt.Sprintf("Lower herd.memory_limit on all nodes, to %s, or give the node more memory.", human.Size(limit/10*9)))}
	case bound > 0:
		return []Finding{ok("memory", "herd.memory_limit keeps the node to %s of %s", human.Size(bound), human.Size(limit))}
	case clients == 0:
		return []Finding{warning("memory", fmt.Sprintf("herd.max_clients is 0: the table grows until the %s there are have been used up", human.Size(limit)),
			fmt.Sprintf("Set herd.memory_limit on all nodes, or herd.max_clients, to %d at the most.", limit/2/clientBytes))}
	case clients*clientBytes > limit/4*3:
		return []Finding{warning("memory", fmt.Sprintf("herd.max_clients = %d may take %s, and %s there are", clients, human.Size(clients*clientBytes), human.Size(limit)),
			fmt.Sprintf("Lower herd.max_clients on all nodes, to %d, set herd.memory_limit, or give the node more memory.", limit/2/clientBytes))}
	}
	return []Finding{ok("memory", "%d clients may take %s of %s", clients, human.Size(clients*clientBytes), human.Size(limit))}
}

// Summary counts findings in a sentence, and tells whether there is a fault.
func Summary(all []Finding) (text string, faulty bool) {
	var n [Fault + 1]int
	for _, f := range all {
		n[f.Status]++
	}
	parts := []string{}
	for s := Fault; s > OK; s-- {
		if n[s] > 0 {
			parts = append(parts, human.Count(n[s], s.String()))
		}
	}
	if len(parts) == 0 {
		return "Nothing is wrong.", false
	}
	return strings.Join(parts, ", ") + ".", n[Fault] > 0
}
