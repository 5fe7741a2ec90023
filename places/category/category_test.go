package category

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// list writes types as the tests' tables have them, without those of everything.
func list(types []string) string {
	s := strings.Join(types, " ")
	return strings.TrimSuffix(strings.TrimSuffix(s, " establishment"), " point_of_interest")
}

const nothing = "point_of_interest"

func TestOSM(t *testing.T) {
	tests := []struct {
		tags string
		want string
		ok   bool
	}{
		{"amenity=cafe", "cafe food", true},
		{"amenity=cafe;bar", "cafe food", true},
		{"amenity=fuel shop=convenience", "gas_station", true},
		{"amenity=bench", nothing, true},
		{"amenity=no leisure=park", "park", true},
		{"amenity=shelter tourism=museum", "museum", true}, // a known value beats an unknown one
		{"amenity=place_of_worship", "place_of_worship", true},
		{"amenity=place_of_worship religion=christian", "church place_of_worship", true},
		{"amenity=place_of_worship religion=muslim", "mosque place_of_worship", true},
		{"amenity=place_of_worship religion=jewish", "synagogue place_of_worship", true},
		{"amenity=place_of_worship religion=hindu", "hindu_temple place_of_worship", true},
		{"amenity=place_of_worship religion=jedi", "place_of_worship", true},
		{"amenity=school religion=christian", "school", true},
		{"shop=bakery", "bakery food store", true},
		{"shop=yes", "store", true},
		{"shop=vacant", nothing, false},
		{"amenity=vending_machine shop=yes", "store", true},
		{"shop=yes office=yes", "store", true},
		{"tourism=hotel", "hotel lodging", true},
		{"tourism=attraction historic=castle", "tourist_attraction", true},
		{"historic=wreck", "historical_landmark tourist_attraction", true},
		{"leisure=fitness_centre", "gym health", true},
		{"railway=station", "train_station transit_station", true},
		{"railway=station station=subway", "subway_station transit_station", true},
		{"railway=station subway=yes", "subway_station transit_station", true},
		{"railway=station station=funicular", "train_station transit_station", true},
		{"railway=rail", nothing, false},
		{"aeroway=aerodrome", "airport", true},
		{"aeroway=gate", nothing, false},
		{"place=village", "locality political", true},
		{"place=suburb", "neighborhood political", true},
		{"natural=peak", "natural_feature", true},
		{"natural=tree", nothing, false},
		{"highway=residential", nothing, false},
		{"building=yes", nothing, false},
		{"", nothing, false},
	}
	for _, tt := range tests {
		tags := map[string]string{"name": "Somewhere"}
		for tag := range strings.FieldsSeq(tt.tags) {
			key, value, _ := strings.Cut(tag, "=")
			tags[key] = value
		}
		if got, ok := OSM(tags); list(got) != tt.want || ok != tt.ok {
			t.Errorf("OSM(%s) = %q, %v; want %q, %v", tt.tags, list(got), ok, tt.want, tt.ok)
		}
	}
}

func TestGeoNames(t *testing.T) {
	tests := []struct {
		code string
		want string
		ok   bool
	}{
		{"S.SCH", "school", true},
		{"S.HTL", "hotel lodging", true},
		{"S.AIRP", "airport", true},
		{"L.PRK", "park", true},
		{"S.CH", "church place_of_worship", true},
		{"P.PPL", "locality political", true},
		{"P.PPLC", "locality political", true},
		{"P.PPLX", "neighborhood political", true},
		{"P.PPLW", "locality political", false},
		{"A.ADM1", "administrative_area_level_1 political", true},
		{"A.ADM4", "administrative_area_level_3 political", true},
		{"T.MT", "natural_feature", true},
		{"H.LK", "natural_feature", true},
		{"S.OILR", nothing, false},
		{"R.RD", nothing, false},
		{".", nothing, false},
	}
	for _, tt := range tests {
		class, code, _ := strings.Cut(tt.code, ".")
		if got, ok := GeoNames(class, code); list(got) != tt.want || ok != tt.ok {
			t.Errorf("GeoNames(%s) = %q, %v; want %q, %v", tt.code, list(got), ok, tt.want, tt.ok)
		}
	}
}

