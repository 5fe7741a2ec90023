package protocol

import "herd/gossip/location"

// Verb is what a line asks for.
type Verb uint8

// The verbs.
const (
	Empty   Verb = iota // nothing but white space: no reply
	IAmAt               // a client says where it is
	WhatsAt             // what is near another client
	Invalid             // anything else: echoed after a question mark
)

var verbs = [...]string{Empty: "empty", IAmAt: "iamat", WhatsAt: "whatsat", Invalid: "invalid"}

// String is the verb's name in statistics and logs.
func (v Verb) String() string { return verbs[v] }

// Command is a line as it was understood. Fields that its verb has no use for
// are zero.
type Command struct {
	Verb     Verb
	Reason   Reason            // Invalid: why
	ID       []byte            // IAmAt, WhatsAt: the client; part of the line
	Position location.Position // IAmAt
	Time     location.Time     // IAmAt
	Radius   float64           // WhatsAt: metres, 0 to 50,000
	Limit    int               // WhatsAt: places, 0 to 20
}

// Reason is why a line is invalid. It is for logs and counters: a client is
// never told.
type Reason uint8

// The reasons. The last two are not for [Parse] to find: [Lines] and the table
// know.
const (
	None           Reason = iota // the line is valid
	UnknownCommand               // the first field is no command's name
	WrongOperands                // not exactly three
	LongID                       // the client ID has more bytes than allowed
	BadPosition
	BadTime
	BadRadius
	BadLimit
	UnknownClient // WHATSAT about a client that the herd does not know
	LongLine      // more bytes than allowed; the connection ends

	// Reasons is how many there are, None included.
	Reasons = int(iota)
)

var reasons = [Reasons]string{
	None:           "none",
	UnknownCommand: "unknown_command",
	WrongOperands:  "operands",
	LongID:         "id_too_long",
	BadPosition:    "position",
	BadTime:        "time",
	BadRadius:      "radius",
	BadLimit:       "limit",
	UnknownClient:  "unknown_client",
	LongLine:       "line_too_long",
}

// String is the reason's name in statistics and logs.
func (r Reason) String() string { return reasons[r] }
