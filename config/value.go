package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// value is one field of a Config seen as text. Whoever can't turn a text into
// the field's type leaves the field alone and reports it; whether what it
// holds is allowed is asked later, so that a Config made by hand is checked by
// the same words.
type value struct {
	allowed string              // completes "must be …"
	parse   func([]string) bool // one text, or any number for a list
	valid   func() bool
	get     func() any // string, int, bool or []string, as written in HCL
	list    bool
	toggle  bool
	addr    *string // set for those that may be a template
	secret  bool    // a wrong one may be or hold a key: no message shows it
	live    bool    // a node that runs takes it over
}

// live marks a setting that a node takes over while it runs, when it reads its
// configuration again. All others need a restart.
func live(v value) value {
	v.live = true
	return v
}

// word is a name that fits between white space, in a path and in a label.
func word(p *string, least, most int) value {
	return str(p, wordAllowed(least, most), func(s string) bool { return isWord(s, least, most) })
}

func wordAllowed(least, most int) string {
	if least == 0 {
		return fmt.Sprintf("at most %d letters, digits, '.', '_' or '-'", most)
	}
	return fmt.Sprintf("%d to %d letters, digits, '.', '_' or '-'", least, most)
}

func isWord(s string, least, most int) bool {
	return least <= len(s) && len(s) <= most && strings.IndexFunc(s, notInWord) < 0
}

func notInWord(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
}

func path(p *string) value {
	return str(p, "a path, or empty for none", func(s string) bool {
		return !strings.ContainsAny(s, "\x00\r\n")
	})
}

// keyPath is the path of a key's file, for which some give the key.
func keyPath(p *string) value {
	v := path(p)
	v.secret = true
	return v
}

// source is the path of a file that is needed if it is used.
func source(p *string) value {
	v := path(p)
	v.allowed = "a path, in the chain not an empty one"
	return v
}

func choice(p *string, options ...string) value {
	last := len(options) - 1
	allowed := fmt.Sprintf(`"%s" or "%s"`, strings.Join(options[:last], `", "`), options[last])
	return str(p, allowed, func(s string) bool { return slices.Contains(options, s) })
}

// maxAcks is as many others as a herd may have.
const maxAcks = 1023

// acks is whom an AT line waits for; see [Herd.AckCount].
func acks(p *string) value {
	return str(p, fmt.Sprintf(`"in-sync", "none" or a number of other members from 1 to %d`, maxAcks), func(s string) bool {
		n, err := strconv.Atoi(s)
		return s == "in-sync" || s == "none" || err == nil && 1 <= n && n <= maxAcks && s == strconv.Itoa(n)
	})
}

func address(p *string) value {
	v := str(p, `"host:port" with a port from 0 to 65535, or a template of one`, func(s string) bool {
		return isAddress(s, 0)
	})
	v.addr = p
	return v
}

// host is an address whose port may be left out.
func host(p *string) value {
	v := str(p, `"host" or "host:port" with a port from 0 to 65535, or a template of one`, func(s string) bool {
		return s == "" || isAddress(s, 0) && s[0] != ':'
	})
	v.parse = one(func(s string) bool { *p = withPort(s); return true })
	v.addr = p
	return v
}

func seeds(p *[]string) value {
	return list(p, `a list of "host:port" with ports from 1 to 65535, and of "srv+_SERVICE._PROTO.DOMAIN", SRV records, which have the port`, func(all []string) bool {
		return !slices.ContainsFunc(all, func(s string) bool { return !isSeed(s) })
	})
}

// isSeed reads host:port, or "srv+" and a name of SRV records as RFC 2782 has it.
func isSeed(s string) bool {
	if name, ok := strings.CutPrefix(s, "srv+"); ok {
		return len(name) <= 253 && srvName.MatchString(name)
	}
	return isAddress(s, 1) && s[0] != ':'
}

var srvName = regexp.MustCompile(`^_[A-Za-z0-9-]{1,62}\._[A-Za-z0-9-]{1,62}(\.[A-Za-z0-9_-]{1,63})+\.?$`)

// providers is the chain of places as it is written: names, and paths of files.
func providers(p *[]string) value {
	allowed := fmt.Sprintf(`a list of 1 to %d of "google", "overpass", "embedded", "file.NAME" and paths of files`, maxFiles)
	return list(p, allowed, func(all []string) bool {
		return 1 <= len(all) && len(all) <= maxFiles && !slices.ContainsFunc(all, func(s string) bool {
			return s == "" || strings.ContainsAny(s, "\x00\r\n")
		})
	})
}

// list takes several texts, and texts with commas.
func list(p *[]string, allowed string, valid func([]string) bool) value {
	return value{
		allowed: allowed,
		list:    true,
		parse: func(texts []string) bool {
			var all []string
			for _, t := range texts {
				for s := range strings.SplitSeq(t, ",") {
					if s = strings.TrimSpace(s); s != "" {
						all = append(all, s)
					}
				}
			}
			*p = all
			return true
		},
		valid: func() bool { return valid(*p) },
		get:   func() any { return slices.Clone(*p) },
	}
}

