package gossip

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hashicorp/memberlist"
)

// labelled puts memberlist's label header before b.
func labelled(label string, b ...byte) []byte {
	if label == "" {
		return b
	}
	return slices.Concat([]byte{labelMark, byte(len(label))}, []byte(label), b)
}

// encrypted is memberlist's ciphertext: version, nonce, and plain under the key.
func encrypted(version byte, key, plain, data []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	b := make([]byte, 1+nonceSize)
	rand.Read(b[1:])
	b[0] = version
	return aead.Seal(b, b[1:], plain, data)
}

// sealedPacket is a packet as memberlist makes it.
func sealedPacket(version byte, key []byte, label string, plain ...byte) []byte {
	return labelled(label, encrypted(version, key, plain, []byte(label))...)
}

// sealedMessage is what memberlist writes to a stream.
func sealedMessage(key []byte, label string, plain ...byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte{encryptMark}, uint32(1+nonceSize+len(plain)+tagSize))
	return labelled(label, append(head, encrypted(cipherV1, key, plain, append(slices.Clone(head), label...))...)...)
}

// deadlyPacket is 45 bytes from a peer with the key: the last byte of the
// plaintext says how much padding to cut off, and memberlist believes it.
func deadlyPacket(key []byte, label string) []byte {
	plain := make([]byte, 16)
	plain[15] = 255
	return sealedPacket(0, key, label, plain...)
}

func TestPacketGuard(t *testing.T) {
	const label = "campus"
	key, key2, other := testKey(1), testKey(2), testKey(3)
	random := make([]byte, 1400)
	rand.Read(random)
	large := func(n int) []byte {
		return sealedPacket(1, key, label, make([]byte, n-len(sealedPacket(1, key, label)))...)
	}
	unlabelled := encrypted(1, key, []byte("news"), []byte(label))
	for _, tt := range []struct {
		what   string
		packet []byte
		pass   bool
	}{
		{"under the first key", sealedPacket(1, key, label, 'n', 'e', 'w', 's'), true},
		{"under the second key", sealedPacket(1, key2, label, 'n', 'e', 'w', 's'), true},
		{"one byte", sealedPacket(1, key, label, 0), true},
		{"the largest", large(maxPacket), true},
		{"larger", large(maxPacket + 1), false},
		{"nothing", nil, false},
		{"nothing but a label", labelled(label), false},
		{"empty plaintext", sealedPacket(1, key, label), false},
		{"plaintext", labelled(label, make([]byte, 40)...), false},
		{"version 0", sealedPacket(0, key, label, make([]byte, 16)...), false},
		{"version 0 that kills", deadlyPacket(key, label), false},
		{"version 2", sealedPacket(2, key, label, 'x'), false},
		{"key of another herd", sealedPacket(1, other, label, 'x'), false},
		{"another label", sealedPacket(1, key, "beach!", 'x'), false},
		{"the beginning of the label", sealedPacket(1, key, "camp", 'x'), false},
		{"a longer label", sealedPacket(1, key, "campus2", 'x'), false},
		{"no label", sealedPacket(1, key, "", 'x'), false},
		{"no label header", unlabelled, false},
		{"label of no bytes", append([]byte{labelMark, 0}, unlabelled...), false},
		{"another label in front", labelled("campus", labelled("campus", unlabelled...)...), false},
		{"label length cut off", []byte{labelMark}, false},
		{"label cut off", []byte{labelMark, 6, 'c'}, false},
		{"random", random, false},
		{"random, labelled", labelled(label, random...), false},
		{"random, labelled, version 1", labelled(label, append([]byte{1}, random...)...), false},
	} {
		g := newPacketGuard(label, ring(t, 1, 2))
		before := slices.Clone(tt.packet)
		if got := g.pass(tt.packet); got != tt.pass {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.pass)
		}
		if !bytes.Equal(before, tt.packet) {
			t.Errorf("%s: the guard changed the packet", tt.what)
		}
	}

	g := newPacketGuard(label, ring(t, 1))
	good := sealedPacket(1, key, label, 'n', 'e', 'w', 's')
	for i := range good {
		if g.pass(good[:i]) {
			t.Errorf("cut to %d of %d bytes: passed", i, len(good))
		}
		bad := slices.Clone(good)
		bad[i] ^= 1
		if g.pass(bad) {
			t.Errorf("byte %d of %d changed: passed", i, len(good))
		}
	}
}

