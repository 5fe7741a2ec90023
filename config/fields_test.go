package config

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every field of Config is in the table, once; every row has names of its own.
func TestTableIsComplete(t *testing.T) {
	c := withFile()
	seen := map[string]bool{}
	for _, r := range table(&c) {
		names := []string{r.name, "--" + r.flag(), r.env()}
		if strings.HasPrefix(r.name, "places.file.") {
			names = names[:1]
			if r.flag() != "" || r.env() != "" {
				t.Errorf("%s: got --%s and %s; which files there are is known too late", r.name, r.flag(), r.env())
			}
		}
		for _, name := range names {
			if seen[name] {
				t.Errorf("%s stands for two things", name)
			}
			seen[name] = true
		}
		if r.help == "" || r.value.allowed == "" {
			t.Errorf("%s: nothing is said about it", r.name)
		}
	}
	if got, want := len(table(&c)), leaves(reflect.TypeFor[Config]()); got != want {
		t.Errorf("the table has %d rows, Config %d fields", got, want)
	}
}

// withFile has a file of places, for its part of the table.
func withFile() Config {
	c := Default()
	c.Places.Files = []File{newFile("campus")}
	return c
}

// leaves counts fields. Of a slice of structs there is one, and its name is no
// setting.
func leaves(t reflect.Type) int {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		return leaves(t.Elem()) - 1
	}
	if t.Kind() != reflect.Struct {
		return 1
	}
	n := 0
	for f := range t.Fields() {
		n += leaves(f.Type)
	}
	return n
}

// Each row writes a field of its own: what one sets, no other shows.
func TestRowsWriteTheirOwnField(t *testing.T) {
	texts := []string{"true", "false", "77", "77s", "77B", "warn", "none", "distance", "wan", "json", "x:1"}
	base := withFile()
	base.Gossip.Insecure, base.Chaos, base.InsecureChaos, base.HTTP.Insecure = true, true, true, true // false, the last text that they take, is a change
	for i, r := range table(&base) {
		c := withFile()
		c.Gossip.Insecure, c.Chaos, c.InsecureChaos, c.HTTP.Insecure = true, true, true, true
		rows := table(&c)
		for _, text := range texts {
			rows[i].value.parse([]string{text})
		}
		for j, other := range table(&base) {
			changed := !reflect.DeepEqual(rows[j].value.get(), other.value.get())
			if changed != (i == j) {
				t.Errorf("%s is set: changed %s: got %t, want %t", r.name, other.name, changed, i == j)
			}
		}
	}
}

func TestNames(t *testing.T) {
	want := map[string][2]string{
		"name":                   {"name", "HERD_NAME"},
		"client.addr":            {"client-addr", "HERD_CLIENT_ADDR"},
		"client.max_line":        {"client-max-line", "HERD_CLIENT_MAX_LINE"},
		"gossip.addr":            {"gossip-addr", "HERD_GOSSIP_ADDR"},
		"gossip.join":            {"join", "HERD_JOIN"},
		"gossip.advertise_addr":  {"advertise-addr", "HERD_ADVERTISE_ADDR"},
		"gossip.key_file":        {"key-file", "HERD_KEY_FILE"},
		"gossip.insecure_gossip": {"insecure-gossip", "HERD_INSECURE_GOSSIP"},
		"herd.acks":              {"acks", "HERD_ACKS"},
		"herd.ttl":               {"ttl", "HERD_TTL"},
		"herd.max_clients":       {"max-clients", "HERD_MAX_CLIENTS"},
		"places_order":           {"places-order", "HERD_PLACES_ORDER"},
		"places.google.key_file": {"places-google-key-file", "HERD_PLACES_GOOGLE_KEY_FILE"},
		"places.file.NAME.path":  {"", ""},
		"places.embedded.rank":   {"places-embedded-rank", "HERD_PLACES_EMBEDDED_RANK"},
		"http.addr":              {"http-addr", "HERD_HTTP_ADDR"},
		"log.file":               {"log-file", "HERD_LOG_FILE"},
		"ready_file":             {"ready-file", "HERD_READY_FILE"},
		"chaos":                  {"chaos", "HERD_CHAOS"},
		"insecure_chaos":         {"insecure-chaos", "HERD_INSECURE_CHAOS"},
		"http.insecure_http":     {"insecure-http", "HERD_INSECURE_HTTP"},
	}
	for _, f := range Fields() {
		if w, ok := want[f.Name]; ok && (f.Flag != w[0] || f.Env != w[1]) {
			t.Errorf("%s: got %s %s, want %s", f.Name, f.Flag, f.Env, w)
		}
		delete(want, f.Name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "64": 64, "64B": 64, "4KiB": 4096, "1MiB": 1 << 20, "1GiB": 1 << 30, "1000000GiB": 1_000_000 << 30, "3000000000": 3_000_000_000, "4GiB": 4 << 30,
		"": -1, "B": -1, "KiB": -1, "4KB": -1, "4K": -1, "4kib": -1, "-1": -1, "1.5KiB": -1, "4KiBi": -1, "4BKiB": -1,
		"99999999999999999999": -1, "4 KiB": -1,
	} {
		got, ok := parseSize(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: got %d %t, want %d", text, got, ok, want)
		}
	}
	for n, want := range map[int]string{0: "0B", 1: "1B", 1023: "1023B", 1024: "1KiB", 1536: "1536B", 1 << 20: "1MiB", 3 << 30: "3GiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for _, n := range []int{1, 1 << 10, 1<<30 + 1, 3_000_000_000, 2<<40 + 1<<10, math.MaxInt} { // what is shown can be read
		if got, ok := parseSize(sizeText(n)); !ok || got != n {
			t.Errorf("%d is shown as %s and read as %d, %t", n, sizeText(n), got, ok)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Second: "1m30s", 250 * time.Millisecond: "250ms",
		10 * time.Minute: "10m", 70 * time.Minute: "1h10m", 10 * time.Second: "10s", 20 * time.Hour: "20h",
	} {
		if got := durationText(d); got != want || duration(got) != d {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
