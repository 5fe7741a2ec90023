package dataset

import (
	"math"
	"slices"
)

// texts are many strings end to end in one: four bytes more for each, and not
// the sixteen of a string's header.
type texts struct {
	all string
	end []uint32 // of each in all
}

func (t *texts) len() int { return len(t.end) }

func (t *texts) at(i uint32) string {
	start := uint32(0)
	if i > 0 {
		start = t.end[i-1]
	}
	return t.all[start:t.end[i]]
}

// pick gives the texts in another order; if there are none there are none.
func (t *texts) pick(order []uint32) texts {
	if t.end == nil {
		return texts{}
	}
	j := joiner{make([]byte, 0, len(t.all)), make([]uint32, 0, len(order))}
	for _, i := range order {
		j.add(t.at(i))
	}
	return texts{string(j.all), j.end}
}

// joiner makes texts.
type joiner struct {
	all []byte
	end []uint32
}

func (j *joiner) add(s string) {
	j.all = append(j.all, s...)
	j.close()
}

// close ends the text that was appended to all.
func (j *joiner) close() { j.end = append(j.end, uint32(len(j.all))) }

// tooLong tells that there is more than an end can say.
func (j *joiner) tooLong() bool { return uint64(len(j.all)) > math.MaxUint32 }

func (j *joiner) texts() texts { return texts{string(j.all), slices.Clone(j.end)} }