func TestPacketGuardWithoutLabelOrKey(t *testing.T) {
	for _, tt := range []struct {
		what   string
		guard  *packetGuard
		packet []byte
		pass   bool
	}{
		{"key, no label", newPacketGuard("", ring(t, 1)), sealedPacket(1, testKey(1), "", 'x'), true},
		{"key, no label: labelled", newPacketGuard("", ring(t, 1)), sealedPacket(1, testKey(1), "campus", 'x'), false},
		{"key, no label: label of no bytes", newPacketGuard("", ring(t, 1)), append([]byte{labelMark, 0}, sealedPacket(1, testKey(1), "", 'x')...), false},
		{"keyless", newPacketGuard("campus", nil), labelled("campus", 0), true},
		{"keyless: nothing", newPacketGuard("campus", nil), labelled("campus"), false},
		{"keyless: another label", newPacketGuard("campus", nil), labelled("beach", 0), false},
		{"keyless: too large", newPacketGuard("", nil), make([]byte, maxPacket+1), false},
	} {
		if got := tt.guard.pass(tt.packet); got != tt.pass {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.pass)
		}
	}
}

// Keys come and go; what the guard keeps of them has a bound.
func TestPacketGuardWhileKeysRotate(t *testing.T) {
	r := ring(t, 1)
	g := newPacketGuard("", r)
	for k := 2; k < 5*maxRing; k++ {
		packet := sealedPacket(1, testKey(k), "", 'x')
		if g.pass(packet) {
			t.Fatalf("key %d before it was added", k)
		}
		r.install(testKey(k))
		if !g.pass(packet) {
			t.Fatalf("key %d after it was added", k)
		}
		r.use(FingerprintOf(testKey(k)))
		r.remove(FingerprintOf(testKey(k - 1)))
		if g.pass(sealedPacket(1, testKey(k-1), "", 'x')) || !g.pass(packet) {
			t.Fatalf("key %d after it was removed", k-1)
		}
		if len(g.opened) > maxRing {
			t.Fatalf("%d ciphers kept", len(g.opened))
		}
	}
	if len(r.keys()) != 1 || len(r.members.GetKeys()) != 1 {
		t.Fatalf("%d keys, memberlist has %d", len(r.keys()), len(r.members.GetKeys()))
	}
}

// memberlist without a guard dies of the packet that the guard keeps from it, and so the
// guard is needed.
func TestDeadlyPacketKillsBareMemberlist(t *testing.T) {
	const victim = "GOSSIP_TEST_VICTIM"
	if os.Getenv(victim) != "" {
		feed := newFeed()
		newVictim(t, feed)
		feed.packet(deadlyPacket(testKey(1), ""))
		return
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), victim+"=1")
	out, err := c.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("slice bounds out of range")) {
		t.Errorf("memberlist lived: %v\n%s", err, out)
	}
}

// feed is a memberlist.Transport into which a test puts packets and streams.
type feed struct {
	packets chan *memberlist.Packet
	streams chan net.Conn
}

func newFeed() *feed {
	return &feed{make(chan *memberlist.Packet), make(chan net.Conn)}
}

// packet gives memberlist a packet, and returns when it has been dealt with:
// memberlist takes the next one only then.
func (f *feed) packet(b []byte) {
	for _, b := range [][]byte{b, {0}} {
		f.packets <- &memberlist.Packet{Buf: b, From: &net.UDPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 4132}, Timestamp: time.Now()}
	}
}

// message gives memberlist a stream with b on it, behind a messageGuard, and
// returns when memberlist has closed it.
func (f *feed) message(b []byte, refused *atomic.Uint64) {
	near, far := net.Pipe()
	go near.Write(b) // ends when far is closed
	f.streams <- &guardedPipe{far, messageGuard{Reader: far, refused: refused}}
	io.Copy(io.Discard, near)
	near.Close()
}

type guardedPipe struct {
	net.Conn
	guard messageGuard
}

