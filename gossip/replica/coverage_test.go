package replica

import (
	"reflect"
	"slices"
)

// coverage says what schedules were made of: a model that never meets a case proves
// nothing of it.
type coverage struct {
	Stats       Stats
	Boots       uint64
	Kills       uint64
	Pauses      uint64
	Astray      uint64 // clocks that went wrong
	Cuts        uint64 // sessions that ended inside a message
	Repeats     uint64 // batches delivered once more
	Acks        uint64
	Company     uint64 // of those, with a member in sync
	Held        uint64 // sessions given up while the peer was in
	Reads       uint64 // of one client under one lease
	Readies     uint64
	Loads       uint64 // processes that began from a disk
	PowerCuts   uint64
	Vectors     uint64 // of those, with a vector
	Snapshots   uint64 // completed
	DiskFaults  uint64
	Given       uint64 // times that a disk had been given all there was
	Durable     uint64 // acknowledged while some disk was in
	Finds       uint64 // look-ups that brought something
	Chunks      uint64
	Limits      uint64 // that a node changed
	Floors      uint64 // that one node told another
	Full        uint64 // reports for which the open batch had no room
	Between     uint64 // reports while a batch was ended in some stripes and open in others
	Ahead       uint64 // batches merged before the rest of their receipt
	AheadChunks uint64 // likewise chunks
	Scans       uint64 // writes of what was scanned before
	Several     uint64 // batches of more than one fix
}

func (c *coverage) count(core *Core) { c.add(&coverage{Stats: core.Stats()}) }

// add adds all counters.
func (c *coverage) add(d *coverage) { addFields(reflect.ValueOf(c).Elem(), reflect.ValueOf(d).Elem()) }

func addFields(to, from reflect.Value) {
	for i := range to.NumField() {
		if f := to.Field(i); f.Kind() == reflect.Struct {
			addFields(f, from.Field(i))
		} else {
			f.SetUint(f.Uint() + from.Field(i).Uint())
		}
	}
}

// zeros names what never happened and should have.
func (c *coverage) zeros() []string { return zeroFields(reflect.ValueOf(c).Elem()) }

// ownTests are the counters that have tests of their own; the model's peers don't lie.
var ownTests = []string{"LookupsOff", "Incredible", "Unfounded"}

func zeroFields(v reflect.Value) (names []string) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.Struct:
			names = append(names, zeroFields(f)...)
		case f.IsZero() && !slices.Contains(ownTests, v.Type().Field(i).Name):
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}
