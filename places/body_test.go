package places

import (
	"os"
	"strings"
	"testing"
)

// TestRenderGolden compares with files that were checked by eye against Google's
// own replies.
func TestRenderGolden(t *testing.T) {
	here := Point{Lat: 34.01949, Lng: -118.49138}
	place := Place{
		ID: "geonames:5393212", Name: `Ἀθῆναι <& "co">`, Scope: "GEONAMES", Types: []string{"locality", "political"},
		Vicinity: "California, United States", Location: here, Viewport: Viewport{Northeast: Point{Lat: 35, Lng: -118}, Southwest: Point{}},
	}
	tests := []struct {
		file    string
		answer  Answer
		status  string
		message string
	}{
		{"zero.json", Answer{}, "ZERO_RESULTS", ""},
		{"denied.json", Answer{}, "REQUEST_DENIED", kinds[Denied].message},
		{"ok.json", Answer{
			Attributions: []string{`Places by <a href="https://www.geonames.org/">GeoNames</a>, CC BY 4.0`},
			Messages:     []string{"short"},
			Places:       []Place{place, place},
		}, "OK", ""},
	}
	for _, tt := range tests {
		want, err := os.ReadFile("../testdata/places/" + tt.file)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(nil, tt.answer, tt.status, tt.message); string(got)+"\n" != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.file, got, want)
		}
	}
}

// TestDetails: what is known stands in its place in the alphabet, what is not is
// left out.
func TestDetails(t *testing.T) {
	no, free, rating, ratings := false, 0, 4.5, 0
	all := Place{ID: "id", Name: "n", Scope: "GOOGLE", Details: &Details{
		BusinessStatus: "CLOSED_PERMANENTLY", Icon: "i", IconBackgroundColor: "#FFF", IconMaskBaseURI: "m",
		OpenNow: &no, PermanentlyClosed: true, PlusCode: PlusCode{Global: "g", Compound: "c"}, PriceLevel: &free, Rating: &rating, UserRatingsTotal: &ratings,
		Photos: []Photo{{Reference: "p", Width: 2, Height: 1}, {Attributions: []string{strings.Repeat("x", 68), "y"}}},
	}}
	none := Place{Details: &Details{PlusCode: PlusCode{Global: "g"}}}
	want, err := os.ReadFile("../testdata/places/google/details.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := render(nil, Answer{Places: []Place{all, none}}, "OK", ""); string(got)+"\n" != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSqueeze(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"\n\n", ""},
		{"a", "a"},
		{"a\n", "a"},
		{"a\nb", "a\nb"},
		{"a\n\n\nb\n\nc\n\n", "a\nb\nc"},
		{"\n\na", "a"}, // or the first line of the body would be the end of the reply
		{" \r\n\t\na\n b", "a\n b"},
		{" \n", ""},
		{"a\r\n\r\nb", "a\r\n\r\nb"}, // not a run of newlines
	}
	for _, tt := range tests {
		if got := string(squeeze([]byte(tt.in))); got != tt.want {
			t.Errorf("squeeze(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestLists breaks lines where Google's writer does.
func TestLists(t *testing.T) {
	for _, tt := range []struct {
		length int // of the only string
		want   string
	}{
		{67, "[ \""},        // 73 in all
		{68, "[\n      \""}, // 74
	} {
		body := string(render(nil, Answer{Messages: []string{strings.Repeat("x", tt.length)}}, "OK", ""))
		if !strings.Contains(body, `"info_messages" : `+tt.want+"x") {
			t.Errorf("a string of %d: %s", tt.length, body)
		}
	}
}
