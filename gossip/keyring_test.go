package gossip

import (
	"bytes"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNewKeyring(t *testing.T) {
	many := make([][]byte, maxRing+1)
	for i := range many {
		many[i] = testKey(i)
	}
	for what, keys := range map[string][][]byte{
		"none": nil, "too many": many, "short": {testKey(1), []byte("short")}, "empty": {{}},
	} {
		if r, err := newKeyring(keys); err == nil {
			t.Errorf("%s: %v", what, r.fingerprints())
		}
	}
	r, err := newKeyring([][]byte{testKey(1), testKey(2), testKey(1)})
	if err != nil || len(r.keys()) != 2 {
		t.Errorf("a key twice: %v, %v", r, err)
	}
}

func TestFingerprint(t *testing.T) {
	f := FingerprintOf([]byte("abc"))
	if f.String() != "ba7816bf8f01cfea" { // FIPS 180-4
		t.Errorf("got %v", f)
	}
	if got, ok := ParseFingerprint(f.String()); !ok || got != f {
		t.Errorf("read back as %v, %v", got, ok)
	}
	for _, bad := range []string{"", "ba7816bf8f01cfe", "ba7816bf8f01cfea0", "ba7816bf8f01cfeg"} {
		if _, ok := ParseFingerprint(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

// A ring is what a plain list of keys would be, and memberlist's has all of its keys, sends
// with its primary, and does not grow without bound.
func TestKeyringChanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, err := newKeyring([][]byte{testKey(0)})
		if err != nil {
			rt.Fatal(err)
		}
		model := []int{0}
		for range rapid.IntRange(1, 60).Draw(rt, "changes") {
			k := rapid.IntRange(0, 2*maxRing).Draw(rt, "key")
			f, at := FingerprintOf(testKey(k)), slices.Index(model, k)
			var changed, want bool
			var err, wantErr error
			switch rapid.IntRange(0, 2).Draw(rt, "action") {
			case 0:
				changed, err = r.install(testKey(k))
				switch {
				case at < 0 && len(model) == maxRing:
					wantErr = errRingFull
				case at < 0:
					want, model = true, append(model, k)
				}
			case 1:
				changed, err = r.use(f)
				if at < 0 {
					wantErr = errNotInRing
				} else if want = at > 0; want {
					model = slices.Insert(slices.Delete(model, at, at+1), 0, k)
				}
			case 2:
				changed, err = r.remove(f)
				if at == 0 {
					wantErr = errPrimaryKey
				} else if want = at > 0; want {
					model = slices.Delete(model, at, at+1)
				}
			}
			if changed != want || !errors.Is(err, wantErr) {
				rt.Fatalf("changed %t, %v; want %t, %v", changed, err, want, wantErr)
			}
			var keys [][]byte
			for _, k := range model {
				keys = append(keys, testKey(k))
			}
			if !slices.EqualFunc(r.keys(), keys, bytes.Equal) {
				rt.Fatalf("got %x, want %v", r.keys(), model)
			}
			theirs := r.members.GetKeys()
			for _, key := range keys {
				if indexKey(theirs, FingerprintOf(key)) < 0 {
					rt.Fatalf("memberlist lacks %x", key)
				}
			}
			if !bytes.Equal(theirs[0], keys[0]) || len(theirs) > maxStale+maxRing {
				rt.Fatalf("memberlist sends with %x and has %d keys", theirs[0], len(theirs))
			}
		}
		if changed, err := r.install([]byte("short")); changed || err == nil {
			rt.Errorf("a short key: %t, %v", changed, err)
		}
	})
}

// Whoever reads a ring that changes has one that was: packets under the key that stays pass
// all the while, memberlist opens them, and the race detector has nothing to say.
func TestKeyringIsReadWhileItChanges(t *testing.T) {
	r, testKey1 := ring(t, 1), testKey(1)
	packet := sealedPacket(1, testKey(1), "", 'x')
	peer := testProver(t, "Jaquez", "", ring(t, 1))
	own := testProver(t, "Clark", "", r)
	own.grace = time.Minute
	near, _ := line(t)
	conn, session, guard := tls.Client(near, nil), make([]byte, 32), newPacketGuard("", r)
	var done atomic.Bool
	var readers sync.WaitGroup
	for what, has := range map[string]func() bool{
		"packets": func() bool { return guard.pass(packet) },
		"proofs": func() bool {
			h, err := readHello(bytes.NewReader(peer.hello(session, roleDialer, purposeLive)))
			return err == nil && own.check(session, roleDialer, h, conn) == nil
		},
		// As memberlist reads it: the keys one after the other, without a lock.
		"memberlist": func() (found bool) {
			keys := r.members.GetKeys()
			for range 100 { // a packet takes its time
				for _, key := range keys {
					if bytes.Equal(key, testKey1) {
						found = true
					}
				}
			}
			return found
		},
	} {
		readers.Go(func() {
			for !done.Load() {
				if !has() {
					t.Errorf("%s: the key that stays was not there", what)
					return
				}
			}
		})
	}
	late := newPacketGuard("", r)
	for k := 2; k < 50 && !t.Failed(); k++ {
		f, next := FingerprintOf(testKey(k)), FingerprintOf(testKey(k+1))
		for _, change := range []func(){
			func() { r.install(testKey(k)) },
			func() { r.use(f) },
			func() { r.install(testKey(k + 1)) },
			func() { r.use(FingerprintOf(testKey1)) },
			func() { r.remove(f) },
			func() { r.remove(next) },
		} {
			change()
			for range 100 { // readers get to see it
				late.pass(packet)
			}
		}
	}
	done.Store(true)
	readers.Wait()
}

// A handshake that began before a rotation and ends after it is not refused; one that begins
// later with the old ring is.
func TestHandshakeDuringRotation(t *testing.T) {
	r := ring(t, 1)
	clark, jaquez := testProver(t, "Clark", "", r), testProver(t, "Jaquez", "", ring(t, 1))
	near, _ := line(t)
	conn, session := tls.Client(near, nil), make([]byte, 32)
	h, err := readHello(bytes.NewReader(jaquez.hello(session, roleDialer, purposeLive)))
	if err != nil {
		t.Fatal(err)
	}
	r.install(testKey(2))
	r.use(FingerprintOf(testKey(2)))
	clark.grace = time.Hour
	if err := clark.check(session, roleDialer, h, conn); err != nil {
		t.Errorf("right after the change: %v", err)
	}
	clark.grace = 0
	wantKeyError(t, clark.check(session, roleDialer, h, conn), "Jaquez", reasonPeerLacks)
}
