package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"herd/node/protocol"
)

// commands are the first n that a workload makes for one worker.
func commands(n int, w Workload) []Op {
	w = w.withDefaults()
	g := newGenerator(&w).worker(0)
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = g.next(time.Unix(1_700_000_000, int64(i)*1_000_000))
	}
	return ops
}

// The commands are what a check needs: all valid, a third of the writes with the time
// of the client's last at another node, a third a few nanoseconds after it.
func TestCommands(t *testing.T) {
	const n = 20_000
	ops := commands(n, Workload{Nodes: labNodes, Seed: 3})
	last := map[string]Op{}
	var writes, repeats, moved, near, back, follow int
	for i, o := range ops {
		c := protocol.Parse([]byte(lineOf(&o)), protocol.Limits{})
		if want := map[Kind]protocol.Verb{Write: protocol.IAmAt, Read: protocol.WhatsAt}[o.Kind]; c.Verb != want || string(c.ID) != o.Client {
			t.Fatalf("%q is %s", lineOf(&o), c.Verb)
		}
		if o.Kind == Read {
			if i > 0 && ops[i-1].Kind == Write && ops[i-1].Client == o.Client {
				follow++
			}
			continue
		}
		writes++
		was, ok := last[o.Client]
		last[o.Client] = o
		if !ok {
			continue
		}
		then := protocol.Parse([]byte(lineOf(&was)), protocol.Limits{}).Time.Nanos()
		switch now := c.Time.Nanos(); {
		case now == then && o.At.Node == was.At.Node:
			t.Fatalf("%+v repeats %+v at the same node", o, was)
		case now == then:
			repeats++
			if o.Position != was.Position {
				moved++
			}
		case now < then:
			back++
		case now <= then+300:
			near++
		}
	}
	for what, x := range map[string]struct{ got, of, least, most int }{
		"writes in a hundred commands":           {writes, n, 40, 60},
		"repeated times in a hundred writes":     {repeats, writes, 30, 36},
		"moved in a hundred repeats":             {moved, repeats, 20, 30},
		"times close by in a hundred writes":     {near, writes, 30, 40},
		"times that go back in a hundred writes": {back, writes, 1, 10},
		"writes that are read next in a hundred": {follow, writes, 45, 60},
	} {
		if got := 100 * x.got / x.of; got < x.least || got > x.most {
			t.Errorf("%s: %d, want %d to %d", what, got, x.least, x.most)
		}
	}
}

// The same seed makes the same commands, another makes others; one node is enough.
func TestCommandsRepeat(t *testing.T) {
	a, b := commands(500, Workload{Nodes: labNodes, Seed: 3}), commands(500, Workload{Nodes: labNodes, Seed: 3})
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed makes other commands")
	}
	if c := commands(500, Workload{Nodes: labNodes, Seed: 4}); reflect.DeepEqual(a, c) {
		t.Error("another seed makes the same commands")
	}
	for _, o := range commands(500, Workload{Nodes: []string{"Clark"}}) {
		if o.At.Node != "Clark" {
			t.Fatalf("%+v", o)
		}
	}
}

// send is a Transport.
type send func(ctx context.Context, node, line string) (Reply, error)

func (f send) Send(ctx context.Context, node, line string) (Reply, error) { return f(ctx, node, line) }

// run has a workload of a second in a bubble, and returns what came of it.
func run(t *testing.T, limit int, f send) (h *History, err error) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder(Settings{}, limit)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = Workload{Nodes: labNodes, Timeout: 100 * time.Millisecond}.Run(ctx, r, f)
		var open error
		if h, open = r.History(); open != nil {
			t.Error(open)
		}
	})
	return h, err
}

