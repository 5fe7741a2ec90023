package gossip

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"herd/gossip/simnet"
)

// testKey is the i-th key of the tests.
func testKey(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 32) }

// ring is a keyring of these test keys, the first one primary; none: keyless.
func ring(t testing.TB, keys ...int) *keyring {
	t.Helper()
	if len(keys) == 0 {
		return nil
	}
	var all [][]byte
	for _, k := range keys {
		all = append(all, testKey(k))
	}
	r, err := newKeyring(all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testProver(t testing.TB, name, label string, r *keyring) *prover {
	t.Helper()
	p, err := newProver(name, label, r, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// line is a stream in memory, not in a bubble: both its ends.
func line(t testing.TB) (near, far net.Conn) {
	t.Helper()
	sim := simnet.New(1)
	l, err := sim.Host("10.0.0.2").Listen(t.Context(), ":4132")
	if err != nil {
		t.Fatal(err)
	}
	near, err = sim.Host("10.0.0.1").Dial(context.Background(), "10.0.0.2:4132")
	if err != nil {
		t.Fatal(err)
	}
	far, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// meeting is what came of a dialer and an acceptor who met.
type meeting struct {
	dialed, accepted      string // names proved
	purpose               purpose
	dialError, acceptFail error
}

func meet(t testing.TB, dialer, acceptor *prover, purpose purpose) (m meeting) {
	t.Helper()
	near, far := line(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.accepted, m.purpose, m.acceptFail = acceptor.accept(tls.Server(far, acceptor.tls))
		if m.acceptFail != nil {
			far.Close()
		}
	}()
	m.dialed, m.dialError = dialer.dial(tls.Client(near, dialer.tls), purpose)
	if m.dialError != nil {
		near.Close()
	}
	<-done
	return m
}

// Who dials a port of a node that is for others, as for clients or HTTP, is told so.
func TestMeetOtherPort(t *testing.T) {
	near, far := line(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		far.Read(make([]byte, 4096))
		far.Write([]byte("? that is no line\n"))
		far.Close()
	}()
	clark := testProver(t, "Clark", "", nil)
	_, err := clark.dial(tls.Client(near, clark.tls), purposeWho)
	if err == nil || !strings.HasPrefix(err.Error(), "what is there is not the gossip port of a node: ") {
		t.Errorf("got %v", err)
	}
	<-done
}

func TestMeet(t *testing.T) {
	clark, jaquez := testProver(t, "Clark", "campus", ring(t, 1)), testProver(t, "Jaquez", "campus", ring(t, 1))
	for p := purposeMembership; p <= purposeKeyring; p++ {
		m := meet(t, clark, jaquez, p)
		if want := (meeting{dialed: "Jaquez", accepted: "Clark", purpose: p}); m != want {
			t.Errorf("%v: %+v, want %+v", p, m, want)
		}
	}
	keyless, other := testProver(t, "K", "", nil), testProver(t, strings.Repeat("k", maxPeerName), "", nil)
	m := meet(t, keyless, other, purposeWho)
	if m.dialError != nil || m.acceptFail != nil || m.accepted != "K" || m.dialed != other.name {
		t.Errorf("two without keys: %+v", m)
	}
}

// Each end must have the other's primary, whatever else the rings hold and in whatever
// order: both ends agree on whether it has.
func TestMeetWhileKeysRotate(t *testing.T) {
	near, _ := line(t)
	conn, session := tls.Client(near, nil), make([]byte, 32)
	rings := rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 1, 6, rapid.ID[int])
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rings.Draw(rt, "dialer's keys"), rings.Draw(rt, "acceptor's keys")
		clark, jaquez := &prover{name: "Clark", ring: ring(t, a...)}, &prover{name: "Jaquez", ring: ring(t, b...)}
		check := func(from, by *prover, role byte) error {
			h, err := readHello(bytes.NewReader(from.hello(session, role, purposeLive)))
			if err != nil {
				return err
			}
			return by.check(session, role, h, conn)
		}
		dialError, acceptError := check(jaquez, clark, roleAcceptor), check(clark, jaquez, roleDialer)
		clarks, jaquezs := slices.Contains(b, a[0]), slices.Contains(a, b[0]) // primaries that the other has
		switch {
		case clarks && jaquezs:
			if dialError != nil || acceptError != nil {
				rt.Errorf("dialer: %v; acceptor: %v", dialError, acceptError)
			}
			return
		case !slices.ContainsFunc(a, func(k int) bool { return slices.Contains(b, k) }):
			wantKeyError(rt, dialError, "Jaquez", reasonNoneInCommon)
			wantKeyError(rt, acceptError, "Clark", reasonNoneInCommon)
		case jaquezs:
			wantKeyError(rt, dialError, "Jaquez", reasonPeerLacks)
			wantKeyError(rt, acceptError, "Clark", reasonWeLack)
		case clarks:
			wantKeyError(rt, dialError, "Jaquez", reasonWeLack)
			wantKeyError(rt, acceptError, "Clark", reasonPeerLacks)
		default:
			wantKeyError(rt, dialError, "Jaquez", reasonWeLack)
			wantKeyError(rt, acceptError, "Clark", reasonWeLack)
		}
	})
	m := meet(t, testProver(t, "Clark", "", ring(t, 1, 2, 3)), testProver(t, "Jaquez", "", ring(t, 3, 4, 1)), purposeLive)
	if want := (meeting{dialed: "Jaquez", accepted: "Clark", purpose: purposeLive}); m != want {
		t.Errorf("%+v, want %+v", m, want)
	}
}

func isKeyError(err error) bool {
	var key *KeyError
	return errors.As(err, &key)
}

func wantKeyError(t interface {
	Helper()
	Errorf(string, ...any)
}, err error, peer, reason string,
) {
	t.Helper()
	var key *KeyError
	if !errors.As(err, &key) || key.Peer != peer || key.Reason != reason || !strings.HasPrefix(key.Addr, "10.0.0.") {
		t.Errorf("got %v, want a KeyError: %q, %s", err, peer, reason)
	}
}

// Both ends of a refused stream say why.
func TestStrangers(t *testing.T) {
	for _, tt := range []struct {
		what                         string
		dialer, acceptor             []int
		dialerLabel, acceptorLabel   string
		dialerReason, acceptorReason string
	}{
		{"keyless dials keyed", nil, []int{1}, "", "", reasonWeAreKeyless, reasonPeerKeyless},
		{"keyed dials keyless", []int{1, 2}, nil, "", "", reasonPeerKeyless, reasonWeAreKeyless},
		{"keyless dials a key of zeros", nil, []int{0}, "", "", reasonWeAreKeyless, reasonPeerKeyless},
		{"another key", []int{1}, []int{2}, "", "", reasonNoneInCommon, reasonNoneInCommon},
		{"another label", []int{1}, []int{1}, "campus", "campus2", reasonNoneInCommon, reasonNoneInCommon},
		{"a label and none", []int{1}, []int{1}, "campus", "", reasonNoneInCommon, reasonNoneInCommon},
		{"keyless with another label", nil, nil, "campus", "beach", reasonWeAreKeyless, reasonWeAreKeyless},
	} {
		m := meet(t, testProver(t, "Clark", tt.dialerLabel, ring(t, tt.dialer...)), testProver(t, "Jaquez", tt.acceptorLabel, ring(t, tt.acceptor...)), purposeDelta)
		if m.dialed != "" || m.accepted != "" || m.purpose != 0 {
			t.Errorf("%s: %+v", tt.what, m)
		}
		t.Run(tt.what, func(t *testing.T) {
			wantKeyError(t, m.dialError, "Jaquez", tt.dialerReason)
			wantKeyError(t, m.acceptFail, "Clark", tt.acceptorReason)
		})
	}
}

// Of the largest ring each key takes part.
func TestLargestRing(t *testing.T) {
	var all []int
	for i := range maxRing {
		all = append(all, i+1)
	}
	many := testProver(t, "Clark", "", ring(t, all...))
	if m := meet(t, many, testProver(t, "Jaquez", "", ring(t, maxRing, 1)), purposeLive); m.dialError != nil || m.acceptFail != nil {
		t.Errorf("the last key: %+v", m)
	}
}

// Keys that come and go while the prover is in use count from then on.
func TestRingChanges(t *testing.T) {
	r := ring(t, 1)
	clark, jaquez := testProver(t, "Clark", "", r), testProver(t, "Jaquez", "", ring(t, 2))
	if m := meet(t, clark, jaquez, purposeLive); !isKeyError(m.dialError) {
		t.Errorf("before: %+v", m)
	}
	r.install(testKey(2))
	if m := meet(t, clark, jaquez, purposeLive); !isKeyError(m.dialError) {
		t.Errorf("while the other lacks the primary: %+v", m)
	}
	r.use(FingerprintOf(testKey(2)))
	if m := meet(t, clark, jaquez, purposeLive); m.dialError != nil || m.acceptFail != nil {
		t.Errorf("after the key was added: %+v", m)
	}
	r.remove(FingerprintOf(testKey(1)))
	if m := meet(t, jaquez, clark, purposeLive); m.dialError != nil || m.acceptFail != nil {
		t.Errorf("after the other was removed: %+v", m)
	}
}

// A proof is worth nothing elsewhere: each of its parts is bound.
func TestProofIsBound(t *testing.T) {
	jaquez := testProver(t, "Jaquez", "", ring(t, 1, 3))
	near, _ := line(t)
	conn := tls.Client(near, nil) // for its address only
	session, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	honest := func() hello {
		h, err := readHello(bytes.NewReader(testProver(t, "Clark", "", ring(t, 3, 1)).hello(session, roleDialer, purposeLive)))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if err := jaquez.check(session, roleDialer, honest(), conn); err != nil {
		t.Fatalf("the honest proof: %v", err)
	}
	renamed, repurposed, flipped, extended := honest(), honest(), honest(), honest()
	renamed.name = "Bona"
	repurposed.purpose = purposeDelta
	flipped.proofs[1][31] ^= 1
	extended.name = "Clark\x00"
	for what, err := range map[string]error{
		"another session": jaquez.check(other, roleDialer, honest(), conn),
		"another role":    jaquez.check(session, roleAcceptor, honest(), conn),
		"another name":    jaquez.check(session, roleDialer, renamed, conn),
		"a longer name":   jaquez.check(session, roleDialer, extended, conn),
		"another purpose": jaquez.check(session, roleDialer, repurposed, conn),
		"one bit":         jaquez.check(session, roleDialer, flipped, conn),
	} {
		if !isKeyError(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// mallory has no key: she answers or sends what she has heard from others.
func TestReplayAndReflection(t *testing.T) {
	clark, jaquez := testProver(t, "Clark", "", ring(t, 1)), testProver(t, "Jaquez", "", ring(t, 1))
	mallory := testProver(t, "Mallory", "", nil)

	// She accepts Clark's stream, and sends his own proof back to him.
	near, far := line(t)
	heard := make(chan []byte, 1)
	go func() {
		c := tls.Server(far, mallory.tls)
		b := make([]byte, 1000)
		n, _ := c.Read(b)
		c.Write(b[:n])
		heard <- b[:n]
	}()
	_, err := clark.dial(tls.Client(near, clark.tls), purposeLive)
	wantKeyError(t, err, "Clark", reasonNoneInCommon)
	recorded := <-heard

	// She sends Clark's proof to Jaquez in a session of her own.
	near, far = line(t)
	go func() {
		c := tls.Client(near, mallory.tls)
		c.Write(recorded)
		io.Copy(io.Discard, c)
	}()
	_, _, err = jaquez.accept(tls.Server(far, jaquez.tls))
	wantKeyError(t, err, "Clark", reasonNoneInCommon)

	// She sits between them and passes on what each says.
	near, far = line(t)
	near2, far2 := line(t)
	go func() {
		c, d := tls.Server(far, mallory.tls), tls.Client(near2, mallory.tls)
		go io.Copy(c, d)
		io.Copy(d, c)
	}()
	accepted := make(chan error, 1)
	go func() {
		_, _, err := jaquez.accept(tls.Server(far2, jaquez.tls))
		accepted <- err
	}()
	_, err = clark.dial(tls.Client(near, clark.tls), purposeLive)
	wantKeyError(t, err, "Jaquez", reasonNoneInCommon)
	wantKeyError(t, <-accepted, "Clark", reasonNoneInCommon)
}

// A peer with a key that answers another question than was asked is a bug.
func TestAnswerForAnotherPurpose(t *testing.T) {
	clark, jaquez := testProver(t, "Clark", "", ring(t, 1)), testProver(t, "Jaquez", "", ring(t, 1))
	near, far := line(t)
	go func() {
		c := tls.Server(far, jaquez.tls)
		session, err := jaquez.session(c)
		if err != nil {
			return
		}
		c.Write(jaquez.hello(session, roleAcceptor, purposeDelta))
	}()
	if _, err := clark.dial(tls.Client(near, clark.tls), purposeLive); err == nil || isKeyError(err) || !strings.Contains(err.Error(), "answered delta, asked for live") {
		t.Errorf("got %v", err)
	}
}

func TestOldTLS(t *testing.T) {
	jaquez := testProver(t, "Jaquez", "", ring(t, 1))
	near, far := line(t)
	go tls.Client(near, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake()
	if _, _, err := jaquez.accept(tls.Server(far, jaquez.tls)); err == nil || !strings.HasPrefix(err.Error(), "TLS handshake: ") {
		t.Errorf("TLS 1.2: %v", err)
	}
}

func TestProverName(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("x", maxPeerName+1)} {
		if _, err := newProver(name, "", nil, 0); err == nil || !strings.Contains(err.Error(), "want 1 to 255") {
			t.Errorf("a name of %d bytes: %v", len(name), err)
		}
	}
}

func TestReadHello(t *testing.T) {
	good := string(testProver(t, "Clark", "", ring(t, 1, 2)).hello(nil, roleDialer, purposeWho))
	for _, tt := range []struct{ what, in, want string }{
		{"version", "\x02" + good[1:], "version 2, this node reads version 1"},
		{"purpose 0", "\x01\x00" + good[2:], "no purpose 0 is known"},
		{"purpose 6", "\x01\x06" + good[2:], "no purpose 6 is known"},
		{"name", good[:2] + "\x00" + good[3:], "no name"},
		{"no proofs", good[:3] + "\x00" + good[4:], "0 proofs, want 1 to 16"},
		{"17 proofs", good[:3] + "\x11" + good[4:], "17 proofs, want 1 to 16"},
		{"255 proofs", good[:3] + "\xff" + good[4:], "255 proofs, want 1 to 16"},
	} {
		if _, err := readHello(strings.NewReader(tt.in)); err == nil || err.Error() != "read proof: "+tt.want {
			t.Errorf("%s: %v, want read proof: %s", tt.what, err, tt.want)
		}
	}
	if _, err := readHello(strings.NewReader("")); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
	h, err := readHello(iotest.OneByteReader(strings.NewReader(good)))
	if err != nil || h.name != "Clark" || h.purpose != purposeWho || len(h.proofs) != 2 {
		t.Errorf("byte by byte: %+v, %v", h, err)
	}
}

// Whatever comes, readHello takes no more than it should, keeps no more, and
// misses what is cut off.
func FuzzReadHello(f *testing.F) {
	for _, keys := range [][]int{nil, {1}, {1, 2, 3}} {
		f.Add(testProver(f, "Clark", "", ring(f, keys...)).hello(nil, roleDialer, purposeLive))
	}
	f.Add(slices.Concat([]byte{1, 4, 255, maxRing}, make([]byte, maxPeerName+maxRing*macSize)))
	f.Add([]byte{1, 4, 255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		h, err := readHello(r)
		if err != nil {
			return
		}
		took := len(in) - r.Len()
		if again := h.append(nil); !bytes.Equal(again, in[:took]) {
			t.Fatalf("read %x from %x", again, in[:took])
		}
		for n := range took {
			if _, err := readHello(bytes.NewReader(in[:n])); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("cut to %d of %d bytes: %v", n, took, err)
			}
		}
	})
}

func TestReadHelloAllocates(t *testing.T) {
	full := slices.Concat([]byte{1, 4, 255, maxRing}, make([]byte, maxPeerName+maxRing*macSize))
	const runs = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		readHello(bytes.NewReader(full[:len(full)-1]))
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 2<<10 {
		t.Errorf("the hello of a stranger costs %d bytes", n)
	}
}

func BenchmarkHandshake(b *testing.B) {
	clark, jaquez := testProver(b, "Clark", "", ring(b, 1)), testProver(b, "Jaquez", "", ring(b, 1))
	for b.Loop() {
		if m := meet(b, clark, jaquez, purposeLive); m.dialError != nil || m.acceptFail != nil {
			b.Fatalf("%+v", m)
		}
	}
}
