package fakeoverpass

import (
	"fmt"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	element := func(kind string, id int64, tag string) Element {
		key, value, _ := strings.Cut(tag, "=")
		return Element{kind, id, 50, 10 + float64(id)/1000, map[string]string{key: value, "name": "X"}}
	}
	world := []Element{
		element("relation", 1, "shop=x"), element("way", 2, "amenity=x"), element("node", 3, "shop=x"), element("node", 1, "shop=x"),
	}
	const head = "[out:json][timeout:1][maxsize:1];"
	tests := []struct{ query, want string }{
		{head + "nwr[name];out center tags 9;", "node/1 node/3 way/2 relation/1"},
		{head + "nwr[name];out center tags 3;", "node/1 node/3 way/2"},
		{head + "node[shop]->.a; .a out center tags 9;", "node/1 node/3"},
		{head + `nwr[~"^am.*$"~"."]->.a; rel.a; out center tags 9; way.a; out center tags 9;`, "way/2"},
		{head + "nwr(around:100,50.0,10.001)[shop];out center tags 9;", "node/1 relation/1"},
		{head + "node[shop]->.a;\nif (a.count(nwr) < 3) {\nnwr[shop]->.a;\n};\n.a out center tags 9;", "node/1 node/3 relation/1"},
		{head + "node[shop]->.a;\nif (a.count(nwr) < 2) {\nnwr[shop]->.a;\n};\n.a out center tags 9;", "node/1 node/3"},

		{"", "error"},
		{head + "frob;", "error"},
		{head + "nwr(poly:1);", "error"},
		{head + `nwr[~"("~"."];`, "error"},
		{head + "nwr(around:-1,50.0,10.0);", "error"},
		{head + "if (a.count(nwr) < 2) {};", "error"},
		{head + "nwr[x]->.a; if (a.count(nwr) < 2) { nwr[x];", "error"},
	}
	for _, tt := range tests {
		found, err := run(tt.query, world)
		var got []string
		for _, e := range found {
			got = append(got, fmt.Sprintf("%s/%d", e.Type, e.ID))
		}
		if err != nil {
			got = []string{"error"}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("run(%q) = %s, %v; want %s", tt.query, got, err, tt.want)
		}
	}
}
