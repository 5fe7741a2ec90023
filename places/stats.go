package places

// Stats counts since the chain was made, or the first of those that it took the place
// of. Counts are read one by one: while questions come in they need not add up.
type Stats struct {
	Asked     uint64          // questions
	Skipped   uint64          // of those, answered without asking a provider: nothing wanted, or no point of the earth
	Failed    uint64          // of those, answered with an error status: no provider had an answer
	Providers []ProviderStats // in the chain's order

	// LedgerRefused is how often what another node said it has spent was not taken
	// in: of a day that is still to come, or one account too many.
	LedgerRefused uint64
}

// ProviderStats counts what became of the questions put to one provider, and the
// calls that they cost.
type ProviderStats struct {
	Name string

	// Results counts questions: "ok", "zero_results", the name of every [Kind],
	// "paused" for those that came while the provider was left alone. Each key is
	// there from the start.
	Results map[string]uint64

	Calls     uint64 // begun; for a [Prompt] provider none is counted
	Retries   uint64 // of those, second tries
	Coalesced uint64 // questions that shared the call of an equal one
	CacheHits uint64 // questions that cost no call
	Fallbacks uint64 // answers in place of a provider before this one

	// InFlight calls have not returned: those that their askers have given up
	// too. Always 0 for a Prompt provider.
	InFlight int

	Paused bool // it is left alone after failures, and has not answered since

	// The calls of the whole herd on this Pacific day and in this month, as far as
	// this node knows. 0 if there is no budget for them.
	SpentToday, SpentMonth uint64
	Budget                 Budget
}

// Stats is a copy of the counts.
func (c *Chain) Stats() Stats {
	s := Stats{Asked: c.counts.asked.Load(), Skipped: c.counts.skipped.Load(), Failed: c.counts.failed.Load(), LedgerRefused: c.ledger.refusals()}
	for _, l := range c.links {
		s.Providers = append(s.Providers, l.stats())
	}
	return s
}

func (l *link) stats() ProviderStats {
	n := l.counts
	results := map[string]uint64{"ok": n.answered.Load(), "zero_results": n.empty.Load(), "paused": n.paused.Load()}
	for kind := range n.failed {
		results[Kind(kind).String()] = n.failed[kind].Load()
	}
	s := ProviderStats{
		Name:      l.name,
		Results:   results,
		Calls:     n.calls.Load(),
		Retries:   n.retries.Load(),
		Coalesced: n.coalesced.Load(),
		CacheHits: n.hits.Load(),
		Fallbacks: n.fallbacks.Load(),
		InFlight:  l.inFlight(),
		Paused:    l.breaker.open(),
		Budget:    l.Budget,
	}
	s.SpentToday, s.SpentMonth = l.ledger.spent(l.name)
	return s
}
