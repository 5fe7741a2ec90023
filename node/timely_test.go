package node

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"herd/config/certtest"
)

// rekeyer is a client with TLS 1.3 that asks for new keys as often as it likes, which
// crypto/tls never does. That has the handshake and reads; what is sent later is sealed here.
type rekeyer struct {
	*tls.Conn
	secret []byte // of what is sent
	number uint64 // of the next record under it
}

// rekey agrees on ciphers over conn.
func rekey(t *testing.T, conn net.Conn, config *tls.Config) *rekeyer {
	t.Helper()
	var log bytes.Buffer
	config.KeyLogWriter = &log
	c := &rekeyer{Conn: tls.Client(conn, config)}
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := c.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("this machine prefers " + tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(log.String()) {
		if words := strings.Fields(line); words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			c.secret, _ = hex.DecodeString(words[2])
		}
	}
	return c
}

// expand is HKDF-Expand-Label (RFC 8446, 7.1).
func (c *rekeyer) expand(label string, length int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(append(append(info, byte(len(label))), label...), 0)
	b, err := hkdf.Expand(sha256.New, c.secret, string(info), length)
	if err != nil {
		panic(err) // no length here is too great
	}
	return b
}

// Write sends b in one record.
func (c *rekeyer) Write(b []byte) (int, error) { return len(b), c.seal(23, b) }

// askForKeys tells that new keys are used from now on, and that the same is wanted.
func (c *rekeyer) askForKeys() error {
	if err := c.seal(22, []byte{24, 0, 0, 1, 1}); err != nil {
		return err
	}
	c.secret, c.number = c.expand("traffic upd", sha256.Size), 0
	return nil
}

func (c *rekeyer) seal(kind byte, content []byte) error {
	block, err := aes.NewCipher(c.expand("key", 16))
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	nonce := c.expand("iv", aead.NonceSize())
	for i, b := range binary.BigEndian.AppendUint64(nil, c.number) {
		nonce[len(nonce)-8+i] ^= b
	}
	c.number++
	inner := append(bytes.Clone(content), kind)
	record := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+aead.Overhead()))
	_, err = c.NetConn().Write(aead.Seal(record, nonce, inner, record))
	return err
}

// ciphered is a port with TLS whose connections hold nothing, and what its clients have.
func ciphered(t *testing.T) (*port, *pipes, *tls.Config) {
	ca := certtest.New(t)
	cert, key := ca.Sign(24*time.Hour, "herd.test")
	var c certificates
	c.now.Store(tlsOf(t, cert, key, ""))
	l := newPipes()
	return newPort(t, c.listen(l, tls.NoClientCert)), l, trusting(t, ca, "herd.test")
}

// mustEnd ends a test that hangs. Where it waits for a lock a bubble's time stands still.
func mustEnd(t *testing.T) {
	timer := time.AfterFunc(patient, func() { panic(t.Name() + " waits for a connection that is not read") })
	t.Cleanup(func() { timer.Stop() })
}

// A client that asks for new keys and takes none is let go, by an end of the node at once.
func TestKeysUntaken(t *testing.T) {
	mustEnd(t)
	synctest.Test(t, func(t *testing.T) {
		p, l, config := ciphered(t)
		if err := rekey(t, l.dial(t), config.Clone()).askForKeys(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for p.connections() > 0 {
			if time.Sleep(time.Second); time.Since(began) > time.Hour {
				t.Fatal("it stays for ever")
			}
		}
		if took := time.Since(began); took < writeTimeout || took > writeTimeout+writeTimeout/slack+time.Second {
			t.Errorf("it was let go after %s", took)
		}
		if n := p.count.stalled.Load(); n != 1 {
			t.Errorf("%d are counted as stalled", n)
		}

		if err := rekey(t, l.dial(t), config.Clone()).askForKeys(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		p.shutdown(ctx)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the end took %s", took)
		}
	})
}

// A client may ask for new keys whenever it likes, and is answered.
func TestKeysTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, config := ciphered(t)
		c := rekey(t, l.dial(t), config)
		for range 3 {
			send(t, c, "x\n")
			receive(t, c, "? x\n")
			time.Sleep(2 * writeTimeout) // what was good for that reply is over
			asked := make(chan error, 1)
			go func() { asked <- c.askForKeys() }()
			synctest.Wait()
			sent := make(chan error, 1)
			go func() {
				err := <-asked
				if err == nil {
					_, err = c.Write([]byte("y\n"))
				}
				sent <- err
			}()
			receive(t, c, "? y\n")
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The same at the HTTP port, before it knows what is wanted.
func TestKeysUntakenOverHTTP(t *testing.T) {
	mustEnd(t)
	synctest.Test(t, func(t *testing.T) {
		ca := certtest.New(t)
		cert, key := ca.Sign(24*time.Hour, "herd.test")
		l := newPipes()
		n := newTestNode(t, func(c *Config) {
			c.TLS = tlsOf(t, cert, key, "")
			listen := c.Listen
			c.Listen = func(ctx context.Context, addr string) (net.Listener, error) {
				if addr == c.Settings.HTTP.Addr {
					return l, nil
				}
				return listen(ctx, addr)
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		done := n.start(ctx)
		hang := func() {
			t.Helper()
			c := rekey(t, l.dial(t), trusting(t, ca, "herd.test"))
			send(t, c, "GET /livez HT")
			if err := c.askForKeys(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		hang()
		time.Sleep(2 * writeTimeout)
		if open := n.Stats().HTTPConns; open != 0 {
			t.Fatalf("%d connections are open", open)
		}
		hang()
		began := time.Now()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > httpTimeout {
			t.Errorf("the end took %s", took)
		}
		n.Close()
	})
}
