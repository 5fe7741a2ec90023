package protocol

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"herd/gossip/location"
)

// rule is a sentence of PROTOCOL.md, or several that make one rule, and what
// proves it.
type rule struct {
	quote   string
	lines   []lineCase   // how single lines are understood
	streams []streamCase // how streams are cut into lines
	replies []replyCase  // how replies are written
	proof   []string     // other tests: the folder and the function
}

// lineCase is a line and what describe says of it.
type lineCase struct{ line, want string }

// streamCase is what comes until the end of the stream, and the lines in it.
type streamCase struct {
	stream string
	want   []string
}

type replyCase struct{ got, want string }

// describe is a command in words.
func describe(c Command) string {
	switch c.Verb {
	case IAmAt:
		return fmt.Sprintf("%s is at %s at %s", c.ID, c.Position, c.Time)
	case WhatsAt:
		return fmt.Sprintf("%d within %v m of %s", c.Limit, c.Radius, c.ID)
	case Invalid:
		return "invalid: " + c.Reason.String()
	}
	return c.Verb.String()
}

// understood is the same line in other clothes: each is described as want says.
func understood(want string, lines ...string) []lineCase {
	var cases []lineCase
	for _, line := range lines {
		cases = append(cases, lineCase{line, want})
	}
	return cases
}

// refused are lines that are invalid for the reason.
func refused(why Reason, lines ...string) []lineCase {
	return understood("invalid: "+why.String(), lines...)
}

// with puts operands into a line.
func with(format string, operands ...string) []string {
	var lines []string
	for _, o := range operands {
		lines = append(lines, fmt.Sprintf(format, o))
	}
	return lines
}

// sent are operands that come back as they were sent.
func sent(positions, times []string) []lineCase {
	var cases []lineCase
	for _, p := range positions {
		cases = append(cases, lineCase{"IAMAT kiwi " + p + " 5", "kiwi is at " + p + " at 5"})
	}
	for _, v := range times {
		cases = append(cases, lineCase{"IAMAT kiwi +34-118 " + v, "kiwi is at +34-118 at " + v})
	}
	return cases
}

const kiwi = "kiwi is at +34-118 at 5"

const (
	positioned = "IAMAT kiwi %s 5"
	timed      = "IAMAT kiwi +34-118 %s"
	radiused   = "WHATSAT kiwi %s 5"
	limited    = "WHATSAT kiwi 10 %s"
)

var (
	zeros = strings.Repeat("0", 300)
	id255 = strings.Repeat("k", 255)
)

// at writes the AT line of a report that came difference nanoseconds after the
// client's time.
func at(node string, difference int64, id, position, when string) string {
	p, err := location.ParsePosition([]byte(position))
	if err != nil {
		panic(err)
	}
	v, err := location.ParseTime([]byte(when))
	if err != nil {
		panic(err)
	}
	f := location.NewFix(node, v.Nanos()+difference, 0, p, v)
	return string(AppendAt(nil, []byte(id), &f))
}

