package events

import "testing"

// However many read what has just happened, its text is made once; of what is old, and for a
// reader who is alone, it is made anew.
func TestText(t *testing.T) {
	l := New(Config{})
	made := 0
	write := func(e *Event) []byte { made++; return []byte(text(*e)) }
	take := func(r *Reader) (texts []string) {
		for range 3 {
			events, err := r.Next(t.Context(), gather)
			if err != nil {
				t.Fatal(err)
			}
			for i := range events {
				texts = append(texts, string(events[i].Text(write)))
			}
		}
		return texts
	}
	alone, _ := read(t, l, all, "")
	say(l, "kiwi", 1)
	expect(t, take(alone), "kiwi 1")
	second, _ := read(t, l, all, l.ID(0))
	third, _ := read(t, l, all, "")
	say(l, "kiwi", 2)
	l.Member([]byte("Bona"))
	made = 0
	for _, r := range []*Reader{alone, second, third} {
		expect(t, take(r), "kiwi 2, Bona")
	}
	if made != 2 {
		t.Errorf("2 texts were made %d times", made)
	}
	for n := range 2 * shared {
		say(l, "emu", n)
	}
	texts := 0
	for position := range l.rings[Fix].end {
		l.rings[Fix].share(position)
		if l.rings[Fix].at(position).text != nil {
			texts++
		}
	}
	if texts >= shared {
		t.Errorf("%d texts are kept", texts)
	}
}