// What a transport says is recorded for what it means.
func TestOutcomes(t *testing.T) {
	broken := errors.New("the connection broke")
	for _, tt := range []struct {
		name        string
		send        send
		write, read Outcome
		line        bool
	}{
		{"answered", func(context.Context, string, string) (Reply, error) {
			return Reply{Text: first + "\n{}\n\n", Boot: 1, Held: []Process{p("Bona")}}, nil
		}, OK, OK, true},
		{"not known", func(_ context.Context, _, line string) (Reply, error) { return Reply{Text: "? " + line, Boot: 1}, nil }, Fail, OK, false},
		{"broken", func(context.Context, string, string) (Reply, error) { return Reply{Boot: 1}, broken }, Unknown, Fail, false},
		{"not sent", func(context.Context, string, string) (Reply, error) {
			return Reply{Boot: 1}, fmt.Errorf("dial: %w", ErrNotSent)
		}, Fail, Fail, false},
		{"never answered", func(ctx context.Context, _, _ string) (Reply, error) {
			<-ctx.Done()
			return Reply{Boot: 1}, ctx.Err()
		}, Unknown, Fail, false},
	} {
		h, err := run(t, 0, tt.send)
		if err != nil || len(h.Ops) < 20 {
			t.Fatalf("%s: %d commands, %v", tt.name, len(h.Ops), err)
		}
		for _, o := range h.Ops {
			want := tt.write
			if o.Kind == Read {
				want = tt.read
			}
			if o.Outcome != want || o.At.Boot != 1 || (o.Line == first) != tt.line || (len(o.Held) == 1) != (tt.line && o.Kind == Write) {
				t.Fatalf("%s: %+v", tt.name, o)
			}
		}
	}
}

// A run ends when the history is full, and when it is told to.
func TestRunEnds(t *testing.T) {
	answer := func(_ context.Context, _, line string) (Reply, error) { return Reply{Text: "? " + line}, nil }
	if h, err := run(t, 50, answer); !errors.Is(err, ErrFull) || len(h.Ops) != 50 {
		t.Errorf("%d commands of 50: %v", len(h.Ops), err)
	}
	h, err := run(t, 0, answer)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range h.Ops {
		if o.Ret > int64(1010*time.Millisecond) {
			t.Fatalf("a command after the end: %+v", o)
		}
	}
	if err := (Workload{}).Run(context.Background(), NewRecorder(Settings{}, 0), send(answer)); err == nil {
		t.Error("a workload without nodes runs")
	}
}

// A line is read as the fix that it was written from, and no other line is one.
func TestParseAt(t *testing.T) {
	for range 1000 {
		o := commands(1, Workload{Nodes: labNodes, Seed: rand.Uint64()})[0]
		if o.Kind == Read {
			continue
		}
		c := protocol.Parse([]byte(lineOf(&o)), protocol.Limits{})
		at := strings.Fields(lineOf(&o))
		for _, difference := range []string{"+0.000000000", "-0.000000001", "+12.345678901", "-1699999.000000000"} {
			line := fmt.Sprintf("AT Clark %s %s %s %s", difference, at[1], at[2], at[3])
			id, f, err := ParseAt(line, labAhead)
			if err != nil || id != o.Client || f.Node != "Clark" || f.Time != c.Time || f.Position != c.Position || atLine(id, &f) != line {
				t.Fatalf("%q is %q %+v, %v", line, id, f, err)
			}
		}
	}
	for _, line := range []string{
		"", "AT", first + " ", " " + first, first + "\n", strings.ToLower(first), strings.Replace(first, " ", "  ", 1),
		"AT  +1.000000000 kiwi +34-118 100", "AT Clark +1.000000000  +34-118 100", "AT Clark 1.000000000 kiwi +34-118 100",
		"AT Clark +1.0 kiwi +34-118 100", "AT Clark +01.000000000 kiwi +34-118 100", "AT Clark -0.000000000 kiwi +34-118 100",
		"AT Clark +1,000000000 kiwi +34-118 100", "AT Clark + kiwi +34-118 100", "AT Clark  kiwi +34-118 100",
		"AT Clark -101.000000000 kiwi +34-118 100", "AT Clark +9223372036.000000000 kiwi +34-118 100",
		"AT Clark +1.000000000 kiwi +34-181 100", "AT Clark +1.000000000 kiwi +34-118 1e2",
	} {
		if id, f, err := ParseAt(line, 0); err == nil {
			t.Errorf("%q is %q %+v", line, id, f)
		}
	}
}
