package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const text = `# Everything there is.
nodes 6
run 2m
seed 7
rate 0
ack-timeout 1s
profile wan
ttl 30s
max-clients 20
memory-for 16
max-clients 0 Bona
memory-for 3 Bona
ttl 2s Clark
max-clients 1 Clark

at 0s jitter 1ms
at 1s cut Bailey Bona | Clark for 20s   # both ways
at 1s cut Node6 > rest for 1m30s
at 1.5s loss 30% for 10s
at 2s duplicate 25% rest > Bona
at 2s reorder 100% Campbell | Jaquez
at 3s delay 50ms for 1s
at 4s pause Bona Campbell for 6s
at 4s clock -4m Bona Campbell for 6s
at 5s kill Clark Jaquez
at 5s start Clark
at 6s stop Bailey
at 7s start Bailey elsewhere
at 8s start Node9
`
	want := &Scenario{Nodes: 6, Run: 2 * time.Minute, Seed: 7, Rate: 0, AckTimeout: time.Second, Profile: "wan", TTL: 30 * time.Second, MaxClients: 20, MemoryFor: 16, Unlike: Unlike{map[int]time.Duration{3: 2 * time.Second}, map[int]int{1: 0, 3: 1}, map[int]int{1: 3}}, Faults: []Fault{
		{Kind: Jitter, Delay: time.Millisecond},
		{At: time.Second, Kind: Cut, Links: Links{[]int{0, 1}, []int{3}, true}, For: 20 * time.Second},
		{At: time.Second, Kind: Cut, Links: Links{[]int{5}, rest, false}, For: 90 * time.Second},
		{At: 1500 * time.Millisecond, Kind: Loss, Percent: 30, For: 10 * time.Second},
		{At: 2 * time.Second, Kind: Duplicate, Percent: 25, Links: Links{rest, []int{1}, false}},
		{At: 2 * time.Second, Kind: Reorder, Percent: 100, Links: Links{[]int{2}, []int{4}, true}},
		{At: 3 * time.Second, Kind: Delay, Delay: 50 * time.Millisecond, For: time.Second},
		{At: 4 * time.Second, Kind: Pause, Nodes: []int{1, 2}, For: 6 * time.Second},
		{At: 4 * time.Second, Kind: Clock, Delay: -4 * time.Minute, Nodes: []int{1, 2}, For: 6 * time.Second},
		{At: 5 * time.Second, Kind: Kill, Nodes: []int{3, 4}},
		{At: 5 * time.Second, Kind: Start, Nodes: []int{3}},
		{At: 6 * time.Second, Kind: Stop, Nodes: []int{0}},
		{At: 7 * time.Second, Kind: Start, Nodes: []int{0}, Moved: true},
		{At: 8 * time.Second, Kind: Start, Nodes: []int{8}},
	}}
	got, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var lines []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if printed := strings.Split(strings.TrimSpace(got.String()), "\n"); !slices.Equal(printed, lines) {
		t.Errorf("printed\n%s", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"nodes", "line 1: nodes: want one value, have 0"},
		{"\nnodes five", `line 2: nodes: strconv.Atoi: parsing "five": invalid syntax`},
		{"nodes 10", "nodes 10: want 1 to 9"},
		{"run 0s", "run 0s: want more than 0s, at most 1h0m0s"},
		{"run 2h", "run 2h0m0s: want more than 0s, at most 1h0m0s"},
		{"seed -1", `line 1: seed: strconv.ParseUint: parsing "-1": invalid syntax`},
		{"rate -1", "rate -1: want 0 to 10000"},
		{"ttl -1s", "ttl -1s, max-clients 0, memory-for 0: want 0 or more"},
		{"max-clients -1 Clark", "ttl 0s, max-clients -1, memory-for 0: want 0 or more"},
		{"memory-for -1", "ttl 0s, max-clients 0, memory-for -1: want 0 or more"},
		{"memory-for 1000001 Clark", "memory-for 1000001: want at most 1000000"},
		{"memory-for 64MiB", `line 1: memory-for: strconv.Atoi: parsing "64MiB": invalid syntax`},
		{"ttl 1s Nobody", "line 1: ttl: Nobody: want names of nodes: Bailey, Bona, Campbell, Clark, Jaquez, Node6 to Node9"},
		{"ttl long Clark", `line 1: ttl: time: invalid duration "long"`},
		{"ack-timeout 1ms", "ack-timeout 1ms: want 20ms to 1m"},
		{"profile moon", `profile "moon": want local, lan or wan`},
		{"speed 5", "line 1: speed: want nodes, run, seed, rate, ack-timeout, profile, ttl, max-clients, memory-for, disks or at"},
		{"at 1s loss 1%\nnodes 5", "line 2: nodes: want it before the first fault"},
		{"at 1s", "line 1: at: want a time and what happens"},
		{"at noon kill Clark", `line 1: at: time: invalid duration "noon"`},
		{"at 1s explode Clark", "line 1: explode: want one of cut, loss, duplicate, reorder, delay, jitter, pause, clock, kill, stop, start"},
		{"at 2s loss 1%\nat 1s loss 1%", "line 2: at 1s loss 1%: want the lines in the order of time"},
		{"at -1s loss 1%", "at -1s loss 1%: want no negative times"},
		{"at 5m loss 1%", "at 5m loss 1%: the run has ended then"},
		{"at 1s loss", "line 1: loss: want how much"},
		{"at 1s loss 30", "line 1: loss: 30: want a percentage, 30% for example"},
		{"at 1s loss x%", `line 1: loss: strconv.Atoi: parsing "x": invalid syntax`},
		{"at 1s loss 101%", "at 1s loss 101%: want 0% to 100%"},
		{"at 1s delay 2m", "at 1s delay 2m: want 0s to 1m"},
		{"at 1s clock -25h Clark", "at 1s clock -25h Clark: want -24h to 24h"},
		{"at 1s clock 1s", "line 1: clock: want names of nodes"},
		{"at 1s delay fast", `line 1: delay: time: invalid duration "fast"`},
		{"at 1s loss 1% Clark", "line 1: loss: want two sides with | or > between them"},
		{"at 1s cut", "at 1s cut: want the nodes of two sides"},
		{"at 1s cut Clark |", "line 1: cut: want names of nodes"},
		{"at 1s cut Clark | Clark", "line 1: cut: Clark is on both sides"},
		{"at 1s cut rest | rest", "line 1: cut: want the names of one side at least"},
		{"at 1s cut Clark | Bona | Bailey", "line 1: cut: |: want names of nodes: Bailey, Bona, Campbell, Clark, Jaquez, Node6 to Node9"},
		{"at 1s pause", "line 1: pause: want names of nodes"},
		{"at 1s pause Clark Clark", "line 1: pause: Clark is named twice"},
		{"at 1s pause rest", "line 1: pause: rest: want names of nodes: Bailey, Bona, Campbell, Clark, Jaquez, Node6 to Node9"},
		{"at 1s pause Clark for 0s", "line 1: pause: for 0s: want more"},
		{"at 1s pause Clark for ever", `line 1: pause: time: invalid duration "ever"`},
		{"at 1s pause Clark for 2h", "at 1s pause Clark for 2h: want at most 1h0m0s"},
		{"at 1s kill Clark for 2s", "at 1s kill Clark for 2s: kill has no end"},
		{"at 1s kill Node6", "at 1s kill Node6: Node6 does not run then"},
		{"at 1s kill Clark\nat 2s stop Clark", "at 2s stop Clark: Clark does not run then"},
		{"at 1s start Clark", "at 1s start Clark: Clark runs already"},
		{"at 1s kill Clark elsewhere", "line 1: kill: elsewhere: want names of nodes: Bailey, Bona, Campbell, Clark, Jaquez, Node6 to Node9"},
		{strings.Repeat("x", maxLine), "line 1: bufio.Scanner: token too long"},
	} {
		if _, err := Parse(strings.NewReader(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

// What is printed is read again as the same.
func FuzzParse(f *testing.F) {
	f.Add("nodes 5\nat 1s cut Bailey > rest for 1m\nat 2s kill Clark\nat 2s start Clark elsewhere\n")
	f.Add("at 1.5s loss 30% Bona | Clark Node9 for 1h1s\nat 3s delay 1m\n# x\n")
	for seed := range uint64(5) {
		f.Add(Generate(seed, time.Minute).String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := Parse(strings.NewReader(s.String()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, s)
		}
		if again.String() != s.String() {
			t.Errorf("printed\n%s\nand then\n%s", s, again)
		}
	})
}

// Sides are what they say.
func TestLinks(t *testing.T) {
	for text, want := range map[string]string{
		"at 0s loss 1%":                  "01 02 03 10 12 13 20 21 23 30 31 32",
		"at 0s cut Bailey > Bona":        "01",
		"at 0s cut Bailey | Bona":        "01 10",
		"at 0s cut Bailey > rest":        "01 02 03",
		"at 0s cut rest > Bailey":        "10 20 30",
		"at 0s cut Bailey Bona | rest":   "02 03 12 13 20 21 30 31",
		"at 0s cut Bailey > Bona Jaquez": "01",
	} {
		s, err := Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		s.Faults[0].Links.each(4, func(from, to int) { got = append(got, string([]byte{'0' + byte(from), '0' + byte(to)})) })
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", text, strings.Join(got, " "), want)
		}
	}
}