func rules() []rule {
	return []rule{
		{
			quote: "One TCP connection, newline-terminated commands, any number per connection, pipelined or not. Replies come in the order of the commands.",
			streams: []streamCase{
				{"a\nb\nc\n", []string{"a", "b", "c"}},
			},
			proof: []string{"node TestManyClients", "node TestAnyCutGivesTheSame"},
		},
		{
			quote: "It is usable from `nc` and `telnet`.",
			streams: []streamCase{
				{"IAMAT kiwi +34-118 5\n", []string{"IAMAT kiwi +34-118 5"}},
				{"IAMAT kiwi +34-118 5\r\n", []string{"IAMAT kiwi +34-118 5"}},
			},
		},
		{
			quote: `It is the protocol of the "proxy herd" course project (UCLA CS 131, offerings 2015-2024), whose clients (those that end a line or half-close) and graders must work against a node unchanged.`,
			proof: []string{"node TestExamples", "node TestConversations"},
		},

		// Lexical rules
		{
			quote: "White space is space, tab, carriage return, newline, form feed, vertical tab (ASCII only).",
			lines: append(understood(kiwi,
				"IAMAT kiwi +34-118 5",
				"IAMAT\tkiwi\r+34-118\n5",
				"IAMAT\fkiwi\v+34-118\v5",
			), append(
				refused(WrongOperands, "IAMAT kiwi +34-118\u00a05", "IAMAT kiwi +34-118\u20035", "IAMAT kiwi +34-118\x005", "IAMAT kiwi +34-118\x1c5", "IAMAT kiwi +34-118\u00855", "IAMAT kiwi +34-118\x855", "IAMAT kiwi +34-118\xa05", "IAMAT kiwi +34-118\b5", "IAMAT kiwi +34-118\x0e5"),
				refused(UnknownCommand, "IAMAT\u2028kiwi +34-118 5", "\ufeffIAMAT kiwi +34-118 5")...)...),
		},
		{
			quote: "A line ends at LF or CRLF; the terminator, its CR included, is in no copy.",
			streams: []streamCase{
				{"a\nb\r\nc\n", []string{"a", "b", "c"}},
				{"a\r\r\n", []string{"a\r"}},
				{"\ra\rb\n", []string{"\ra\rb"}},
				{"\n\r\n", []string{"", ""}},
				{"a\n\rb\n", []string{"a", "\rb"}},
			},
			replies: []replyCase{{string(AppendInvalid(nil, []byte("a"))), "? a\n"}},
		},
		{
			quote: "End of stream ends the last line too: graders send a command without a newline and half-close.",
			streams: []streamCase{
				{"a", []string{"a"}},
				{"a\nb", []string{"a", "b"}},
				{"a\nb\r", []string{"a", "b\r"}}, // there is no CRLF here
				{"a\n", []string{"a"}},
				{"", nil},
			},
			proof: []string{"node TestConversations"},
		},
		{
			quote: "Nothing else ends a line: no timer guesses.",
			streams: []streamCase{
				{"a\rb\fc\vd\x00e\u0085f\u2028g\u2029h\x1ei\n", []string{"a\rb\fc\vd\x00e\u0085f\u2028g\u2029h\x1ei"}},
			},
			proof: []string{"node TestIdleTimeoutCountsLines"},
		},
		{
			quote: "Fields are separated by one or more white-space characters; leading and trailing white space is ignored.",
			lines: understood(kiwi,
				"IAMAT  kiwi \t\r\f\v +34-118     5",
				" IAMAT kiwi +34-118 5",
				"IAMAT kiwi +34-118 5 ",
				"\r\v\t IAMAT kiwi +34-118 5 \r\f\r",
			),
		},
		{
			quote: "A line that holds nothing but white space is ignored. So is connect-and-close.",
			lines: understood("empty", "", " ", "\t", "\r", "\f", "\v", " \t\r\f\v "),
			proof: []string{"node TestConversations"},
		},
		{
			quote: "Command names are upper case, exactly.",
			lines: refused(UnknownCommand,
				"iamat kiwi +34-118 5", "Iamat kiwi +34-118 5", "IAMAt kiwi +34-118 5", "whatsat kiwi 10 5", "WhatsAt kiwi 10 5",
				"IAMAT: kiwi +34-118 5", "IAMATkiwi +34-118 5", "IAMA kiwi +34-118 5", "WHATSATT kiwi 10 5", "ＩＡＭＡＴ kiwi +34-118 5"),
		},
		{
			quote: "A client ID is any run of 1..255 bytes that are not white space (the bound is configurable). It is bytes: no UTF-8 check.",
			lines: append([]lineCase{
				{"IAMAT k +34-118 5", "k is at +34-118 at 5"},
				{"IAMAT " + id255 + " +34-118 5", id255 + " is at +34-118 at 5"},
				{"WHATSAT " + id255 + " 10 5", "5 within 10000 m of " + id255},
				{"IAMAT \x00\xff\xfe +34-118 5", "\x00\xff\xfe is at +34-118 at 5"},
				{"IAMAT \xc3 +34-118 5", "\xc3 is at +34-118 at 5"},
				{"IAMAT IAMAT +34-118 5", "IAMAT is at +34-118 at 5"},
				{"IAMAT \u00a0 +34-118 5", "\u00a0 is at +34-118 at 5"},
			}, refused(LongID, "IAMAT "+id255+"k +34-118 5", "WHATSAT "+id255+"k 10 5")...),
			proof: []string{"node/protocol TestMaxID"},
		},
		{
			quote: "Numbers are ASCII decimal: digits, and optionally a point and at least one digit. No exponent, hex, `nan`, `inf`, Unicode digits.",
			lines: concat(
				refused(BadPosition, with(positioned, "+3e1-118", "+0x1f-118", "+nan-118", "+inf-118", "+34-Inf", "+３４-118", "+34-١١٨", "+3_4-118", "+34,5-118")...),
				refused(BadTime, with(timed, "5.", ".5", ".", "1e9", "5e0", "0x5", "nan", "NaN", "inf", "Infinity", "５", "٥", "1_000", "5,5", "5s")...),
				refused(BadRadius, with(radiused, "10.", ".5", ".", "1e1", "0x10", "nan", "NaN", "inf", "Infinity", "１０", "١٠", "1_0", "10,5", "10km", "1.5.5")...),
				refused(BadLimit, with(limited, "5.", ".5", "5.0", "1e1", "0x5", "nan", "inf", "５", "٥", "1_0")...),
			),
		},

		// IAMAT
		{
			quote: "Exactly three operands: client ID, position, client's time.",
			lines: append(understood(kiwi, "IAMAT kiwi +34-118 5"),
				refused(WrongOperands, "IAMAT", "IAMAT kiwi", "IAMAT kiwi +34-118", "IAMAT kiwi +34-118 5 6", "IAMAT kiwi +34 -118 5", "IAMAT kiwi +34-118 5 6 7 8")...),
		},
		{
			quote: "Position: ISO 6709 decimal degrees: signed latitude, then signed longitude, both signs mandatory, nothing between.",
			lines: concat(
				sent([]string{"+34.068930-118.445127", "-34.068930+118.445127", "+0+0", "-0-0"}, nil),
				refused(BadPosition, with(positioned, "34-118", "+34118", "+34.5118.5", "34118", "+34,-118", "+34/-118", "+34", "x", "+34-118-118", "−34-118")...),
			),
		},
		{
			quote: "1-3 integer digits each, optional fraction of any length (`+34-118`, `+1.0-1.0`, `+27.5916+086.5640`); `+34.` and `+.5` are invalid;",
			lines: concat(
				sent([]string{"+34-118", "+1.0-1.0", "+27.5916+086.5640", "+1-2", "+01-002", "+001-02", "+34." + zeros + "1-118." + zeros + "1"}, nil),
				refused(BadPosition, with(positioned, "+34.-118", "+34-118.", "+.5-118", "+34-.5", "+0034-118", "+34-0118", "+-118", "+34-")...),
			),
		},
		{
			quote: "one trailing `/` (ISO's terminator) is allowed.",
			lines: concat(
				sent([]string{"+34-118/", "+34.5-118.25/"}, nil),
				refused(BadPosition, with(positioned, "+34-118//", "/+34-118", "/", "+34-118/x")...),
			),
		},
		{
			quote: "Latitude within ±90, longitude within ±180, both ends legal.",
			lines: concat(
				sent([]string{"+90+180", "-90-180", "+90.0-180.0", "-90." + zeros + "+180." + zeros}, nil),
				refused(BadPosition, with(positioned, "+91-118", "-90.1-118", "+90.0000000000000000001-118", "+34+181", "+34-180.1", "+34-180."+zeros+"1", "+118-34")...),
			),
		},
		{
			quote: "Time: POSIX seconds, unsigned decimal, optional fraction of any length, at most 9223372036.854775807.",
			lines: concat(
				sent(nil, []string{"0", "5", "05", zeros + "5", "5.25", "5." + zeros + "1", "1621464827.959498503", "9223372036", "9223372036.854775807"}),
				refused(BadTime, with(timed, "+5", "-5", "-0", "9223372036.854775808", "9223372037", "99999999999999999999999999")...),
			),
		},
		{
			quote: "Order is decided by the nanosecond; digits past the ninth are echoed but do not count.",
			lines: sent(nil, []string{"5.1234567891", "5.123456789" + zeros, "9223372036.8547758079"}),
			replies: []replyCase{
				{at("Clark", 0, "kiwi", "+34-118", "5.1234567899"), "AT Clark +0.000000000 kiwi +34-118 5.1234567899\n"},
			},
			proof: []string{"gossip/location TestParseTime", "gossip/location TestMergeTable"},
		},
		{
			quote: "A time far ahead of the node's clock is valid and answered; the order of fixes (package comment of gossip/location) sees to it that it can't silence the client for longer than `max_client_ahead`.",
			lines: sent(nil, []string{"9000000000", "9223372036.854775807"}),
			replies: []replyCase{
				{at("Clark", -7378535172040501497, "kiwi", "+34-118", "9000000000"), "AT Clark -7378535172.040501497 kiwi +34-118 9000000000\n"},
			},
			proof: []string{"gossip/location TestClampEndsTheSilence"},
		},
		{
			quote: "Reply, one line: `AT`; the name of the node that took the command; the node's clock at receipt minus the client's time, in seconds, sign always printed, always nine decimals, computed in integers, zero is `+0.000000000`; then the three operands byte for byte as they were sent.",
			replies: []replyCase{
				{at("Clark", 263873386, "kiwi.cs.ucla.edu", "+34.068930-118.445127", "1621464827.959498503"), "AT Clark +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503\n"},
				{at("Bona", 0, "k", "+34-118", "5"), "AT Bona +0.000000000 k +34-118 5\n"},
				{at("Bona", -1, "k", "-00.0+000.00/", "05.50"), "AT Bona -0.000000001 k -00.0+000.00/ 05.50\n"},
				{at("n", -4_999_999_999, "\x00\xff", "+0+0", "5"), "AT n -4.999999999 \x00\xff +0+0 5\n"},
				{difference(1), "+0.000000001"},
				{difference(999_999_999), "+0.999999999"},
				{difference(1_000_000_000), "+1.000000000"},
				{difference(-1_000_000_001), "-1.000000001"},
				{difference(238_000_000_000_000_001), "+238000000.000000001"}, // a float64 would lose the 1
				{difference(math.MaxInt64), "+9223372036.854775807"},
				{difference(-math.MaxInt64), "-9223372036.854775807"},
				{difference(math.MinInt64), "-9223372036.854775808"},
			},
		},
		{
			quote: "An IAMAT older than what the herd knows is answered with its own AT line all the same; it changes nothing.",
			proof: []string{"node TestConversations"},
		},
		{
			quote: "As soon as the AT line has been read, a WHATSAT at any other in-sync node finds the fix (graders ask at once, with no wait): the AT line waits for their acknowledgement (package comment of gossip/replica).",
			proof: []string{"node TestBatchSharesOneWait", "node TestNoAckNoReply", "node TestHerdReadsEverywhere"},
		},

		// WHATSAT
		{
			quote: "Exactly three operands: client ID; radius in km, decimal, 0 ≤ r ≤ 50 (`10.5871263` is fine); bound on the number of places, integer, 0 ≤ n ≤ 20.",
			lines: concat(
				[]lineCase{
					{"WHATSAT kiwi 10.5871263 5", "5 within 10587.1263 m of kiwi"},
					{"WHATSAT kiwi 0 0", "0 within 0 m of kiwi"},
					{"WHATSAT kiwi 0.0 00", "0 within 0 m of kiwi"},
					{"WHATSAT kiwi 50 20", "20 within 50000 m of kiwi"},
					{"WHATSAT kiwi 50.000 020", "20 within 50000 m of kiwi"},
					{"WHATSAT kiwi 0010 " + zeros + "5", "5 within 10000 m of kiwi"},
					{"WHATSAT kiwi " + zeros + "50." + zeros + " 1", "1 within 50000 m of kiwi"},
					{"WHATSAT kiwi 0.001 1", "1 within 1 m of kiwi"},
					{"WHATSAT kiwi 49.9999999999999999999 1", "1 within 49999.999999999 m of kiwi"},
				},
				refused(WrongOperands, "WHATSAT", "WHATSAT kiwi", "WHATSAT kiwi 10", "WHATSAT kiwi 10 5 6", "WHATSAT kiwi 10 5 6 7 8"),
				refused(BadRadius, with(radiused, "50.1", "51", "50.000000000000000000001", "50."+zeros+"1", "-1", "-0", "+10", "500", "18446744073709551626", "99999999999999999999999999", "ten")...),
				refused(BadLimit, with(limited, "21", "-1", "-0", "+5", "200", "18446744073709551621", "99999999999999999999999999", "five")...),
			),
		},
		{
			quote: "With r = 0 or n = 0 no provider is asked: the JSON says ZERO_RESULTS. So does the offline provider where nothing is in reach (an ocean): graders that ask there and want `OK` need a provider with data.",
			proof: []string{"places TestNearAsksNobodyForNothing", "places/dataset TestEmbeddedAnswers"},
		},
		{
			quote: "Reply: the AT line of the newest fix known for that client (the node named in it is the one that took the IAMAT, wherever in the herd, and the difference is that node's: never recomputed), LF, the Places JSON, LF, LF.",
			replies: []replyCase{
				{whatsAtReply("{\n   \"status\": \"OK\"\n}"), "AT Bona +1.000000000 kiwi +34-118 5\n{\n   \"status\": \"OK\"\n}\n\n"},
			},
			proof: []string{"node TestWhatsAtIsNotRecomputed"},
		},
		{
			quote: "The whole reply leaves in one write where it fits: graders read once.",
			proof: []string{"node TestOneWriteForEachBatch"},
		},
		{
			quote: "JSON: the format of Google's Nearby Search (legacy) reply, 3-space indent, `html_attributions`, `results`, `status`, … ; `results` cut to the bound, all other bytes of an upstream legacy body kept as they came; every run of newlines squeezed to one; trailing newlines removed.",
			proof: []string{"places TestRenderGolden", "places TestNearClampsAndCuts", "places TestUpstreamBody", "places TestSqueeze"},
		},
		{
			quote: "A provider that fails, times out or refuses still gives an answer in that format, in bounded time: the AT line, then JSON with no results, a Google status (`OVER_QUERY_LIMIT`, `REQUEST_DENIED`, `INVALID_REQUEST`, `UNKNOWN_ERROR`) and an `error_message` that gives away no key and no URL.",
			proof: []string{"places TestFailures", "places TestHungProvider", "places TestSlowProviderIsPassed"},
		},

		// Anything else
		{
			quote: "A line of a question mark, a space and the line as it came, without its terminator:",
			replies: []replyCase{
				{string(AppendInvalid(nil, []byte("HELLO there"))), "? HELLO there\n"},
				{string(AppendInvalid(nil, []byte("  HELLO\t\r there \r"))), "?   HELLO\t\r there \r\n"},
				{string(AppendInvalid(nil, []byte("\x00\xff\xc3é\u2028"))), "? \x00\xff\xc3é\u2028\n"},
				{string(AppendInvalid([]byte("before\n"), []byte("? ?"))), "before\n? ? ?\n"},
			},
		},
		{
			quote: "Invalid: unknown or lower-case command, wrong number of operands, an operand that breaks a rule above, `AT …` from a client, a WHATSAT about a client that the herd does not know.",
			lines: concat(
				refused(UnknownCommand, "HELLO there", "?", "? HELLO there", "iamat kiwi +34-118 5", "iamat", "\x00", "\xff",
					"AT Clark +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503", "AT kiwi +34-118 5", "GET / HTTP/1.1"),
				refused(WrongOperands, "IAMAT kiwi", "WHATSAT kiwi 10"),
				// The first operand that breaks a rule gives the reason.
				refused(LongID, "IAMAT "+id255+"k x x"),
				refused(BadPosition, "IAMAT kiwi x x"),
				refused(BadTime, "IAMAT kiwi +34-118 x"),
				refused(BadRadius, "WHATSAT kiwi x x"),
				refused(BadLimit, "WHATSAT kiwi 10 x"),
			),
			proof: []string{"node TestConversations"},
		},
		{
			quote: "The connection stays open and the next command is served. Nothing else is ever sent on this port: no banner, no prompt, no reason. The reason goes to the log (debug) and to a counter.",
			proof: []string{"node TestConversations", "node TestLog", "node TestCounts"},
		},
		{
			quote: "A line longer than `max_line` (default 4096 bytes): `? ` and what was read of it, LF, then the connection is closed.",
			proof: []string{"node TestTooLongLineIsAnswered", "node/protocol TestTooLong"},
		},

		// Sameness across the herd
		{
			quote: `"Newest" is a total order on the fixes of a client, the same on every node (package comment of gossip/location): the client's time decides; equal times are decided by node name, then content, so that two nodes that took different fixes with the same time end up agreeing.`,
			proof: []string{"gossip/location TestMergeTable", "gossip/location TestMergeConverges", "gossip/location TestCompareIsTotal"},
		},
	}
}

