package history

import (
	"cmp"
	"fmt"
	"time"
)

// Process is one life of a node: a node that restarts is another one.
type Process struct {
	Node string
	Boot uint64 // differs between the lives of a node; its origin, where that is known
}

// String is the node's name and its life.
func (p Process) String() string { return fmt.Sprintf("%s/%x", p.Node, p.Boot) }

// Kind is what a command does.
type Kind uint8

// The kinds of commands.
const (
	Write Kind = iota // IAMAT
	Read              // WHATSAT
)

// Outcome is what is known of a command.
type Outcome uint8

// The outcomes.
const (
	OK      Outcome = iota // it was answered
	Fail                   // it has not been carried out, and never will be; or it is a read without an answer
	Unknown                // a write without an answer: it may have been carried out, or will be at any time
)

var (
	kinds    = [...]string{Write: "write", Read: "read"}
	outcomes = [...]string{OK: "ok", Fail: "fail", Unknown: "unknown"}
)

// String is the kind's name in files and reports.
func (k Kind) String() string { return name(kinds[:], int(k)) }

// String is the outcome's name in files and reports.
func (o Outcome) String() string { return name(outcomes[:], int(o)) }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("no name (%d)", i)
}

// Op is one command and its answer. Instants are nanoseconds on the history's clock.
type Op struct {
	Kind    Kind
	Outcome Outcome
	At      Process // that was asked
	Client  string

	// Of a write: what was sent.
	Position, Time string

	// Line is the AT line of the answer, without its line feed: of a write that is OK,
	// that write's; of a read that is OK, what it showed. A read that is OK and has no
	// line was told that the client is not known.
	Line string

	// Held, of a write that is OK: the members that were in sync with At when it gave
	// its answer, At aside, so far as that is known.
	Held []Process

	Inv int64 // the instant before it was sent
	Ret int64 // the instant after it was answered, or given up
}

// Hold says that a process was seen to be up to date: by Ret, Who held what each of
// Of had acknowledged before Inv; or, if All is set, what each of Of held at Inv,
// whoever had acknowledged it. Inv and Ret are the instants before and after somebody
// looked.
//
// Without All, it follows from Who being in the in-sync set of Of, or having a lease
// from it. With All, from Who having become ready with a session to Of, or from
// the herd being settled.
type Hold struct {
	Who      Process
	Of       []Process
	All      bool
	Inv, Ret int64
}

// Fault is something bad that was done to the herd.
type Fault struct {
	Name  string   // what was done, in a few words
	Nodes []string // to whom; none: to all
	Inv   int64    // the instant before it began
	Ret   int64    // the instant after it was over; zero: it never was
}

// Dump is what a process held when all was over, one AT line, without its line feed,
// for each client. Those who have no dump did not live then.
type Dump struct {
	At       Process
	Lines    []string
	Inv, Ret int64
}

// Settings are what a check has to know of the herd.
type Settings struct {
	// Wall is what the wall clock of the recorder showed at instant 0, in nanoseconds
	// since the epoch.
	Wall int64
	// Ahead is the herd's max_client_ahead.
	Ahead time.Duration
	// TTL is how long after its order time a fix expires; zero: never.
	TTL time.Duration
	// MaxClients is how many clients the herd keeps, of those recorded alone; zero: all.
	MaxClients int
	// LeastTTL and LeastClients are what some node may take for the herd's, tighter than TTL
	// and MaxClients: fixes may be given up by them, and by the others must be; zero: none does.
	LeastTTL     time.Duration
	LeastClients int
	// Skew is how far a node's wall clock may be from the recorder's. It matters only
	// with a TTL.
	Skew time.Duration
	// Begin is how long a process that has met nobody takes, from its first report, to
	// hide what has expired: until then it gives up nothing. It matters only with a TTL.
	Begin time.Duration
	// Shared says that others than the recorded clients may report meanwhile: clients
	// of which no command is recorded are left out.
	Shared bool
	// Seed and Note are for whoever reads the history: how to have it again.
	Seed uint64
	Note string
}

// ttl and most are the tightest by which fixes may be given up; zero: none is.
func (s *Settings) ttl() time.Duration { return cmp.Or(s.LeastTTL, s.TTL) }
func (s *Settings) most() int          { return cmp.Or(s.LeastClients, s.MaxClients) }

// givesUp tells whether fixes may be given up at all.
func (s *Settings) givesUp() bool { return s.ttl() > 0 || s.most() > 0 }

// History is all that was recorded. No two events need to be in order.
type History struct {
	Settings
	Ops    []Op
	Holds  []Hold
	Faults []Fault
	Dumps  []Dump
}
