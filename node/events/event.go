package events

import (
	"fmt"
	"strconv"
	"strings"

	"herd/gossip/location"
)

// Kind tells what an event is about.
type Kind uint8

// The kinds of events.
const (
	Fix    Kind = iota // a client's fix took its place in the table
	Gone               // a client is shown no more
	Member             // a member's state changed

	// Kinds is how many there are.
	Kinds = int(iota)
)

var kinds = [Kinds]string{Fix: "fix", Gone: "gone", Member: "member"}

// String is the kind's name in streams and statistics.
func (k Kind) String() string { return kinds[k] }

// KindOf is the kind of that name.
func KindOf(name string) (k Kind, ok bool) {
	for i, n := range kinds {
		if n == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Event is something that happened.
type Event struct {
	Kind   Kind
	Reason location.Reason // Gone
	Number uint64          // see [Log.ID]
	Client string          // Fix, Gone: the client's ID
	Fix    location.Fix
	Body   []byte // Member: as it was given. Never written to
}

// Filter is what a reader wants to know.
type Filter struct {
	Kinds  [Kinds]bool
	Client string // of fixes and who is gone: this client alone; empty: any
	Prefix string // of fixes and who is gone: clients whose IDs begin so
	// Where is whether a fix lies where the reader looks; nil: anywhere does. Who is gone
	// passes, wherever it was: the reader may have seen it before it went elsewhere. It is
	// called by the reader's goroutine.
	Where func(*location.Fix) bool
}

// wants tells whether e, whose kind is wanted, passes.
func (f *Filter) wants(e *Event) bool {
	return e.Kind == Member ||
		(f.Client == "" || f.Client == e.Client) &&
			strings.HasPrefix(e.Client, f.Prefix) &&
			(f.Where == nil || e.Kind == Gone || f.Where(&e.Fix))
}

// bootText is what the IDs of an incarnation begin with.
func bootText(boot uint64) string { return fmt.Sprintf("%016x-", boot) }

// parseID reads an ID.
func parseID(id string) (boot, number uint64, ok bool) {
	b, n, _ := strings.Cut(id, "-")
	boot, err := strconv.ParseUint(b, 16, 64)
	if err != nil || len(b) != 16 {
		return 0, 0, false
	}
	number, err = strconv.ParseUint(n, 10, 64)
	return boot, number, err == nil
}
