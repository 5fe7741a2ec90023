package history

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What is right and what is wrong, one history at a time.
func TestCheck(t *testing.T) {
	const (
		older = "AT Clark +1.000000000 kiwi +34-118 099"
		newer = "AT Bona +1.000000000 lime +1+1 200"
		other = "AT Clark +2.000000000 kiwi +34-118 100" // first, with another difference
		twin  = "AT Bona +0.500000000 kiwi +34-118 100"  // less than first, of the same time
	)
	clark, bona := p("Clark"), p("Bona")
	write := Op{Kind: Write, At: clark, Client: "kiwi", Position: "+34-118", Time: "100", Line: first, Inv: 10, Ret: 20}
	read := func(at Process, inv int64, line string) Op {
		return Op{Kind: Read, At: at, Client: "kiwi", Line: line, Inv: inv, Ret: inv + 5}
	}
	early := write
	early.Line, early.Time, early.Inv, early.Ret = older, "099", 1, 2
	lost := write
	lost.Outcome, lost.Line = Unknown, ""
	refused := lost
	refused.Outcome = Fail
	synced := write
	synced.Held = []Process{bona}
	late := synced
	late.Inv, late.Ret = 45, 50
	stale := late
	stale.Held = nil
	again := write
	again.At, again.Line, again.Inv, again.Ret = bona, twin, 45, 50
	dump := func(at Process, lines ...string) Dump { return Dump{At: at, Lines: lines, Inv: 1000, Ret: 1001} }
	later := Op{Kind: Write, At: bona, Client: "lime", Position: "+1+1", Time: "200", Line: newer, Inv: 30, Ret: 40}
	unknown, no := later, later
	unknown.Outcome, unknown.Line = Unknown, ""
	no.Outcome, no.Line = Fail, ""
	one, less := Settings{MaxClients: 1}, Settings{MaxClients: 2, LeastClients: 1}
	ttl := Settings{Wall: int64(100 * time.Second), TTL: 50, Skew: 10}
	begins := ttl
	begins.Begin = 5
	tardy := write // it has expired when it is taken
	tardy.Line, tardy.Inv, tardy.Ret = "AT Clark +0.000000070 kiwi +34-118 100", 65, 70
	cut := tardy
	cut.Outcome, cut.Line = Unknown, ""
	brief := Settings{Wall: int64(100 * time.Second), TTL: 100, LeastTTL: 50, Skew: 10}

	for _, tt := range []struct {
		name  string
		h     History
		broke Promise // "": none
		why   string  // part of its story
	}{
		{"own write shown", History{Ops: []Op{write, read(clark, 30, first)}}, "", ""},
		{"own write not shown", History{Ops: []Op{write, read(clark, 30, "")}}, OwnWrites, "does not know the client"},
		{"own write, older shown", History{Ops: []Op{early, write, read(clark, 30, older)}}, OwnWrites, "has acknowledged"},
		{"read that begins before the ack", History{Ops: []Op{write, read(clark, 19, "")}}, "", ""},
		{"read at the instant of the ack", History{Ops: []Op{write, read(clark, 20, "")}}, "", ""},
		{"read right after the ack", History{Ops: []Op{write, read(clark, 21, "")}}, OwnWrites, ""},
		{"another node may not know", History{Ops: []Op{write, read(bona, 30, "")}}, "", ""},
		{"another life may not know", History{Ops: []Op{write, read(Process{"Clark", 2}, 30, "")}}, "", ""},
		{"in sync and not shown", History{Ops: []Op{synced, read(bona, 30, "")}}, InSync, "in sync"},
		{"in sync, another life", History{Ops: []Op{synced, read(Process{"Bona", 2}, 30, "")}}, "", ""},
		{"seen in sync later", History{
			Ops:   []Op{write, read(bona, 50, "")},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, Inv: 30, Ret: 40}},
		}, InSync, "up to date"},
		{"seen in sync before the ack", History{
			Ops:   []Op{write, read(bona, 50, "")},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, Inv: 15, Ret: 40}},
		}, "", ""},
		{"read before it was seen in sync", History{
			Ops:   []Op{write, read(bona, 35, "")},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, Inv: 30, Ret: 40}},
		}, "", ""},
		{"in sync says nothing of what others took", History{
			Ops:   []Op{write, read(bona, 22, first), read(p("Jaquez"), 50, "")},
			Holds: []Hold{{Who: p("Jaquez"), Of: []Process{bona}, Inv: 30, Ret: 40}},
		}, "", ""},
		{"caught up with what others took", History{
			Ops:   []Op{write, read(bona, 22, first), read(p("Jaquez"), 50, "")},
			Holds: []Hold{{Who: p("Jaquez"), Of: []Process{bona}, All: true, Inv: 30, Ret: 40}},
		}, CaughtUp, "caught up"},
		{"goes back", History{Ops: []Op{early, write, read(bona, 30, first), read(bona, 40, older)}}, Monotonic, "has shown"},
		{"goes back to nothing", History{Ops: []Op{write, read(bona, 30, first), read(bona, 40, "")}}, Monotonic, "does not know"},
		{"reads at once may differ", History{Ops: []Op{early, write, read(bona, 30, first), read(bona, 33, older)}}, "", ""},
		{"what is shown at two nodes may differ", History{Ops: []Op{early, write, read(bona, 30, first), read(clark, 19, older)}}, "", ""},

		{"invented", History{Ops: []Op{read(bona, 30, first)}}, Invention, "nobody has sent"},
		{"shown before it was sent", History{Ops: []Op{write, read(bona, 1, first)}}, Invention, "before it was sent"},
		{"shown while it is sent", History{Ops: []Op{write, read(bona, 8, first)}}, "", ""},
		{"other difference", History{Ops: []Op{write, read(bona, 30, other)}}, Invention, "clock difference"},
		{"no answer, any difference", History{Ops: []Op{lost, read(bona, 30, other)}}, "", ""},
		{"no answer, shown much later", History{Ops: []Op{lost, read(bona, 900, first)}}, "", ""},
		{"no answer, shown before", History{Ops: []Op{lost, read(bona, 1, first)}}, Invention, "before it was sent"},
		{"no answer, never shown", History{Ops: []Op{lost, read(clark, 30, "")}}, "", ""},
		{"refused and shown", History{Ops: []Op{refused, read(bona, 30, first)}}, Invention, "refused"},
		{"another client's line", History{Ops: []Op{write, {Kind: Read, At: clark, Client: "emu", Line: first, Inv: 30, Ret: 31}}}, Invention, "no AT line about that client"},
		{"not an AT line", History{Ops: []Op{write, read(bona, 30, "BT")}}, Invention, "no AT line"},
		{"the answer is another's", History{Ops: []Op{{Kind: Write, At: clark, Client: "kiwi", Position: "+34-118", Time: "100", Line: second, Inv: 1, Ret: 2}}}, Invention, "not about the command"},
		{"dump of what nobody sent", History{Dumps: []Dump{dump(clark, first)}}, Invention, "holds in the end"},
		{"dump of others' clients", History{Settings: Settings{Shared: true}, Dumps: []Dump{dump(clark, first)}}, "", ""},

		{"dumps are equal", History{Ops: []Op{write}, Dumps: []Dump{dump(clark, first), dump(bona, first)}}, "", ""},
		{"dump lacks one", History{Ops: []Op{write}, Dumps: []Dump{dump(clark, first), dump(bona)}}, Convergence, "holds nothing"},
		{"dump is older", History{Ops: []Op{early, write}, Dumps: []Dump{dump(clark, first), dump(bona, older)}}, Convergence, "in the end Bona/1 holds"},
		{"dump has one twice", History{Ops: []Op{early, write}, Dumps: []Dump{dump(clark, older, first)}}, Convergence, "two fixes"},
		{"dump goes back", History{Ops: []Op{early, write, read(bona, 30, first)}, Dumps: []Dump{dump(bona, older)}}, Monotonic, "in the end"},

		{"lost, who acknowledged it lives", History{
			Ops:   []Op{write},
			Holds: []Hold{{Who: p("Jaquez"), Of: []Process{clark}, All: true, Inv: 30, Ret: 40}},
			Dumps: []Dump{dump(p("Jaquez"))},
		}, AckedLoss, "Clark/1 held"},
		{"lost, origin is gone", History{Ops: []Op{write}, Dumps: []Dump{dump(bona)}}, "", ""},
		{"lost, who was in sync has passed it on", History{
			Ops:   []Op{synced},
			Holds: []Hold{{Who: p("Jaquez"), Of: []Process{bona}, All: true, Inv: 30, Ret: 40}},
			Dumps: []Dump{dump(p("Jaquez"))},
		}, AckedLoss, "Bona/1 held"},
		{"lost by who was in sync", History{Ops: []Op{synced}, Dumps: []Dump{dump(bona)}}, InSync, "in the end"},
		{"lost by who acknowledged it", History{Ops: []Op{write}, Dumps: []Dump{dump(clark)}}, OwnWrites, "in the end"},
		{"lost, seen in sync later", History{
			Ops:   []Op{write},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, Inv: 30, Ret: 40}},
			Dumps: []Dump{dump(bona)},
		}, AckedLoss, "Clark/1 held"},
		{"lost, passed on by one after the other", History{
			Ops: []Op{synced},
			Holds: []Hold{
				{Who: p("Jaquez"), Of: []Process{bona}, All: true, Inv: 30, Ret: 40},
				{Who: p("Bailey"), Of: []Process{p("Jaquez")}, All: true, Inv: 50, Ret: 60},
			},
			Dumps: []Dump{dump(p("Bailey"))},
		}, AckedLoss, "passed it on"},
		{"lost, passed on in the wrong order", History{
			Ops: []Op{synced},
			Holds: []Hold{
				{Who: p("Bailey"), Of: []Process{p("Jaquez")}, All: true, Inv: 30, Ret: 40},
				{Who: p("Jaquez"), Of: []Process{bona}, All: true, Inv: 50, Ret: 60},
			},
			Dumps: []Dump{dump(p("Bailey"))},
		}, "", ""},
		{"lost, only acknowledgements passed on", History{
			Ops:   []Op{synced},
			Holds: []Hold{{Who: p("Jaquez"), Of: []Process{bona}, Inv: 30, Ret: 40}},
			Dumps: []Dump{dump(p("Jaquez"))},
		}, "", ""},
		{"replaced is not lost", History{Ops: []Op{early, write}, Dumps: []Dump{dump(clark, first)}}, "", ""},

		{"expired", History{Settings: ttl, Ops: []Op{write, read(clark, 60, "")}}, "", ""},
		{"expired by a clock that is ahead", History{Settings: ttl, Ops: []Op{write, read(clark, 36, "")}}, "", ""},
		{"gone before its time", History{Settings: ttl, Ops: []Op{write, read(clark, 30, "")}}, OwnWrites, "does not know"},
		{"shown at the end of its time", History{Settings: ttl, Ops: []Op{write, read(clark, 59, first)}}, "", ""},
		{"shown after its time", History{Settings: ttl, Ops: []Op{write, read(clark, 60, first)}}, Resurrection, "its time was over"},
		{"taken after its time by a newcomer", History{Settings: begins, Ops: []Op{tardy, read(clark, 75, tardy.Line)}}, "", ""},
		{"taken after its time, without an answer", History{Settings: begins, Ops: []Op{cut, read(clark, 75, tardy.Line)}}, "", ""},
		{"taken after its time by a newcomer, and kept", History{Settings: begins, Ops: []Op{tardy, read(clark, 76, tardy.Line)}}, Resurrection, "its time was over"},
		{"taken after its time by who is none", History{
			Settings: begins,
			Ops:      []Op{{Kind: Write, At: clark, Client: "lime", Position: "+1+1", Time: "200", Line: "AT Clark +1.000000000 lime +1+1 200", Inv: 30, Ret: 40}, tardy, read(clark, 75, tardy.Line)},
		}, Resurrection, "its time was over"},
		{"taken in time, and shown after it by a newcomer", History{Settings: begins, Ops: []Op{write, read(clark, 60, first)}}, Resurrection, "its time was over"},
		{"taken after its time, and shown by another", History{Settings: begins, Ops: []Op{tardy, read(bona, 75, tardy.Line)}}, Resurrection, "its time was over"},
		{"shown again", History{Settings: ttl, Ops: []Op{write, read(clark, 42, ""), read(clark, 50, first)}}, Resurrection, "given up there already"},
		{"shown elsewhere meanwhile", History{Settings: ttl, Ops: []Op{write, read(clark, 42, ""), read(bona, 50, first)}}, "", ""},
		{"an older one shown again", History{
			Settings: Settings{Wall: int64(100 * time.Second), TTL: 2 * time.Second, Skew: 3 * time.Second},
			Ops:      []Op{early, write, read(clark, 42, ""), read(clark, 50, older)},
		}, Resurrection, "given up there already"},
		{"given up", History{Settings: one, Ops: []Op{write, later, read(clark, 60, "")}, Dumps: []Dump{dump(clark, newer), dump(bona, newer)}}, "", ""},
		{"given up before there were too many", History{Settings: one, Ops: []Op{write, later, read(clark, 22, "")}}, OwnWrites, "does not know"},
		{"given up for a report without an answer", History{Settings: one, Ops: []Op{write, unknown, read(clark, 60, "")}}, "", ""},
		{"not given up for what was refused", History{Settings: one, Ops: []Op{write, no, read(clark, 60, "")}}, OwnWrites, "does not know"},
		{"the wrong one given up", History{Settings: one, Ops: []Op{write, later, {Kind: Read, At: bona, Client: "lime", Inv: 60, Ret: 61}}}, OwnWrites, "does not know"},
		{"given up by one with less room", History{Settings: less, Ops: []Op{write, later, read(clark, 60, "")}, Dumps: []Dump{dump(clark, newer), dump(bona, newer)}}, "", ""},
		{"not given up by one with less room", History{Settings: less, Ops: []Op{write, later}, Dumps: []Dump{dump(clark, newer, first), dump(bona, newer, first)}}, "", ""},
		{"given up, and reported again where that is not known", History{Settings: one, Ops: []Op{synced, later, again, read(bona, 60, twin)}}, "", ""},
		{"reported again, not given up", History{Ops: []Op{synced, later, again, read(bona, 60, twin)}}, InSync, "in sync"},
		{"given up, and an older one shown", History{Settings: one, Ops: []Op{early, synced, later, read(bona, 60, older)}}, InSync, "in sync"},
		{"no room for it, and an older one shown", History{Settings: one, Ops: []Op{early, later, late, read(bona, 60, older)}}, "", ""},
		{"no room for it, an older one shown, and up to date", History{
			Settings: one, Ops: []Op{early, later, stale, read(bona, 70, older)},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, All: true, Inv: 55, Ret: 60}},
		}, "", ""},
		{"room for it, an older one shown, though up to date", History{
			Ops:   []Op{early, later, stale, read(bona, 70, older)},
			Holds: []Hold{{Who: bona, Of: []Process{clark}, Inv: 55, Ret: 60}},
		}, InSync, "up to date"},
		{"given up and shown again", History{Settings: one, Ops: []Op{write, later, read(clark, 60, ""), read(clark, 70, first)}}, Resurrection, "given up there already"},
		{"the last one given up", History{Settings: Settings{MaxClients: 1}, Ops: []Op{write, read(clark, 60, "")}}, OwnWrites, "does not know"},
		{"given up at one node only", History{Settings: one, Ops: []Op{write, later}, Dumps: []Dump{dump(clark, newer, first), dump(bona, newer)}}, Convergence, ""},
		{"too many kept", History{Settings: one, Ops: []Op{write, later}, Dumps: []Dump{dump(clark, newer, first), dump(bona, newer, first)}}, Convergence, "no more than 1 may be"},
		{"expired by one with less time", History{Settings: brief, Ops: []Op{write, read(clark, 60, "")}}, "", ""},
		{"not expired by one with less time", History{Settings: brief, Ops: []Op{write, read(clark, 60, first)}}, "", ""},
		{"shown after all its time", History{Settings: brief, Ops: []Op{write, read(clark, 110, first)}}, Resurrection, "its time was over"},
		{"expired in one dump", History{
			Settings: Settings{Wall: int64(100 * time.Second), TTL: 1000, Skew: 10},
			Ops:      []Op{write}, Dumps: []Dump{dump(clark, first), dump(bona)},
		}, "", ""},
	} {
		r := Check(&tt.h)
		for _, x := range r.Promises {
			if alone := x.Promise != AckedLoss; x.Broken > 0 && x.Promise != tt.broke && alone {
				t.Errorf("%s: %s is broken\n%s", tt.name, x.Promise, r)
			}
		}
		if tt.broke == "" && !r.OK() {
			t.Errorf("%s: want no fault:\n%s", tt.name, r)
		}
		if tt.broke != "" && !slices.ContainsFunc(r.Violations, func(v Violation) bool {
			return v.Promise == tt.broke && strings.Contains(v.Why, tt.why)
		}) {
			t.Errorf("%s: want %s broken, since %q:\n%s", tt.name, tt.broke, tt.why, r)
		}
	}
}