func (p *guardedPipe) Read(b []byte) (int, error) { return p.guard.Read(b) }

func (f *feed) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.IPv4(10, 0, 0, 1), 4132, nil
}
func (f *feed) WriteTo([]byte, string) (time.Time, error)           { return time.Now(), nil }
func (f *feed) PacketCh() <-chan *memberlist.Packet                 { return f.packets }
func (f *feed) StreamCh() <-chan net.Conn                           { return f.streams }
func (f *feed) DialTimeout(string, time.Duration) (net.Conn, error) { return nil, net.ErrClosed }
func (f *feed) Shutdown() error                                     { return nil }

// newVictim is a memberlist with key 1 that takes what is fed to it and does
// nothing on its own.
func newVictim(t testing.TB, f *feed) *memberlist.Memberlist {
	t.Helper()
	p, err := profileNamed("lan")
	if err != nil {
		t.Fatal(err)
	}
	c := p.config()
	c.Name, c.Transport, c.Keyring = "victim", f, ring(t, 1).members
	c.ProbeInterval, c.GossipInterval, c.PushPullInterval = 0, 0, 0
	c.Logger = log.New(io.Discard, "", 0)
	m, err := memberlist.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Shutdown() })
	return m
}

// Plaintexts of memberlist: a byte for the kind, then MessagePack.
var plaintexts = [...]string{
	"\x00\x82\xa5SeqNo\x01\xa4Node\xa6victim",                                                                                          // ping
	"\x01\x85\xa5SeqNo\x01\xa6Target\xa4\x0a\x00\x00\x02\xa4Port\x01\xa4Node\xa1b\xa4Nack\xc3",                                         // indirect ping
	"\x02\x82\xa5SeqNo\x01\xa7Payload\xc0",                                                                                             // ack
	"\x03\x83\xabIncarnation\x01\xa4Node\xa6victim\xa4From\xa1b",                                                                       // suspect
	"\x04\x86\xabIncarnation\x01\xa4Node\xa1b\xa4Addr\xa4\x0a\x00\x00\x02\xa4Port\x01\xa4Meta\xa1m\xa3Vsn\xa6\x01\x05\x02\x00\x00\x00", // alive
	"\x05\x83\xabIncarnation\x01\xa4Node\xa1b\xa4From\xa1c",                                                                            // dead
	"\x06\x83\xa5Nodes\x01\xacUserStateLen\x00\xa4Join\xc3" +
		"\x87\xa4Addr\xa4\x0a\x00\x00\x02\xa4Port\x01\xa4Name\xa1b\xa4Meta\xc0\xabIncarnation\x01\xa5State\x00\xa3Vsn\xa6\x01\x05\x02\x00\x00\x00", // push/pull
	"\x06\x83\xa5Nodes\xce\x00\x10\x00\x00\xacUserStateLen\xce\x7f\xff\xff\xff\xa4Join\xc3",
	"\x07\x02\x00\x01\x00\x02\x08\x08x",                     // compound of two
	"\x07\xff",                                              // compound of 255, cut
	"\x08user",                                              // user message
	"\x08\x81\xaaUserMsgLen\xce\x7f\xff\xff\xff",            // the same on a stream, too long
	"\x09\x82\xa4Algo\x00\xa3Buf\xa2\x80\x02",               // compressed
	"\x0c\x00\x00\x00\x00\x00",                              // checksum
	"\x0d\x81\xa5Error\xa1x",                                // error
	"\x0e", "\xf4\x01x\x00", "\x0a\x00\x00\x00\x00", "\xff", // nothing, label, encrypted, unknown
}

// Nothing that a peer with the key can put into a packet that the guard lets
// through brings memberlist down.
func FuzzSealedPacket(f *testing.F) {
	for _, p := range plaintexts {
		f.Add([]byte(p))
	}
	guard, feed := newPacketGuard("", ring(f, 1)), newFeed()
	newVictim(f, feed)
	f.Fuzz(func(t *testing.T, plain []byte) {
		packet := sealedPacket(1, testKey(1), "", plain...)
		if pass := guard.pass(packet); pass != (len(plain) > 0 && len(packet) <= maxPacket) {
			t.Fatalf("%d bytes: %v", len(plain), pass)
		} else if pass {
			feed.packet(packet)
		}
	})
}

