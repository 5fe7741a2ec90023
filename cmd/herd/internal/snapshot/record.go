// Package snapshot is the form of a file that has the clients of a herd: a client a line in
// JSON, or GeoJSON. Writers write from the beginning to the end, readers say of each line that is
// damaged what is wrong with it, and go on.
package snapshot

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"herd/gossip/location"
	"herd/node/client"
)

// version is that of the format. A reader refuses later ones.
const version = 1

// Record is a client. Its ID, position and time are what the client has sent, byte for byte.
type Record struct {
	ID       string          `json:"id"`
	IDBytes  []byte          `json:"id_base64,omitempty"` // of an ID that is not UTF-8
	Position client.Position `json:"position"`
	Time     client.Seconds  `json:"time"`
	Received time.Time       `json:"received,omitzero"` // when its node took it in
	Node     string          `json:"node,omitempty"`    // which took it in
}

// check completes a record that was read, and says what is wrong with it.
func (r *Record) check() error {
	if r.IDBytes != nil {
		r.ID = string(r.IDBytes)
	}
	switch {
	case r.ID == "":
		return errors.New("it has no id")
	case len(r.ID) > location.MaxID:
		return fmt.Errorf("its id has %d bytes, %d are possible", len(r.ID), location.MaxID)
	case strings.ContainsAny(r.ID, " \t\r\n\f\v"):
		return fmt.Errorf("its id %q has white space in it", r.ID)
	case len(r.Node) > location.MaxID:
		return errors.New("its node has too long a name")
	case r.Position == "":
		return errors.New("it has no position")
	case r.Time == "":
		return errors.New("it has no time")
	}
	if _, _, err := r.Position.Degrees(); err != nil {
		return err
	}
	_, err := r.Time.Time()
	return err
}

// Header is what a snapshot says of itself.
type Header struct {
	Version int       `json:"herd_snapshot"`
	Saved   time.Time `json:"saved,omitzero"` // when it was begun
	Node    string    `json:"node,omitempty"` // which was asked
}

// end is the last line: without it a snapshot is cut short.
type end struct {
	Version int  `json:"herd_snapshot_end"`
	Clients *int `json:"clients"`
}
