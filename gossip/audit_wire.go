package gossip

import (
	"encoding/binary"
	"fmt"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// Messages of an audit are on the delta lane, of a kind that the core has none of:
//
//	kind, what, number of the question, and then
//	ask      cutoff in eight bytes, old in eight: the digests are asked for of fixes that were
//	         received before the cutoff and whose order time is later than old
//	digests  first bucket in two bytes, digests in eight each; all buckets in order
//	want     buckets in two bytes each: their fixes are asked for
//	fixes    1 if there were too many, a chunk of the core's or nothing
const (
	kindAudit    = 0xfb
	firstAudits  = 3 // since this version of the session there are audits
	auditVersion = floorVersion
	auditHead    = 1 + 1 + 8

	auditAsk     = 1
	auditDigests = 2
	auditWant    = 3
	auditFixes   = 4

	digestsInOne = 4096
)

// auditMessage is any of them. Which fields count is up to what.
type auditMessage struct {
	what   byte
	number uint64
	auditScope
	first   int
	digests []uint64
	buckets []int
	cut     bool
	chunk   []byte
}

// auditScope is what fixes an audit is of. Younger ones may be on their way; of the older
// ones one of the nodes may have given up some.
type auditScope struct {
	cutoff int64 // they were received before
	old    int64 // their order time is later
}

func (s auditScope) has(e *location.Entry) bool { return e.Received < s.cutoff && e.Order > s.old }

func beginAudit(b []byte, what byte, number uint64, body int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(auditHead+body))
	return binary.BigEndian.AppendUint64(append(b, kindAudit, what), number)
}

func appendAuditAsk(b []byte, number uint64, s auditScope) []byte {
	b = binary.BigEndian.AppendUint64(beginAudit(b, auditAsk, number, 16), uint64(s.cutoff))
	return binary.BigEndian.AppendUint64(b, uint64(s.old))
}

func appendAuditWant(b []byte, number uint64, buckets []int) []byte {
	b = beginAudit(b, auditWant, number, 2*len(buckets))
	for _, bucket := range buckets {
		b = binary.BigEndian.AppendUint16(b, uint16(bucket))
	}
	return b
}

func appendAuditDigests(messages [][]byte, number uint64, digests []uint64) [][]byte {
	for first := 0; first < len(digests); first += digestsInOne {
		b := beginAudit(nil, auditDigests, number, 2+8*digestsInOne)
		b = binary.BigEndian.AppendUint16(b, uint16(first))
		for _, d := range digests[first : first+digestsInOne] {
			b = binary.BigEndian.AppendUint64(b, d)
		}
		messages = append(messages, b)
	}
	return messages
}

// appendAuditFixes has a chunk with its length before it, or nil.
func appendAuditFixes(b []byte, number uint64, cut bool, chunk []byte) []byte {
	chunk = chunk[min(frameHeader, len(chunk)):]
	b = append(beginAudit(b, auditFixes, number, 1+len(chunk)), flagByte(cut))
	return append(b, chunk...)
}

// readAudit reads what these wrote, without the length before it. What it returns may
// be part of message.
func readAudit(message []byte) (m auditMessage, err error) {
	bad := func() (auditMessage, error) {
		return auditMessage{}, fmt.Errorf("%w: audit message of %d bytes", replica.ErrMessage, len(message))
	}
	if len(message) < auditHead {
		return bad()
	}
	m = auditMessage{what: message[1], number: binary.BigEndian.Uint64(message[2:])}
	body := message[auditHead:]
	switch n := len(body); {
	case m.what == auditAsk && n == 16:
		m.cutoff, m.old = int64(binary.BigEndian.Uint64(body)), int64(binary.BigEndian.Uint64(body[8:]))
	case m.what == auditDigests && n == 2+8*digestsInOne:
		m.first = int(binary.BigEndian.Uint16(body))
		for body = body[2:]; len(body) > 0; body = body[8:] {
			m.digests = append(m.digests, binary.BigEndian.Uint64(body))
		}
	case m.what == auditWant && n%2 == 0 && n > 0 && n <= 2*maxSuspects:
		for ; len(body) > 0; body = body[2:] {
			m.buckets = append(m.buckets, int(binary.BigEndian.Uint16(body)))
		}
	case m.what == auditFixes && n > 0 && body[0] <= 1:
		m.cut, m.chunk = body[0] == 1, body[1:]
	default:
		return bad()
	}
	return m, nil
}
