package category

import (
	"strings"
)

const (
	maxLabel = 256 // bytes of a label that are read
	maxType  = 50  // bytes of a stranger's word that may stand among the types
)

// Label says what a place is of which somebody wrote label: a category of Overture
// ("coffee_shop"), a path of Foursquare's ("Dining and Drinking > Cafe, Coffee, and
// Tea House > Coffee Shop"), one of Google's own types, any word ("Schools").
//
// ok is false if nothing of it is known. Only a label that has the form of a
// type (lower case ASCII letters, digits and single underscores, 50 bytes at
// most, a letter first) becomes one itself, before what is known of it.
func Label(label string) (types []string, ok bool) {
	label = strings.Trim(label[:min(len(label), maxLabel)], " \t\r\n\"'[]{}")
	words := snake(label)
	own := words == label && len(words) <= maxType && words != "" && words[0] >= 'a'
	if k, whole := known.label(label); k != nil {
		if own && !whole {
			return append([]string{words}, k.types...), true
		}
		return k.types, true
	}
	if own {
		return append([]string{words}, Unknown()...), false
	}
	return Unknown(), false
}

// label finds what a label means: the last step of its path that is known. whole
// tells that all of the step's words are.
func (t *table) label(label string) (k *kind, whole bool) {
	for label != "" {
		step := label
		if i := strings.LastIndexByte(label, '>'); i >= 0 {
			label, step = label[:i], label[i+1:]
		} else {
			label = ""
		}
		if k, whole := t.phrase(snake(step)); k != nil {
			return k, whole
		}
		for part := range strings.FieldsFuncSeq(step, func(r rune) bool { return strings.ContainsRune(",;/&|", r) }) {
			if k, whole := t.phrase(snake(part)); k != nil {
				return k, whole
			}
		}
	}
	return nil, false
}

// phrase looks up all words, then the last ones: an italian_restaurant is a
// restaurant.
func (t *table) phrase(words string) (k *kind, whole bool) {
	for rest, more := words, true; more; _, rest, more = strings.Cut(rest, "_") {
		if k := t.find(rest); k != nil {
			return k, rest == words
		}
		if k := t.find(singular(rest)); k != nil {
			return k, rest == words
		}
	}
	return nil, false
}

// singular makes one of many, as English mostly does.
func singular(words string) string {
	for _, end := range [...]struct{ many, one string }{{"ies", "y"}, {"ches", "ch"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(words, end.many); ok {
			return stem + end.one
		}
	}
	return words
}

// snake writes words as types are written. Letters that are not ASCII's part words.
func snake(s string) string {
	b := make([]byte, 0, len(s))
	gap := false
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			gap = len(b) > 0
			continue
		}
		if gap {
			b, gap = append(b, '_'), false
		}
		b = append(b, c)
	}
	return string(b)
}
