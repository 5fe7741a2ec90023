package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that doesn't show itself: printed, logged or marshalled it is
// "(hidden)". Two things give it away: an unexported field of a struct that package
// fmt prints, and a map in JSON that has it as a key.
type Secret string

const hidden = "(hidden)"

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// String is "(hidden)".
func (Secret) String() string { return hidden }

// GoString is "(hidden)".
func (Secret) GoString() string { return hidden }

// Format writes "(hidden)" whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue is "(hidden)".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText gives "(hidden)".
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON gives "(hidden)".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
