package journal

import "math"

// chain is what is loaded: files in order, and how many messages of each count.
type chain struct {
	links []link
	left  []*found // what should be loaded, and can't be
	why   string   // for people
}

type link struct {
	*found
	count uint64 // math.MaxUint64: all there are
}

// chain finds what to load.
func (l *Log) chain() (chain, error) {
	logs := map[uint64]*found{} // by number
	after := map[file]*found{}  // the newest that goes on after that one; after none: that begins the journal
	var newest, snapshot *found
	whole := false // the snapshot is
	for i := range l.found {
		f := &l.found[i]
		switch {
		case f.damaged:
		case f.header.kind == kindSnapshot:
			ends, err := l.ends(f)
			if err != nil {
				return chain{}, err
			}
			if snapshot == nil || ends && !whole || ends == whole && f.header.number > snapshot.header.number {
				snapshot, whole = f, ends
			}
		default:
			logs[f.header.number] = f
			if p := after[f.header.after.file]; p == nil || p.header.number < f.header.number {
				after[f.header.after.file] = f
			}
			if newest == nil || newest.header.number < f.header.number {
				newest = f
			}
		}
	}
	var c chain
	next := after[file{}]
	if snapshot != nil && (next == nil || snapshot.header.number >= next.header.number) {
		next = c.add(snapshot, after)
		if next == nil {
			next = logs[snapshot.header.number]
		}
		if next == nil {
			c.why = "there is no " + file{kindLog, snapshot.header.number}.name()
		}
	}
	last := uint64(0)
	for next != nil {
		last = next.header.number
		next = c.add(next, after)
	}
	for i := range l.found {
		switch f := &l.found[i]; {
		case f.header.number <= last:
		case f.damaged && f.size > headerLen: // a header is durable before anything follows it
			c.left, c.why = append(c.left, f), f.name+" has a damaged header"
		case f == newest:
			c.left, c.why = append(c.left, f), "what comes before "+f.name+" is missing"
		}
	}
	return c, nil
}

// add adds a file, and returns the one that goes on after it.
func (c *chain) add(f *found, after map[file]*found) (next *found) {
	count := uint64(math.MaxUint64)
	if next = after[f.header.file]; next != nil {
		count = next.header.after.count
	}
	c.links = append(c.links, link{f, count})
	return next
}
