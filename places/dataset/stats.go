package dataset

// Stats counts the places of a set.
type Stats struct {
	Places  int
	Sources []SourceStats // in the table's order
	Kinds   []KindStats   // in the table's order
}

// SourceStats counts the places of one source.
type SourceStats struct {
	Source
	Places int
}

// KindStats counts the places of one kind.
type KindStats struct {
	Source string   // the name
	Types  []string // not to be changed
	Places int
}

// Stats counts what is in the set.
func (s *Set) Stats() Stats {
	stats := Stats{Places: s.Len()}
	for _, source := range s.sources {
		stats.Sources = append(stats.Sources, SourceStats{Source: source})
	}
	for _, k := range s.kinds {
		stats.Kinds = append(stats.Kinds, KindStats{Source: s.sources[k.source].Name, Types: k.types})
	}
	for _, k := range s.kind {
		stats.Kinds[k].Places++
		stats.Sources[s.kinds[k].source].Places++
	}
	return stats
}

// Bytes is the memory that the set's columns, texts and index take: nearly all
// of it.
func (s *Set) Bytes() int {
	n := 4*(cap(s.lat)+cap(s.lng)+cap(s.area)) + 2*cap(s.kind) + cap(s.importance) + 8*cap(s.number)
	return n + s.names.bytes() + s.ids.bytes() + s.areas.bytes() + s.index.bytes()
}

func (t *texts) bytes() int { return len(t.all) + 4*cap(t.end) }

func (x *index) bytes() int { return 12*cap(x.at) + 8*cap(x.nodes) }
