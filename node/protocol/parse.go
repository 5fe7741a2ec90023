package protocol

import "herd/gossip/location"

// Limits are the bounds that an operator sets.
type Limits struct {
	// MaxID is the longest client ID, in bytes, 1 to [location.MaxID]. Beyond
	// that, and by default, it is taken for location.MaxID.
	MaxID int
}

// operands is how many every command has.
const operands = 3

// Parse reads a line, given without its terminator. Command.ID is part of line;
// nothing else keeps a reference to it.
func Parse(line []byte, l Limits) Command {
	var fields [1 + operands][]byte
	n, more := split(line, &fields)
	if n == 0 {
		return Command{Verb: Empty}
	}
	verb := verbOf(fields[0])
	switch {
	case verb == Invalid:
		return invalid(UnknownCommand)
	case n <= operands || more:
		return invalid(WrongOperands)
	case len(fields[1]) > l.maxID():
		return invalid(LongID)
	case verb == IAmAt:
		return iAmAt(fields[1], fields[2], fields[3])
	}
	return whatsAt(fields[1], fields[2], fields[3])
}

func verbOf(name []byte) Verb {
	switch string(name) {
	case "IAMAT":
		return IAmAt
	case "WHATSAT":
		return WhatsAt
	}
	return Invalid
}

func invalid(why Reason) Command { return Command{Verb: Invalid, Reason: why} }

func (l Limits) maxID() int {
	if l.MaxID < 1 || l.MaxID > location.MaxID {
		return location.MaxID
	}
	return l.MaxID
}

func iAmAt(id, position, time []byte) Command {
	p, err := location.ParsePosition(position)
	if err != nil {
		return invalid(BadPosition)
	}
	t, err := location.ParseTime(time)
	if err != nil {
		return invalid(BadTime)
	}
	return Command{Verb: IAmAt, ID: id, Position: p, Time: t}
}

func whatsAt(id, radius, limit []byte) Command {
	metres, ok := parseRadius(radius)
	if !ok {
		return invalid(BadRadius)
	}
	n, ok := parseLimit(limit)
	if !ok {
		return invalid(BadLimit)
	}
	return Command{Verb: WhatsAt, ID: id, Radius: metres, Limit: n}
}

// split finds the fields of a line: as many as there is room for, and whether
// there are more.
func split(line []byte, fields *[1 + operands][]byte) (n int, more bool) {
	for i := 0; ; n++ {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return n, false
		}
		if n == len(fields) {
			return n, true
		}
		start := i
		for i < len(line) && !isSpace(line[i]) {
			i++
		}
		fields[n] = line[start:i]
	}
}

// isSpace tells white space: space, tab, LF, VT, FF, CR.
func isSpace(c byte) bool { return c == ' ' || c-'\t' <= '\r'-'\t' }

func isDigit(c byte) bool { return c-'0' <= 9 }

const (
	maxRadius = 50 // km
	maxLimit  = 20 // places
)

// parseRadius reads decimal kilometres and gives metres. Digits of the fraction
// past the twelfth decide no more than whether the radius is past the greatest.
func parseRadius(b []byte) (metres float64, ok bool) {
	const (
		held     = 12  // digits of the fraction that count
		perMetre = 1e9 // units of the last of them
	)
	var n uint64 // at most 50·10^12
	i := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		if n = n*10 + uint64(b[i]-'0'); n > maxRadius {
			return 0, false
		}
	}
	if i == 0 {
		return 0, false
	}
	fraction := b[i:]
	if len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) == 1 {
			return 0, false
		}
		fraction = fraction[1:]
	}
	greatest := n == maxRadius
	for _, c := range fraction {
		if !isDigit(c) || greatest && c != '0' {
			return 0, false
		}
	}
	for i := range held {
		n *= 10
		if i < len(fraction) {
			n += uint64(fraction[i] - '0')
		}
	}
	return float64(n) / perMetre, true
}

// parseLimit reads an integer number of places. A field is never empty.
func parseLimit(b []byte) (n int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > maxLimit {
			return 0, false
		}
	}
	return n, true
}
