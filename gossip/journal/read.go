package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// readSize is how much is read at once.
const readSize = 1 << 20

// scanner reads the blocks of a file from its beginning to its end.
type scanner struct {
	r    Reader
	size int64
	at   int64  // place in the file of buf[0]
	buf  []byte // what was read and not used
	room []byte // what buf lies in

	durable uint64 // messages of the file, as the blocks read say
}

func (s *scanner) open(r Reader) error {
	size, err := r.Size()
	if err != nil {
		return err
	}
	s.r, s.size, s.at, s.buf, s.durable = r, size, 0, nil, 0
	return nil
}

// peek returns the next n bytes, or all there are if that is less.
func (s *scanner) peek(n int) ([]byte, error) {
	if left := s.size - s.at; int64(n) > left {
		n = int(left)
	}
	if len(s.buf) >= n {
		return s.buf[:n], nil
	}
	if room := max(n, int(min(readSize, s.size))); cap(s.room) < room {
		s.room = make([]byte, room)
	}
	have := copy(s.room[:cap(s.room)], s.buf)
	want := int(min(int64(cap(s.room)), s.size-s.at))
	got, err := s.r.ReadAt(s.room[have:want], s.at+int64(have))
	s.buf = s.room[:have+got]
	if errors.Is(err, io.EOF) || have+got == want {
		err = nil
	}
	if err == nil && len(s.buf) < n { // it has become shorter
		s.size = s.at + int64(len(s.buf))
		n = len(s.buf)
	}
	return s.buf[:min(n, len(s.buf))], err
}

func (s *scanner) skip(n int) {
	s.at += int64(n)
	s.buf = s.buf[n:]
}

// next returns the next block and its bytes; no bytes: what follows is none.
func (s *scanner) next(seed uint32) (block, []byte, error) {
	b, err := s.peek(blockLen)
	if err != nil {
		return block{}, nil, err
	}
	k, ok := parseBlock(b)
	if !ok || int64(k.length) > s.size-s.at-blockLen {
		return k, nil, nil
	}
	b, err = s.peek(blockLen + int(k.length))
	if err != nil {
		return k, nil, err
	}
	if len(b) < blockLen+int(k.length) || !k.holds(b, seed) {
		return k, nil, nil
	}
	return k, b, nil
}

// maxTries bounds the blocks that are looked at in what is damaged.
const maxTries = 1 << 10

// durableBeyond searches what is damaged, from here on, for whole blocks, and tells whether
// one says that more than n messages of the file were durable: of a torn tail none does.
func (s *scanner) durableBeyond(n uint64, seed uint32) (bool, error) {
	for tries := 0; tries < maxTries; {
		b, err := s.peek(readSize)
		if err != nil {
			return false, err
		}
		i := bytes.Index(b, marker[:])
		if i < 0 {
			if s.at+int64(len(b)) >= s.size {
				return false, nil
			}
			s.skip(len(b) - len(marker) + 1)
			continue
		}
		s.skip(i)
		k, b, err := s.next(seed)
		switch {
		case err != nil:
			return false, err
		case b == nil:
			tries++
			s.skip(len(marker))
		case k.durable > n:
			return true, nil
		default:
			s.skip(len(b))
		}
	}
	return false, nil
}

// messages calls f with the messages of a file, at most count of them, and returns how many
// f took, and whether they were all: count of them, or for a snapshot, those before its end.
// f's error is returned as a refusal.
func (s *scanner) messages(h *header, count uint64, f func([]byte) error) (n uint64, whole bool, err error) {
	seed := h.seed()
	if _, err := s.peek(headerLen); err != nil {
		return 0, false, err
	}
	s.skip(min(headerLen, len(s.buf)))
	for n < count {
		k, b, err := s.next(seed)
		if err != nil {
			return n, false, err
		}
		if b == nil || k.first != n {
			return n, false, nil
		}
		if k.count == 0 {
			return n, h.kind == kindSnapshot, nil
		}
		s.durable = k.durable
		rest := b[blockLen:]
		for range k.count {
			if n == count {
				return n, true, nil
			}
			var m []byte
			if m, rest = cutMessage(rest); m == nil {
				return n, false, nil
			}
			if err := f(m); err != nil {
				return n, false, &refusal{err}
			}
			n++
		}
		if len(rest) > 0 {
			return n, false, nil
		}
		s.skip(len(b))
	}
	return n, true, nil
}

// refusal is an error of the function that messages are given to.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func (r *refusal) Error() string { return fmt.Sprintf("message refused: %v", r.error) }