// The same for what it can write to a stream.
func FuzzSealedMessage(f *testing.F) {
	for _, p := range plaintexts {
		f.Add([]byte(p))
	}
	var refused atomic.Uint64
	feed := newFeed()
	newVictim(f, feed)
	f.Fuzz(func(t *testing.T, plain []byte) {
		before := refused.Load()
		feed.message(sealedMessage(testKey(1), "", plain...), &refused)
		if got := refused.Load() > before; got != (len(plain) == 0) {
			t.Fatalf("%d bytes: refused %v", len(plain), got)
		}
	})
}

// The guard and memberlist agree on what is a packet of the herd, but for what
// would kill memberlist.
func FuzzPacketGuard(f *testing.F) {
	const label = "campus"
	for _, p := range plaintexts {
		f.Add(sealedPacket(1, testKey(1), label, []byte(p)...))
	}
	f.Add(deadlyPacket(testKey(1), label))
	f.Add(sealedPacket(1, testKey(1), label))
	f.Add(sealedPacket(1, testKey(1), "", 'x'))
	f.Add(labelled(label, 'x'))
	keyed, keyless := newPacketGuard(label, ring(f, 1)), newPacketGuard(label, nil)
	block, err := aes.NewCipher(testKey(1))
	if err != nil {
		f.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		body, got, err := memberlist.RemoveLabelHeaderFromPacket(packet)
		ours := err == nil && got == label && len(body) > 0 && len(packet) <= maxPacket
		if pass := keyless.pass(packet); pass != ours {
			t.Errorf("without a key: %v, want %v", pass, ours)
		}
		if ours {
			ours = len(body) > 1+nonceSize && body[0] == 1
		}
		if ours {
			plain, err := aead.Open(nil, body[1:1+nonceSize], body[1+nonceSize:], []byte(label))
			ours = err == nil && len(plain) > 0
		}
		if pass := keyed.pass(packet); pass != ours {
			t.Errorf("with a key: %v, want %v", pass, ours)
		}
	})
}

// head is the beginning of an encrypted message.
func head(length uint32, version byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{encryptMark}, length), version)
}

func TestMessageGuard(t *testing.T) {
	rest := bytes.Repeat([]byte("rest"), 10)
	for _, tt := range []struct {
		what, refused string // why; empty: it passes
		in            []byte
	}{
		{"a message", "", sealedMessage(testKey(1), "", 'x')},
		{"labelled", "", sealedMessage(testKey(1), "campus", 'x')},
		{"the longest label", "", sealedMessage(testKey(1), strings.Repeat("x", 255), 'x')},
		{"what follows", "", append(sealedMessage(testKey(1), "campus", 'x'), rest...)},
		{"the shortest", "", append(head(minEncrypted, 1), rest...)},
		{"the longest", "", append(head(maxMessage, 1), rest...)},
		{"a label of no bytes is memberlist's business", "", append([]byte{labelMark, 0}, head(minEncrypted, 1)...)},
		{"no plaintext", "29 bytes, want 30 to 4194304", sealedMessage(testKey(1), "")},
		{"too long", "4194305 bytes", head(maxMessage+1, 1)},
		{"huge", "4294967295 bytes", head(math.MaxUint32, 1)},
		{"no length", "0 bytes", head(0, 1)},
		{"version 0", "cipher version 0", append(head(60, 0), rest...)},
		{"version 2", "cipher version 2", append(head(60, 2), rest...)},
		{"push/pull in the clear", "not encrypted", append([]byte{6}, rest...)},
		{"labelled, in the clear", "not encrypted", labelled("campus", rest...)},
		{"two labels", "not encrypted", labelled("campus", sealedMessage(testKey(1), "campus", 'x')...)},
	} {
		for chunk, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the end": iotest.DataErrReader,
		} {
			var refused atomic.Uint64
			g := &messageGuard{Reader: wrap(bytes.NewReader(tt.in)), refused: &refused}
			got, err := io.ReadAll(g)
			if tt.refused == "" {
				if err != nil || !bytes.Equal(got, tt.in) || refused.Load() != 0 {
					t.Errorf("%s, %s: %d of %d bytes passed, %v", tt.what, chunk, len(got), len(tt.in), err)
				}
				continue
			}
			if !errors.Is(err, errMessage) || !strings.Contains(err.Error(), tt.refused) || len(got) > 0 || refused.Load() != 1 {
				t.Errorf("%s, %s: %d bytes passed, %v; want refused: %s", tt.what, chunk, len(got), err, tt.refused)
			}
			if _, again := g.Read(make([]byte, 1)); again != err {
				t.Errorf("%s, %s: a second read: %v", tt.what, chunk, again)
			}
		}
	}
}

