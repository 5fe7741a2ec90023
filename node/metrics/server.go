package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"herd/node/protocol"
)

// Server is what the client port has counted.
type Server struct {
	Connections  int    // open now
	Limit        int    // of these
	Accepted     uint64 // connections
	Refused      uint64 // connections, for there were too many
	AcceptErrors uint64 // failures of the system to accept one
	Idle         uint64 // connections ended by the idle timeout
	Handshakes   uint64 // of TLS that failed
	Stalled      uint64 // connections ended because the client did not read
	Drained      uint64 // connections ended because the node leaves
	Cut          uint64 // connections that were busy still when a drain was over
	Unanswered   int    // WHATSATs that wait for their answer, or behind others
	Stopped      uint64 // times that a connection was not read on: too much of it was unanswered

	IAmAt, WhatsAt uint64                   // commands answered
	Invalid        [protocol.Reasons]uint64 // lines, by reason
	In, Out        uint64                   // bytes
}

func server() []metric {
	return []metric{
		gauge("client_connections", "Client connections that are open.", func(s *Stats) int { return s.Server.Connections }),
		gauge("client_connections_limit", "Client connections that may be open at once.", func(s *Stats) int { return s.Server.Limit }),
		counters("client_connections_total", "Client connections that came, by result.", "result",
			part{"accepted", func(s *Stats) uint64 { return s.Server.Accepted }},
			part{"refused", func(s *Stats) uint64 { return s.Server.Refused }}),
		counter("client_accept_errors_total", "Failures of the system to accept a client connection.", func(s *Stats) uint64 { return s.Server.AcceptErrors }),
		counters("client_connections_ended_total", "Client connections that this node ended, by reason.", "reason",
			part{"idle", func(s *Stats) uint64 { return s.Server.Idle }},
			part{"stalled", func(s *Stats) uint64 { return s.Server.Stalled }},
			part{"drained", func(s *Stats) uint64 { return s.Server.Drained }},
			part{"cut", func(s *Stats) uint64 { return s.Server.Cut }}),
		gauge("questions_unanswered", "WHATSATs that wait for their answer, or behind others of their connection.", func(s *Stats) int { return s.Server.Unanswered }),
		counter("connections_stopped_total", "Times that a connection was not read on, for too much of it was unanswered.", func(s *Stats) uint64 { return s.Server.Stopped }),
		family(prometheus.CounterValue, "commands_total", "Lines of clients by verb, as far as one was understood, and by result: answered, or refused with a question mark.",
			[]string{"verb", "result"}, commands),
		family(prometheus.CounterValue, "invalid_lines_total", "Lines of clients that were answered with a question mark, by reason.", []string{"reason"},
			func(s *Stats, to sink) {
				for r := protocol.None + 1; int(r) < protocol.Reasons; r++ {
					to(float64(s.Server.Invalid[r]), r.String())
				}
			}),
		counters("client_bytes_total", "Bytes to and from clients.", "direction",
			part{"in", func(s *Stats) uint64 { return s.Server.In }},
			part{"out", func(s *Stats) uint64 { return s.Server.Out }}),
	}
}

// commands sorts all lines that are no blank ones.
func commands(s *Stats, to sink) {
	refused := make(map[string]uint64)
	for r, n := range s.Server.Invalid {
		switch protocol.Reason(r) {
		case protocol.None:
		case protocol.BadPosition, protocol.BadTime:
			refused["IAMAT"] += n
		case protocol.BadRadius, protocol.BadLimit, protocol.UnknownClient:
			refused["WHATSAT"] += n
		default:
			refused["other"] += n
		}
	}
	to(float64(s.Server.IAmAt), "IAMAT", "answered")
	to(float64(refused["IAMAT"]), "IAMAT", "refused")
	to(float64(s.Server.WhatsAt), "WHATSAT", "answered")
	to(float64(refused["WHATSAT"]), "WHATSAT", "refused")
	to(float64(refused["other"]), "other", "refused")
}
