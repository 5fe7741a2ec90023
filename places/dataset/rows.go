package dataset

// Table gives back the table that the set was made of, its places in the set's
// order. Nothing of it is shared but strings and the types of kinds.
func (s *Set) Table() *Table {
	t := &Table{
		Sources: s.Sources(),
		Areas:   make([]string, s.areas.len()),
		Places:  make([]Place, s.Len()),
	}
	for _, k := range s.kinds {
		t.Kinds = append(t.Kinds, Kind{Source: k.source, Types: k.types, ByTown: k.byTown})
	}
	for i := range t.Areas {
		t.Areas[i] = s.areas.at(uint32(i))
	}
	for i := range t.Places {
		row := uint32(i)
		p := &t.Places[i]
		p.Lat, p.Lng = s.lat[row], s.lng[row]
		p.Name, p.ID = s.name(row), s.id(row)
		p.Kind, p.Area, p.Importance = int(s.kind[row]), int(s.area[row]), s.importance[row]
		if p.ID == "" {
			p.Number = s.number[row]
		}
	}
	return t
}