// A message that is cut off is passed on as far as it goes: memberlist notices.
func TestMessageGuardTruncated(t *testing.T) {
	whole := sealedMessage(testKey(1), "campus", 'x')
	broken := errors.New("broken")
	for n := range whole {
		var refused atomic.Uint64
		g := &messageGuard{Reader: bytes.NewReader(whole[:n]), refused: &refused}
		if got, err := io.ReadAll(iotest.OneByteReader(g)); err != nil || !bytes.Equal(got, whole[:n]) || refused.Load() != 0 {
			t.Errorf("cut to %d of %d bytes: %d passed, %v", n, len(whole), len(got), err)
		}
		g = &messageGuard{Reader: io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken)), refused: &refused}
		if got, err := io.ReadAll(g); err != broken || !bytes.Equal(got, whole[:n]) || refused.Load() != 0 {
			t.Errorf("broken off after %d of %d bytes: %d passed, %v", n, len(whole), len(got), err)
		}
	}
}

// What passes is what came, all of it, and begins as a message should.
func FuzzMessageGuard(f *testing.F) {
	for _, p := range plaintexts {
		f.Add(sealedMessage(testKey(1), "", []byte(p)...))
		f.Add([]byte(p))
	}
	f.Add(sealedMessage(testKey(1), "campus", 'x'))
	f.Add(head(math.MaxUint32, 1))
	f.Add(head(60, 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		var refused atomic.Uint64
		g := &messageGuard{Reader: bytes.NewReader(in), refused: &refused}
		got, err := io.ReadAll(g)
		if cap(g.head) > 1024 {
			t.Fatalf("%d bytes kept", cap(g.head))
		}
		if err != nil {
			if !errors.Is(err, errMessage) || len(got) > 0 || refused.Load() != 1 {
				t.Fatalf("%d bytes passed, then %v", len(got), err)
			}
			return
		}
		if !bytes.Equal(got, in) || refused.Load() != 0 {
			t.Fatalf("%d of %d bytes passed", len(got), len(in))
		}
		body := in
		if len(body) >= 2 && body[0] == labelMark && len(body) >= 2+int(body[1]) {
			body = body[2+int(body[1]):]
		} else if len(body) > 0 && body[0] == labelMark {
			return // cut off
		}
		if len(body) > 0 && body[0] != encryptMark {
			t.Fatal("a message in the clear passed")
		}
		if len(body) >= 6 {
			if n := binary.BigEndian.Uint32(body[1:]); n < minEncrypted || n > maxMessage || body[5] != cipherV1 {
				t.Fatalf("%d bytes of version %d passed", n, body[5])
			}
		}
	})
}

func BenchmarkPacketGuard(b *testing.B) {
	const label = "campus"
	random := make([]byte, 1400)
	rand.Read(random)
	for _, bb := range []struct {
		name   string
		packet []byte
		pass   bool
	}{
		{"first key", sealedPacket(1, testKey(1), label, random[:1350]...), true},
		{"third key", sealedPacket(1, testKey(3), label, random[:1350]...), true},
		{"ping", sealedPacket(1, testKey(1), label, []byte(plaintexts[0])...), true},
		{"junk behind the right version", labelled(label, append([]byte{1}, random...)...), false},
		{"junk", random, false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			g := newPacketGuard(label, ring(b, 1, 2, 3))
			b.ReportAllocs()
			for b.Loop() {
				if g.pass(bb.packet) != bb.pass {
					b.Fatal("wrong")
				}
			}
		})
	}
}
