package node

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Clients of lines that come together are fetched together; a lone line has nothing to
// wait for.
func TestSessionFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		send(t, conn, "IAMAT kiwi +34-118 1\n")
		receive(t, conn, "AT Clark +1621464827.223371889 kiwi +34-118 1\n")
		if got := p.herd.fetches(); len(got) > 0 {
			t.Errorf("%q were fetched for a lone line", got)
		}
		line := "IAMAT lime +34-118 1\n"
		reply := "AT Clark +1621464827.223371889 lime +34-118 1\n"
		send(t, conn, strings.Repeat(line, 18)+"WHATSAT kiwi 1 1\n")
		receive(t, conn, strings.Repeat(reply, 18)+"AT Clark +1621464827.223371889 kiwi +34-118 1\n"+body+"\n\n")
		want := []string{strings.Repeat(" lime", 16)[1:], "lime lime kiwi"}
		if got := p.herd.fetches(); !slices.Equal(got, want) {
			t.Errorf("%q were fetched, want %q", got, want)
		}
	})
}
