package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
)

// MaxMessage is the greatest length of a message in bytes. It is that of the messages of
// package replica.
const MaxMessage = 4 << 20

// version is that of the format. An older one must be readable for ever.
const version = 1

const (
	headerLen = 64
	prefixLen = 16 // of a header, the same in every version
	blockLen  = 32 // of a block without its messages

	// maxPayload bounds the messages of a block: one of the greatest there are and its length.
	maxPayload = MaxMessage + binary.MaxVarintLen32

	// fullPayload is from what length on a block takes no more messages. What a block has
	// beside them is then next to nothing, and little is lost with one.
	fullPayload = 256 << 10
)

// magic begins each file. It has bytes that do not survive if it is taken for text.
var magic = [8]byte{0x89, 'H', 'E', 'R', 'D', 'J', '\r', '\n'}

// marker begins each block.
var marker = [4]byte{0xB1, 'h', 'j', 0x0C}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors that [Open] and [Log.Replay] wrap. They leave all files as they are.
var (
	ErrVersion = errors.New("written by a later version")
	ErrForeign = errors.New("not a file of this journal")
)

type kind uint8

const (
	kindLog kind = iota + 1
	kindSnapshot
)

func (k kind) suffix() string {
	if k == kindSnapshot {
		return ".snap"
	}
	return ".log"
}

// partSuffix is that of a file which is not whole yet.
const partSuffix = ".part"

// parseName is the converse of file.name.
func parseName(name string) (file, bool) {
	for _, k := range []kind{kindLog, kindSnapshot} {
		digits, found := strings.CutSuffix(name, k.suffix())
		if !found {
			continue
		}
		number, err := strconv.ParseUint(digits, 16, 64)
		f := file{k, number}
		return f, err == nil && number > 0 && number < math.MaxUint64/2 && name == f.name()
	}
	return file{}, false
}

// mark is a place between two messages: after the first count of a file. The zero mark is
// the place before all messages.
type mark struct {
	file
	count uint64
}

// file tells a file from others.
type file struct {
	kind   kind
	number uint64 // from 1 on; 0: no file
}

func (f file) name() string { return fmt.Sprintf("%016x%s", f.number, f.kind.suffix()) }

// header is the beginning of a file.
type header struct {
	file
	store uint64
	after mark // where a log file goes on
}

func (h *header) append(b []byte) []byte {
	start := len(b)
	b = append(b, magic[:]...)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	b = append(b, byte(h.kind), byte(h.after.kind), 0, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, h.store)
	b = binary.BigEndian.AppendUint64(b, h.number)
	b = binary.BigEndian.AppendUint64(b, h.after.number)
	b = binary.BigEndian.AppendUint64(b, h.after.count)
	b = append(b, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// errDamaged is that of a header which is not what was written, or was never written in full.
var errDamaged = errors.New("damaged header")

// parseHeader reads a header. Its errors are ErrVersion, ErrForeign and errDamaged.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerLen || len(bytes.Trim(b[:headerLen], "\x00")) == 0 {
		return header{}, errDamaged
	}
	b = b[:headerLen]
	if !bytes.Equal(b[:len(magic)], magic[:]) {
		return header{}, ErrForeign
	}
	if crc32.Checksum(b[:prefixLen-4], castagnoli) != binary.BigEndian.Uint32(b[prefixLen-4:]) {
		return header{}, errDamaged
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != version {
		return header{}, fmt.Errorf("%w, as version %d, of which this one knows up to %d", ErrVersion, v, version)
	}
	if crc32.Checksum(b[:headerLen-4], castagnoli) != binary.BigEndian.Uint32(b[headerLen-4:]) {
		return header{}, errDamaged
	}
	return header{
		file:  file{kind(b[16]), binary.BigEndian.Uint64(b[32:])},
		store: binary.BigEndian.Uint64(b[24:]),
		after: mark{file{kind(b[17]), binary.BigEndian.Uint64(b[40:])}, binary.BigEndian.Uint64(b[48:])},
	}, nil
}

// seed is what the checksums of a file's blocks begin with: a block of another file is
// none of this one.
func (h *header) seed() uint32 { return crc32.Checksum(h.append(nil), castagnoli) }

// block is what stands before messages.
type block struct {
	sum     uint32
	length  uint32 // of the messages with their lengths
	count   uint32 // of messages
	first   uint64 // messages of the file before it
	durable uint64 // of those, so many were durable when it was written
}

// beginBlock makes room for a block, which endBlock fills when its messages follow.
func beginBlock(b []byte) []byte { return append(b, make([]byte, blockLen)...) }

func endBlock(b []byte, seed, count uint32, first, durable uint64) {
	copy(b, marker[:])
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-blockLen))
	binary.BigEndian.PutUint32(b[12:], count)
	binary.BigEndian.PutUint64(b[16:], first)
	binary.BigEndian.PutUint64(b[24:], durable)
	binary.BigEndian.PutUint32(b[4:], crc32.Update(seed, castagnoli, b[8:]))
}

// parseBlock reads what stands before messages. It checks what can be told without them.
func parseBlock(b []byte) (block, bool) {
	if len(b) < blockLen || !bytes.Equal(b[:len(marker)], marker[:]) {
		return block{}, false
	}
	k := block{
		sum:     binary.BigEndian.Uint32(b[4:]),
		length:  binary.BigEndian.Uint32(b[8:]),
		count:   binary.BigEndian.Uint32(b[12:]),
		first:   binary.BigEndian.Uint64(b[16:]),
		durable: binary.BigEndian.Uint64(b[24:]),
	}
	// A message takes two bytes at least.
	ok := k.length <= maxPayload && k.count <= k.length/2 && (k.count == 0) == (k.length == 0) && k.durable <= k.first
	return k, ok
}

// holds tells whether b, a block with its messages, is as it was written.
func (k *block) holds(b []byte, seed uint32) bool {
	return crc32.Update(seed, castagnoli, b[8:]) == k.sum
}

func appendMessage(b, message []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(message))), message...)
}

// cutMessage returns the first message of a block's and the others; nil if there is none.
func cutMessage(b []byte) (message, rest []byte) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length == 0 || length > MaxMessage || length > uint64(len(b)-n) {
		return nil, b
	}
	return b[n : n+int(length) : n+int(length)], b[n+int(length):]
}
