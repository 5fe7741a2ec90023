package location

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"time"
)

// MaxID is the greatest length of a client ID that the herd can carry, in bytes.
// A node may be configured to accept less.
const MaxID = 255

// Fix is one reported position of one client. It is a value: nothing changes a
// Fix after it is made. A field is never rewritten on the way through the herd.
type Fix struct {
	Order    int64    // order time, nanoseconds since the epoch: Time clamped, see [NewFix]
	Received int64    // the origin's wall clock at receipt, nanoseconds since the epoch
	Time     Time     // the client's time
	Position Position // where
	Node     string   // name of the node that took the report
}

// NewFix makes the fix that node takes at its wall clock received (nanoseconds
// since the epoch, not negative). A client's time further than ahead past that
// clock is ordered as if it were just that far; the text stays the client's.
func NewFix(node string, received int64, ahead time.Duration, p Position, t Time) Fix {
	limit := received + int64(ahead)
	if limit < received {
		limit = math.MaxInt64
	}
	return Fix{Order: min(t.Nanos(), limit), Received: received, Time: t, Position: p, Node: node}
}

// Difference is the origin's clock at receipt minus the client's time, in
// nanoseconds: what an AT line prints.
func (f *Fix) Difference() int64 { return f.Received - f.Time.nanos }

// Clamped tells whether the client's time was too far ahead to order by.
func (f *Fix) Clamped() bool { return f.Order < f.Time.nanos }

// Compare orders the fixes of one client: negative if f is older than g, zero if
// they are the same, positive if f is newer. See the package comment.
func (f *Fix) Compare(g *Fix) int {
	if c := cmp.Compare(f.Order, g.Order); c != 0 {
		return c
	}
	if c := cmp.Compare(f.Time.nanos, g.Time.nanos); c != 0 {
		return c
	}
	if c := strings.Compare(f.Node, g.Node); c != 0 {
		return c
	}
	if c := cmp.Compare(f.Received, g.Received); c != 0 { // the client's times are equal here
		return c
	}
	if f.Position != g.Position {
		return bytes.Compare(f.Position.Append(nil), g.Position.Append(nil))
	}
	if f.Time != g.Time {
		return bytes.Compare(f.Time.Append(nil), g.Time.Append(nil))
	}
	return 0
}

// Origin is one incarnation of a node: the number it draws at random when it
// starts. A node that restarts is a new origin. Zero is no origin.
type Origin uint64

// Dot names the batch in which a fix travels: number Seq of Origin. A fix that
// was adopted from an origin that is gone for good has Takeovers counted up.
// The zero Dot is no dot.
type Dot struct {
	Takeovers uint32
	Origin    Origin
	Seq       uint64
}

// compare orders dots by takeovers, origin, number. Of two equal fixes the one
// with the greater dot stays, so that all nodes agree on dots too.
func (d Dot) compare(e Dot) int {
	return cmp.Or(cmp.Compare(d.Takeovers, e.Takeovers), cmp.Compare(d.Origin, e.Origin), cmp.Compare(d.Seq, e.Seq))
}
