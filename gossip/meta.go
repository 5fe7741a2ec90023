package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"herd/gossip/location"
)

// Bounds of a member's metadata. With all its numbers it may be as long as the 512 bytes beyond
// which memberlist panics: a field more has to take its room from these.
const (
	maxName    = 128 // bytes of a node name
	maxAddress = 128 // bytes of a client or HTTP address
	maxRelease = 48  // bytes of a release
)

// metaVersion is raised when old nodes must not take a member for one they
// understand. A field that old nodes may ignore needs a new tag only.
const metaVersion = 1

// Meta is what a node tells the herd about itself when it joins.
type Meta struct {
	Name     string          // node name as operators and AT lines show it: printable, no white space, 1..128 bytes
	Origin   location.Origin // boot ID: drawn at random at every start, never zero
	Started  time.Time       // when this incarnation started, by its own clock: the later of two of one name is the newer
	Client   string          // address for clients, host:port; empty if there is none
	HTTP     string          // address of the HTTP API, host:port; empty if there is none
	Version  string          // release of the program, for people
	Protocol uint8           // version of the protocol of the streams between nodes
	Limits   Limits          // that the node is configured to
	Leaving  bool            // the node is about to leave: it takes no new clients
}

// Tags of the fields, in the order in which they are written.
const (
	tagName = 1 + iota
	tagOrigin
	tagStarted
	tagClient
	tagHTTP
	tagRelease
	tagProtocol
	tagTTL
	tagMaxClients
	tagTableBytes
	tagLeaving
)

// id is the name under which memberlist knows the member: a restart is another
// one, so that a killed node can come back at once, at whatever address.
func (m Meta) id() string { return fmt.Sprintf("%s-%016x", m.Name, uint64(m.Origin)) }

// check tells what is wrong with m, if anything is.
func (m Meta) check() error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if m.Origin == 0 {
		return errors.New("no boot ID")
	}
	if m.Limits.TTL < 0 || m.Limits.MaxClients < 0 || m.Limits.Bytes < 0 {
		return fmt.Errorf("limits of %v, %d clients and %d bytes", m.Limits.TTL, m.Limits.MaxClients, m.Limits.Bytes)
	}
	for _, f := range []struct {
		what, text string
		limit      int
	}{
		{"client address", m.Client, maxAddress},
		{"HTTP address", m.HTTP, maxAddress},
		{"version", m.Version, maxRelease},
	} {
		if len(f.text) > f.limit {
			return fmt.Errorf("%s is %d bytes long, at most %d are allowed", f.what, len(f.text), f.limit)
		}
		if !printable(f.text) {
			return fmt.Errorf("%s %q has a character that is not printable", f.what, f.text)
		}
	}
	return nil
}

// checkName tells whether a node may be called name: it becomes a field of AT
// lines, so it holds no white space.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("node name is empty")
	case len(name) > maxName:
		return fmt.Errorf("node name is %d bytes long, at most %d are allowed", len(name), maxName)
	case !printable(name):
		return fmt.Errorf("node name %q has white space or a character that is not printable", name)
	}
	return nil
}

// printable tells whether s is UTF-8 and holds nothing but what can be seen, no
// space either: safe in a log line, a table and an AT line.
func printable(s string) bool {
	for _, r := range s {
		if r == ' ' || !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// encode writes m: a version, the number of fields, then fields as tag, length,
// value, tags ascending, zero values left out. m has been checked.
func (m Meta) encode() []byte {
	b := []byte{metaVersion, 0}
	text := func(tag byte, s string) {
		if s != "" {
			b[1]++
			b = append(append(b, tag, byte(len(s))), s...)
		}
	}
	number := func(tag byte, v uint64) {
		if v != 0 {
			b[1]++
			b = binary.BigEndian.AppendUint64(append(b, tag, 8), v)
		}
	}
	text(tagName, m.Name)
	number(tagOrigin, uint64(m.Origin))
	if !m.Started.IsZero() {
		number(tagStarted, uint64(m.Started.UnixNano()))
	}
	text(tagClient, m.Client)
	text(tagHTTP, m.HTTP)
	text(tagRelease, m.Version)
	number(tagProtocol, uint64(m.Protocol))
	number(tagTTL, uint64(m.Limits.TTL))
	number(tagMaxClients, uint64(m.Limits.MaxClients))
	number(tagTableBytes, uint64(m.Limits.Bytes))
	if m.Leaving {
		number(tagLeaving, 1)
	}
	return b
}

// decodeMeta reads what encode wrote. Fields it has no name for are skipped. It
// keeps no reference to b.
func decodeMeta(b []byte) (Meta, error) {
	var m Meta
	if len(b) == 0 {
		return Meta{}, errors.New("no metadata: not a herd node")
	}
	if b[0] != metaVersion {
		return Meta{}, &foreignVersion{b[0]}
	}
	if len(b) < 2 {
		return Meta{}, errors.New("metadata cut short")
	}
	fields, last := b[1], byte(0)
	b = b[2:]
	for range fields {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return Meta{}, errors.New("metadata cut short")
		}
		tag, value := b[0], b[2:2+int(b[1])]
		if tag <= last {
			return Meta{}, fmt.Errorf("metadata field %d after field %d", tag, last)
		}
		last, b = tag, b[2+len(value):]
		var number uint64
		switch tag {
		case tagOrigin, tagStarted, tagProtocol, tagTTL, tagMaxClients, tagTableBytes, tagLeaving:
			if len(value) != 8 {
				return Meta{}, fmt.Errorf("metadata field %d of %d bytes, want 8", tag, len(value))
			}
			number = binary.BigEndian.Uint64(value)
		}
		switch tag {
		case tagName:
			m.Name = string(value)
		case tagOrigin:
			m.Origin = location.Origin(number)
		case tagStarted:
			m.Started = time.Unix(0, int64(number))
		case tagClient:
			m.Client = string(value)
		case tagHTTP:
			m.HTTP = string(value)
		case tagRelease:
			m.Version = string(value)
		case tagProtocol:
			if number > 255 {
				return Meta{}, fmt.Errorf("protocol version %d out of range", number)
			}
			m.Protocol = uint8(number)
		case tagTTL:
			m.Limits.TTL = time.Duration(number)
		case tagMaxClients:
			m.Limits.MaxClients = int64(number)
		case tagTableBytes:
			m.Limits.Bytes = int64(number)
		case tagLeaving:
			m.Leaving = number != 0
		}
	}
	if len(b) > 0 {
		return Meta{}, fmt.Errorf("metadata has %d bytes after its last field", len(b))
	}
	if err := m.check(); err != nil {
		return Meta{}, fmt.Errorf("metadata: %w", err)
	}
	return m, nil
}
