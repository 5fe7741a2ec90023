package events

import "testing"

// However many read what has just happened, its text is made once; of what is old it is made
// anew, and takes the place of nothing newer.
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
				texts = append(texts, string(l.Text(&events[i], write)))
			}
		}
		return texts
	}
	alone, _ := read(t, l, all, "")
	say(l, "kiwi", 1)
	expect(t, take(alone), "kiwi 1")
	second, _ := read(t, l, all, l.id(0))
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
	newer := &Event{Kind: Member, Number: 2 + shared, Body: []byte("Fable")}
	older := &Event{Kind: Member, Number: 2, Body: []byte("Bona")}
	made = 0
	for range 2 {
		for _, e := range []*Event{newer, older} {
			if got := string(l.Text(e, write)); got != string(e.Body) {
				t.Errorf("number %d is %q", e.Number, got)
			}
		}
	}
	if made != 3 {
		t.Errorf("texts were made %d times", made)
	}
}
