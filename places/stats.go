package places

// Stats counts since the chain was made. Counts are read one by one: while
// questions come in they need not add up.
type Stats struct {
	Asked     uint64          // questions
	Skipped   uint64          // of those, answered without asking a provider: nothing wanted, or no point of the earth
	Failed    uint64          // of those, answered with an error status: no provider had an answer
	Providers []ProviderStats // in the chain's order
}

// ProviderStats counts the calls of one provider.
type ProviderStats struct {
	Name string

	// Calls by result: "ok", "zero_results", and the name of every [Kind].
	// Each key is there from the start.
	Calls map[string]uint64

	// InFlight calls have not returned: those that their askers have given up
	// too. Always 0 for a [Prompt] provider.
	InFlight int
}

// Stats is a copy of the counts.
func (c *Chain) Stats() Stats {
	s := Stats{Asked: c.asked.Load(), Skipped: c.skipped.Load(), Failed: c.failed.Load()}
	for _, l := range c.links {
		calls := map[string]uint64{"ok": l.answered.Load(), "zero_results": l.empty.Load()}
		for kind := range l.failed {
			calls[Kind(kind).String()] = l.failed[kind].Load()
		}
		s.Providers = append(s.Providers, ProviderStats{Name: l.provider.Name(), Calls: calls, InFlight: l.inFlight()})
	}
	return s
}