func TestLabel(t *testing.T) {
	tests := []struct {
		label string
		want  string
		ok    bool
	}{
		{"coffee_shop", "coffee_shop cafe food", true},
		{"hospital", "hospital health", true},
		{"eat_and_drink", "restaurant food", true},
		{"italian_restaurant", "italian_restaurant restaurant food", true},
		{"Italian Restaurant", "restaurant food", true},
		{"Dining and Drinking > Cafe, Coffee, and Tea House > Coffee Shop", "coffee_shop cafe food", true},
		{"Dining and Drinking > Cafe, Coffee, and Tea House", "cafe food", true},
		{"Dining and Drinking > Quux", "restaurant food", true},
		{`["Retail > Pharmacy"]`, "pharmacy health store", true},
		{"Schools", "school", true},
		{"Libraries", "library", true},
		{"churches", "church place_of_worship", true},
		{" PARK ", "park", true},
		{"Hotel/Quux", "hotel lodging", true},
		{"food_bank", nothing, true},
		{"quux", "quux point_of_interest", false},
		{"Quux", nothing, false},
		{"quux parlour", nothing, false},
		{"9pins", nothing, false},
		{"_quux", nothing, false},
		{"<script>", nothing, false},
		{"café", nothing, false},
		{"", nothing, false},
		{">>>", nothing, false},
		{strings.Repeat("a", maxType), strings.Repeat("a", maxType) + " point_of_interest", false},
		{strings.Repeat("a", maxType+1), nothing, false},
		{strings.Repeat(">", 1<<20), nothing, false},
	}
	for _, tt := range tests {
		got, ok := Label(tt.label)
		want := tt.want
		if l := list(got); l != want && l+" point_of_interest" != want || ok != tt.ok {
			t.Errorf("Label(%.80q) = %q, %v; want %q, %v", tt.label, l, ok, want, tt.ok)
		}
	}
}

var typeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// wrong says what is wrong with types, whatever they came from.
func wrong(types []string) string {
	for i, name := range types {
		if len(name) > maxType || !typeForm.MatchString(name) || slices.Contains(types[:i], name) {
			return "one of them is none or is there twice"
		}
	}
	switch {
	case len(types) == 0 || !slices.Contains([]string{"establishment", "political"}, types[len(types)-1]):
		return "they end otherwise than Google's"
	case &append(types, "")[0] == &types[0]:
		return "there is room behind them"
	}
	return ""
}

func TestTypesWhateverTheInput(t *testing.T) {
	words := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"coffee_shop", "Shops", "A > B", "quux_quux", "park", ">", "restaurant", "ies", "s"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		label := strings.Join(rapid.SliceOfN(words, 0, 4).Draw(t, "label"), rapid.SampledFrom([]string{"", " ", ">", "_"}).Draw(t, "joint"))
		byLabel, _ := Label(label)
		tags := rapid.MapOf(rapid.OneOf(rapid.SampledFrom(keys[:]), rapid.Just("religion"), rapid.Just("station")), words).Draw(t, "tags")
		byTags, _ := OSM(tags)
		byCode, _ := GeoNames(words.Draw(t, "class"), words.Draw(t, "code"))
		for _, types := range [][]string{byLabel, byTags, byCode} {
			if why := wrong(types); why != "" {
				t.Errorf("types %q: %s", types, why)
			}
		}
	})
}

// TestRows sees that each word means one thing, and that each row can be found.
func TestRows(t *testing.T) {
	meaning := make(map[string]string)
	say := func(word, name string) {
		if other, taken := meaning[word]; taken && other != name {
			t.Errorf("%s stands for %s and for %s", word, other, name)
		}
		meaning[word] = name
	}
	key := regexp.MustCompile(`^([a-z_]+)=[a-z_]*$`)
	code := regexp.MustCompile(`^[AHLPRSTUV]\.[A-Z0-9]+$`)
	for _, r := range rows {
		types := strings.Fields(r.types)
		say(types[0], types[0])
		if types := known.types[types[0]].types; wrong(types) != "" {
			t.Errorf("types %q: %s", types, wrong(types))
		}
		for word := range strings.FieldsSeq(r.words) {
			say(word, types[0])
			m := key.FindStringSubmatch(word)
			if m == nil && !code.MatchString(word) && !typeForm.MatchString(word) {
				t.Errorf("%s: %q is nobody's word", types[0], word)
			}
			if m != nil && !slices.Contains(keys[:], m[1]) && m[1] != "religion" && m[1] != "station" {
				t.Errorf("%s: nobody looks at %q", types[0], word)
			}
		}
		if r.weight < 0 || r.weight > 15 {
			t.Errorf("%s weighs %v", types[0], r.weight)
		}
	}
}

func TestWeight(t *testing.T) {
	order := []string{"airport", "university", "hospital", "museum", "tourist_attraction", "school", "restaurant", "store", "bus_stop"}
	for i, name := range order[1:] {
		if a, b := Weight([]string{order[i]}), Weight([]string{name}); a <= b {
			t.Errorf("%s weighs %v, %s %v", order[i], a, name, b)
		}
	}
	if got := Weight([]string{"italian_restaurant", "restaurant", "food", "point_of_interest", "establishment"}); got != 4 {
		t.Errorf("an italian_restaurant weighs %v, want 4", got)
	}
	if got := Weight(Unknown()); got != 0 {
		t.Errorf("what is not known weighs %v, want 0", got)
	}
	if got := Weight(nil); got != 0 {
		t.Errorf("Weight(nil) = %v, want 0", got)
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"coffee_shop", "Dining and Drinking > Bar", "a,b;c/d", "", "ünï", "_", "s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if types, _ := Label(s); wrong(types) != "" {
			t.Errorf("Label(%q) = %q: %s", s, types, wrong(types))
		}
	})
}