func concat(cases ...[]lineCase) (all []lineCase) {
	for _, c := range cases {
		all = append(all, c...)
	}
	return all
}

func difference(nanos int64) string { return string(AppendDifference(nil, nanos)) }

func whatsAtReply(body string) string {
	line := at("Bona", 1e9, "kiwi", "+34-118", "5")
	p, _ := location.ParsePosition([]byte("+34-118"))
	v, _ := location.ParseTime([]byte("5"))
	f := location.NewFix("Bona", 6e9, 0, p, v)
	reply := string(AppendWhatsAt(nil, []byte("kiwi"), &f, []byte(body)))
	if !strings.HasPrefix(reply, line) {
		return "not its AT line: " + reply
	}
	return reply
}

func TestRules(t *testing.T) {
	for _, r := range rules() {
		for _, c := range r.lines {
			line := []byte(c.line)
			if got := describe(Parse(line, Limits{})); got != c.want {
				t.Errorf("%s\n%q is %q, want %q", r.quote, c.line, got, c.want)
			}
			if string(line) != c.line {
				t.Errorf("%q was changed to %q", c.line, line)
			}
		}
		for _, c := range r.streams {
			got, tooLong := cut(NewLines(100), []byte(c.stream), len(c.stream))
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) || tooLong {
				t.Errorf("%s\n%q is %q, want %q", r.quote, c.stream, got, c.want)
			}
		}
		for _, c := range r.replies {
			if c.got != c.want {
				t.Errorf("%s\ngot  %q\nwant %q", r.quote, c.got, c.want)
			}
		}
	}
}

// The examples of PROTOCOL.md are what they say they are.
func TestExamples(t *testing.T) {
	_, examples := document(t)
	if len(examples) != 4 {
		t.Fatalf("there are %d examples: %q", len(examples), examples)
	}
	c := Parse([]byte(examples[0]), Limits{})
	f := location.NewFix("Clark", c.Time.Nanos()+263873386, 0, c.Position, c.Time)
	if got := string(AppendAt(nil, c.ID, &f)); got != examples[1]+"\n" {
		t.Errorf("%q is answered with %q, want %q", examples[0], got, examples[1])
	}
	if got := describe(Parse([]byte(examples[2]), Limits{})); got != "5 within 10000 m of kiwi.cs.ucla.edu" {
		t.Errorf("%q is %s", examples[2], got)
	}
	line, _ := bytes.CutPrefix([]byte(examples[3]), []byte("? "))
	if c := Parse(line, Limits{}); c.Verb != Invalid || string(AppendInvalid(nil, line)) != examples[3]+"\n" {
		t.Errorf("%q is %s", line, describe(c))
	}
}
