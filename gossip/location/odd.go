package location

// odds are the entries of a shard that records can't hold, by ref. A stranger decides how
// many they are and how long their texts: what they take is counted, and given back.
type odds struct {
	entries map[uint32]Entry
	most    int // of entries, since the map was made: a map never shrinks
	texts   int // bytes that the texts take
}

// textBytes is about what the texts of e take of the heap, which has room for some lengths only.
func textBytes(e *Entry) int {
	n := 0
	for _, text := range [...]string{e.Time.text, e.Position.text} {
		if text != "" {
			n += len(text)*6/5 + 16
		}
	}
	return n
}

// bytes is about what the odds take.
func (o *odds) bytes() int {
	if o == nil {
		return 0
	}
	slots := 8
	for slots*7 < o.most*8 {
		slots *= 2
	}
	return slotSize*slots + o.texts
}

// put takes e in the place of the one at ref, if there is one.
func (o *odds) put(ref uint32, e *Entry) {
	was := o.entries[ref]
	o.texts += textBytes(e) - textBytes(&was)
	o.entries[ref] = *e
	o.most = max(o.most, len(o.entries))
}

// remove deletes the entry at ref, which is there.
func (o *odds) remove(ref uint32) {
	was := o.entries[ref]
	o.texts -= textBytes(&was)
	delete(o.entries, ref)
	if o.most < minOdds || 2*len(o.entries) >= o.most {
		return
	}
	few := make(map[uint32]Entry, len(o.entries))
	for ref, e := range o.entries {
		few[ref] = e
	}
	o.entries, o.most = few, len(few)
}

// minOdds is how many entries a map may have had that is not made anew for a few.
const minOdds = 16

// keep puts e among the odd entries of the shard.
func (s *shard) keep(ref uint32, e *Entry) {
	if s.odd == nil {
		s.odd = &odds{entries: make(map[uint32]Entry)}
	}
	s.odd.put(ref, e)
}
