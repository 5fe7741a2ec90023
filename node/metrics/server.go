package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"herd/node/protocol"
)

// Server is what the client port has counted.
type Server struct {
	Connections  int    // open now
	Accepted     uint64 // connections
	Refused      uint64 // connections, for there were too many
	AcceptErrors uint64 // failures of the system to accept one
	Idle         uint64 // connections ended by the idle timeout
	Stalled      uint64 // connections ended because the client did not read
	Unanswered   int    // WHATSATs that wait for their answer, or behind others
	Stopped      uint64 // times that a connection was not read on: too much of it was unanswered

	IAmAt, WhatsAt uint64                   // commands answered
	Invalid        [protocol.Reasons]uint64 // lines, by reason
	In, Out        uint64                   // bytes
}

func server() []metric {
	return []metric{
		gauge("client_connections", "Client connections that are open.", func(s *Stats) int { return s.Server.Connections }),
		counters("client_connections_total", "Client connections that came, by result.", "result",
			part{"accepted", func(s *Stats) uint64 { return s.Server.Accepted }},
			part{"refused", func(s *Stats) uint64 { return s.Server.Refused }}),
		counter("client_accept_errors_total", "Failures of the system to accept a client connection.", func(s *Stats) uint64 { return s.Server.AcceptErrors }),
		counters("client_connections_ended_total", "Client connections that this node ended, by reason.", "reason",
			part{"idle", func(s *Stats) uint64 { return s.Server.Idle }},
			part{"stalled", func(s *Stats) uint64 { return s.Server.Stalled }}),
		gauge("questions_unanswered", "WHATSATs that wait for their answer, or behind others of their connection.", func(s *Stats) int { return s.Server.Unanswered }),
		counter("connections_stopped_total", "Times that a connection was not read on, for too much of it was unanswered.", func(s *Stats) uint64 { return s.Server.Stopped }),
		counters("commands_total", "Commands of clients that were answered.", "verb",
			part{"IAMAT", func(s *Stats) uint64 { return s.Server.IAmAt }},
			part{"WHATSAT", func(s *Stats) uint64 { return s.Server.WhatsAt }}),
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
