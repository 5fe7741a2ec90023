package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// handshakeTime is how long a client may take to agree on ciphers.
const handshakeTime = 10 * time.Second

// certificates are what the ports speak TLS with. They may be replaced while the ports
// are open: connections that are there go on as they began.
type certificates struct {
	now atomic.Pointer[tls.Config] // nil: in the clear

	failed atomic.Uint64 // handshakes
}

// listen has a port speak TLS, with auth as the rule for certificates of clients if those
// are asked for, and protocols by the names of RFC 7301. It speaks in the clear if there is
// no certificate at the time of the call.
func (c *certificates) listen(l net.Listener, auth tls.ClientAuthType, protocols ...string) net.Listener {
	if c.now.Load() == nil {
		return l
	}
	return tls.NewListener(timelyListener{l}, &tls.Config{
		MinVersion: tls.VersionTLS12, // the one below counts
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := c.now.Load().Clone()
			config.NextProtos = protocols
			if config.ClientCAs != nil {
				config.ClientAuth = auth
			}
			return config, nil
		},
	})
}

// timelyListener accepts connections for TLS.
type timelyListener struct{ net.Listener }

// Accept waits for the next one.
func (l timelyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newTimely(conn), nil
}

// expiry is when the certificate expires, in POSIX seconds; 0 if there is none.
func (c *certificates) expiry() int64 {
	if c.now.Load() == nil {
		return 0
	}
	return c.expires().Unix()
}

// expires is when the certificate does; the zero time if there is none.
func (c *certificates) expires() time.Time {
	config := c.now.Load()
	if config == nil {
		return time.Time{}
	}
	return config.Certificates[0].Leaf.NotAfter
}

// shake has the client of a connection agree on ciphers, if it is to. It is bounded in
// time.
func (s *clientServer) shake(conn net.Conn) error {
	ciphered, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.alive, handshakeTime)
	defer cancel()
	if err := ciphered.HandshakeContext(ctx); err != nil {
		s.count.handshakes.Add(1)
		return fmt.Errorf("agree on TLS: %w", err)
	}
	return nil
}

// handshakeLog takes the log of an HTTP server. A handshake that fails is a matter of the
// client's, and strangers have many: those are counted.
type handshakeLog struct {
	failed *atomic.Uint64
	log    hclog.Logger
}

// Write takes one message.
func (l handshakeLog) Write(message []byte) (int, error) {
	text := string(bytes.TrimSpace(message))
	if strings.Contains(text, "TLS handshake error") {
		l.failed.Add(1)
		l.log.Debug(text)
	} else {
		l.log.Warn(text)
	}
	return len(message), nil
}

// lacksCertificate tells whether one is asked for, and who asks has none.
func (n *Node) lacksCertificate(r *http.Request) bool {
	config := n.certificates.now.Load()
	return config != nil && config.ClientCAs != nil && r.TLS != nil && len(r.TLS.VerifiedChains) == 0
}

// certified stands before the API and refuses who shows no certificate where one is asked
// for.
func (n *Node) certified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.lacksCertificate(r) && !openToAll(r.URL.Path) {
			n.authority.missing.Add(1)
			problem(w, http.StatusForbidden, "A certificate is needed, of those that this node trusts.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