// link is a URL to ask at. A password or a key in it would be shown wherever the
// setting is.
func link(p *string, optional bool) value {
	allowed := "an https URL, or http with a loopback host, without query and user info"
	if optional {
		allowed += "; or empty"
	}
	v := str(p, allowed, func(s string) bool { return s == "" && optional || isLink(s) })
	v.secret = true
	return v
}

func isLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(s, "?# ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

// language is a tag as in BCP 47, by its form: no register is asked.
func language(p *string) value {
	return str(p, `a language tag, like "de" or "pt-BR", or empty`, func(s string) bool {
		return s == "" || len(s) <= 35 && languageTag.MatchString(s)
	})
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`)

// header is what fits into a header of HTTP.
func header(p *string, most int) value {
	return str(p, fmt.Sprintf("at most %d printable ASCII characters", most), func(s string) bool {
		return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	})
}

// html is a line of HTML.
func html(p *string, most int) value {
	return str(p, fmt.Sprintf("one line of HTML, at most %d bytes", most), func(s string) bool {
		return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
	})
}

func toggle(p *bool) value {
	return value{
		allowed: "true or false",
		toggle:  true,
		parse: one(func(s string) bool {
			if s != "true" && s != "false" {
				return false
			}
			*p = s == "true"
			return true
		}),
		valid: func() bool { return true },
		get:   func() any { return *p },
	}
}

func whole(p *int, least, most int) value {
	return value{
		allowed: fmt.Sprintf("a whole number from %d to %d", least, most),
		parse: one(func(s string) bool {
			n, err := strconv.Atoi(s)
			if err == nil {
				*p = n
			}
			return err == nil
		}),
		valid: func() bool { return least <= *p && *p <= most },
		get:   func() any { return *p },
	}
}

func size(p *int, least, most int) value {
	return value{
		allowed: fmt.Sprintf("a size from %s to %s, like \"4KiB\"", sizeText(least), sizeText(most)),
		parse: one(func(s string) bool {
			n, ok := parseSize(s)
			if ok {
				*p = n
			}
			return ok
		}),
		valid: func() bool { return least <= *p && *p <= most },
		get:   func() any { return sizeText(*p) },
	}
}

// leastMemory is less than a node with clients gets by with.
const leastMemory = 64 << 20

// memory is a size, or 0 for none.
func memory(p *int) value {
	v := size(p, 0, math.MaxInt)
	v.allowed = fmt.Sprintf("0, or a size of %s or more, like \"2GiB\"", sizeText(leastMemory))
	v.valid = func() bool { return *p == 0 || *p >= leastMemory }
	return v
}

func span(p *time.Duration, least, most, like string) value {
	return value{
		allowed: fmt.Sprintf("a duration from %s to %s, like %q", least, most, like),
		parse: one(func(s string) bool {
			d, err := time.ParseDuration(s)
			if err == nil {
				*p = d
			}
			return err == nil
		}),
		valid: func() bool { return duration(least) <= *p && *p <= duration(most) },
		get:   func() any { return durationText(*p) },
	}
}

func str(p *string, allowed string, valid func(string) bool) value {
	return value{
		allowed: allowed,
		parse:   one(func(s string) bool { *p = s; return true }),
		valid:   func() bool { return valid(*p) },
		get:     func() any { return *p },
	}
}

// one takes the last of several texts, as repeated flags do.
func one(set func(string) bool) func([]string) bool {
	return func(texts []string) bool { return len(texts) > 0 && set(texts[len(texts)-1]) }
}

// isAddress reads host:port with a numeric port; the host may be empty.
func isAddress(s string, leastPort uint64) bool {
	h, p, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(h, " \t\r\n\x00/") {
		return false
	}
	port, err := strconv.ParseUint(p, 10, 16)
	return err == nil && port >= leastPort
}

// withPort adds port 0 to a host without a port.
func withPort(s string) string {
	if _, err := netip.ParseAddr(s); err == nil || s != "" && !strings.ContainsAny(s, ":[]{} ") {
		return net.JoinHostPort(s, "0")
	}
	return s
}

const sizeUnits = "KMG" // KiB, MiB, GiB

func parseSize(s string) (int, bool) {
	digits := strings.TrimRight(s, "BiKMG")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, false
	}
	unit := s[len(digits):]
	if unit == "" || unit == "B" {
		return n, true
	}
	i := strings.IndexByte(sizeUnits, unit[0])
	if i < 0 || unit[1:] != "iB" {
		return 0, false
	}
	shift := 10 * (i + 1)
	if n > math.MaxInt>>shift {
		return math.MaxInt, true // greater than any may be
	}
	return n << shift, true
}

func sizeText(n int) string {
	unit := "B"
	for i := 0; i < len(sizeUnits) && n != 0 && n%1024 == 0; i++ {
		n /= 1024
		unit = sizeUnits[i:i+1] + "iB"
	}
	return strconv.Itoa(n) + unit
}

// durationText is 5m where time says 5m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic("config: the table of fields has a bad duration: " + s)
	}
	return d
}

// text is how the reference and flags show what get returned.
func text(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}
