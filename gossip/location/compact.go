package location

// remove deletes the record at ref. The caller has lockPlaces's lock and grid.
func (s *shard) remove(g *grid, ref uint32, r record) {
	if g != nil {
		g.remove(g.spot(s, ref))
	}
	if r.source() == oddSource {
		s.odd.remove(ref)
	}
	r.setSource(deadSource)
	s.count--
	s.dead++
	s.waste += units(len(r.id()))
}

// sparse tells whether compact is worth its while: what it copies is at the most three
// times what was deleted.
func (s *shard) sparse() bool { return 4*int(s.waste) > chunkUnits*len(s.chunks) }

// compact has the shard begin anew with the records that are not dead. The caller has
// lockPlaces's lock and grid.
func (s *shard) compact(g *grid, keys *hashKeys) {
	old := s.chunks
	s.chunks, s.end, s.left, s.dead, s.waste = nil, 0, 0, 0, 0
	for ref, r := range func(yield func(uint32, record) bool) { s.arena.records(old, yield) } {
		if g != nil {
			g.remove(g.spot(s, ref))
		}
		n := units(len(r.id()))
		to := s.room(n)
		copy(s.record(to)[:n*unit], r)
		s.end += n
		s.left -= n
		if r.source() == oddSource {
			e := s.odd.entries[ref]
			s.odd.put(to, &e)
			s.odd.remove(ref)
		}
		if g != nil {
			g.add(g.spot(s, to))
		}
	}
	s.arena.giveBack(old)
	size := minIndex
	for 2*(int(s.count)+1) > size {
		size *= 2
	}
	s.indexAnew(keys, size)
}
