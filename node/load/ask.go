package load

import (
	"errors"
	"net"
)

// asker is a connection on which commands are sent and their replies waited for. It
// is for one goroutine.
type asker struct {
	conn    net.Conn
	speak   dialect
	text    []byte
	buf     []byte
	scratch [128]byte
}

func newAsker(conn net.Conn, speak dialect) *asker {
	return &asker{conn: conn, speak: speak, buf: make([]byte, 4<<10)}
}

// ask sends commands in one write and gives take the reply to each, in order. A reply
// is good until take returns.
func (a *asker) ask(commands []command, take func(i int, reply []byte)) error {
	a.text = a.text[:0]
	for i := range commands {
		a.text = a.speak.append(a.text, &commands[i])
	}
	if _, err := a.conn.Write(a.text); err != nil {
		return err
	}
	answered, have := 0, 0
	for {
		n, err := a.conn.Read(a.buf[have:])
		rest := a.buf[:have+n]
		for answered < len(commands) {
			length := a.speak.frame(&commands[answered], rest)
			if length == 0 {
				break
			}
			take(answered, rest[:length])
			rest = rest[length:]
			answered++
		}
		have = copy(a.buf, rest)
		switch {
		case answered == len(commands) && have > 0:
			return errors.New("more replies than commands")
		case answered == len(commands):
			return nil
		case err != nil:
			return err
		case have >= maxReply:
			return errors.New("a reply does not end")
		case have == len(a.buf):
			a.buf = append(a.buf, make([]byte, len(a.buf))...)
		}
	}
}

// askOne sends one command and says what is wrong with the reply; empty if nothing is.
func (a *asker) askOne(c *command) (wrong string, err error) {
	err = a.ask([]command{*c}, func(_ int, reply []byte) {
		if why := a.speak.check(c, reply, a.scratch[:]); why != "" {
			wrong = misfit(a.speak, c, reply, why)
		}
	})
	return wrong, err
}
