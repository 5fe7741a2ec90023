package gossip

import (
	"crypto/tls"
	"time"
)

// closeGrace is how long Close waits for room to say goodbye in. TLS would wait
// 5 s for a peer that has stopped reading.
const closeGrace = 100 * time.Millisecond

// maxRecord bounds what Send puts into one record of TLS. TLS allows 16 KiB, which on a slow line
// that loses some packets takes longer than a peer may be silent: see ear. Half of that costs nothing
// more, a quarter a fifth of a stream's CPU.
const maxRecord = 8 << 10

// stream is a TLS connection to a peer that has proved a key of the ring. It is
// a net.Conn: safe for one reader and one writer at a time, Close at any time.
type stream struct {
	*tls.Conn
	raw       *outlet
	peer      string
	purpose   purpose
	inbound   bool
	transport *transport
}

// PeerName is the node name that the peer proved, 1..255 bytes of any kind.
func (s *stream) PeerName() string { return s.peer }

// Purpose is what the dialer opened the stream for.
func (s *stream) Purpose() purpose { return s.purpose }

// Inbound tells whether the peer dialed.
func (s *stream) Inbound() bool { return s.inbound }

// Send sends b as far as that needs no waiting, and tells whether it has gone. If not, it
// does so with the next Flush, before which there must be no other Send. Not to be mixed
// with Write; one goroutine at a time.
func (s *stream) Send(b []byte) (gone bool, err error) {
	s.raw.gather(true)
	for err == nil && len(b) > 0 {
		n := min(len(b), maxRecord)
		_, err = s.Conn.Write(b[:n])
		b = b[n:]
	}
	s.raw.gather(false)
	if err != nil {
		return false, err
	}
	return s.raw.offer()
}

// Eager tells whether Send may send anything at all.
func (s *stream) Eager() bool { return s.raw.socket != nil }

// Flush sends what Send has left, and waits for it.
func (s *stream) Flush() error { return s.raw.flush() }

// Rest gives back the room that a long Send has taken. To be called after Flush.
func (s *stream) Rest() { s.raw.shrink() }

// Close tells the peer, if that is possible within 100 ms, and closes. A Read or
// Write under way returns with an error. It is idempotent.
func (s *stream) Close() error {
	s.transport.forget(s)
	hurry := time.AfterFunc(closeGrace, func() { s.raw.Close() })
	defer hurry.Stop()
	return s.Conn.Close()
}

// membershipStream is what memberlist gets in a keyed herd.
type membershipStream struct {
	*stream
	guard messageGuard
}

func (s *membershipStream) Read(b []byte) (int, error) { return s.guard.Read(b) }
