package history

import (
	"errors"
	"math"
	"strings"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
)

var errLine = errors.New("not an AT line")

// ParseAt reads an AT line without its line feed. ahead is the max_client_ahead of the
// node that took the report: with it the fix has the order that it has in the herd.
func ParseAt(line string, ahead time.Duration) (client string, f location.Fix, err error) {
	field := strings.Split(line, " ")
	if len(field) != 6 || field[0] != "AT" || field[1] == "" || field[3] == "" {
		return "", f, errLine
	}
	p, err := location.ParsePosition([]byte(field[4]))
	if err != nil {
		return "", f, err
	}
	t, err := location.ParseTime([]byte(field[5]))
	if err != nil {
		return "", f, err
	}
	difference, ok := parseDifference(field[2])
	if !ok || difference > math.MaxInt64-t.Nanos() || difference+t.Nanos() < 0 {
		return "", f, errLine
	}
	f = location.NewFix(field[1], t.Nanos()+difference, ahead, p, t)
	var buf [512]byte
	if at := protocol.AppendAt(buf[:0], []byte(field[3]), &f); string(at[:len(at)-1]) != line {
		return "", f, errLine // a node would have written it in another way
	}
	return field[3], f, nil
}

// parseDifference reads signed seconds with nine decimals as nanoseconds.
func parseDifference(text string) (nanos int64, ok bool) {
	sign, text := text[:min(1, len(text))], text[min(1, len(text)):]
	whole, fraction, _ := strings.Cut(text, ".")
	if sign != "+" && sign != "-" || len(fraction) != 9 {
		return 0, false
	}
	t, err := location.ParseTime([]byte(whole + "." + fraction))
	if err != nil {
		return 0, false
	}
	if sign == "-" {
		return -t.Nanos(), true
	}
	return t.Nanos(), true
}

// clientOf is the client of an AT line, or what stands in its place.
func clientOf(line string) string {
	field := strings.SplitN(line, " ", 5)
	if len(field) < 4 {
		return ""
	}
	return field[3]
}
