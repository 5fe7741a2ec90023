package node

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// BindError is a port that can't be bound.
type BindError struct {
	Setting string // the setting that names it: "client.addr"
	Addr    string // its value
	Err     error  // what the system said
}

// Error names the setting, its value and the cause.
func (e *BindError) Error() string { return fmt.Sprintf("%s %s: %v", e.Setting, e.Addr, e.Err) }

// Unwrap gives what the system said.
func (e *BindError) Unwrap() error { return e.Err }

// bindError leaves out of a listener's error what the setting and its value say.
// Other errors stay as they are.
func bindError(setting, addr string, err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	cause := op.Err
	var call *os.SyscallError
	if errors.As(cause, &call) {
		cause = call.Err
	}
	return &BindError{Setting: setting, Addr: addr, Err: cause}
}
