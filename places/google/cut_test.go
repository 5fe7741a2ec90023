package google

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// legacyBody is a reply of so many results, in Google's text form.
func legacyBody(t testing.TB, n int) []byte {
	t.Helper()
	body := read(t, "legacy_ok.json")
	begin := bytes.Index(body, []byte("\n      {\n")) + 1
	end := bytes.Index(body, []byte("\n      },\n")) + len("\n      },\n")
	one, tail := body[begin:end], body[bytes.Index(body, []byte("\n   ],\n   \"status\""))+1:]
	out := append([]byte{}, body[:begin]...)
	for range n {
		out = append(out, one...)
	}
	if n > 0 {
		out = append(out[:len(out)-2], '\n') // no comma behind the last
	}
	return append(out, tail...)
}

func mustScan(t testing.TB, body []byte) *scanned {
	t.Helper()
	s, err := scan(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return s
}

// TestCutStyle: a cut reply is what Google would have written, had it had no more.
func TestCutStyle(t *testing.T) {
	whole := legacyBody(t, 20)
	for _, n := range []int{1, 5, 19, 20, 21} {
		got := mustScan(t, whole).cut(bytes.Clone(whole), n)
		if want := legacyBody(t, min(n, 20)); !bytes.Equal(got, want) {
			t.Errorf("%d results: got\n%s\nwant\n%s", n, got, want)
		}
	}
	sample := read(t, "legacy_ok.json")
	s := mustScan(t, sample)
	if got := s.cut(sample, 0); !bytes.Contains(got, []byte("\n   \"results\" : [],\n")) || !json.Valid(got) {
		t.Errorf("no results: %s", got)
	}
	if s.status != "OK" || len(s.ends) != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{`{"results":[]}`, 0, `{"results":[]}`},
		{`{"results":[ ]}`, 1, `{"results":[ ]}`},
		{`{"results":[1,2,3]}`, 0, `{"results":[]}`},
		{`{"results":[1,2,3]}`, 1, `{"results":[1]}`},
		{`{"results":[1 , 2 , 3 ]}`, 2, `{"results":[1 , 2 ]}`},
		{`{"results":[1,2,3]}`, 3, `{"results":[1,2,3]}`},
		{`{"results":["]","[",{"results":[1,2]}],"a":[1,2]}`, 1, `{"results":["]"],"a":[1,2]}`},
		{"\n{ \"a\" : { \"results\" : [1,2] },\"results\":[{\"results\":[1,2,3]},2]\t}\n\n", 1, "\n{ \"a\" : { \"results\" : [1,2] },\"results\":[{\"results\":[1,2,3]}]\t}\n\n"},
		{`{"Results":[1,2],"results":["é\u00e9",2]}`, 1, `{"Results":[1,2],"results":["é\u00e9"]}`},
	} {
		if got := string(mustScan(t, []byte(tt.in)).cut([]byte(tt.in), tt.n)); got != tt.want {
			t.Errorf("%s cut to %d: %s, want %s", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestScanNonsense(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `7`, `{`, `{}{}`, `{}x`, `{"results":[1,2}`, `{"results":[1,]}`, `{"results":{}}`, `{"results":[1],}`,
		`{"results":[1],"results":[2]}`, `{"status":7}`, `{"a" 1}`, `{"results":[1 2]}`, `{"results":[1],"status":"OK"`,
		`{"results":[` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]}`,
	} {
		if s, err := scan([]byte(body)); err == nil {
			t.Errorf("%.60s: %+v, want an error", body, s)
		}
	}
}

// FuzzCut: what is taken is valid JSON and stays so, all but the list's end
// stays as it was, and what stays of the list is its beginning.
func FuzzCut(f *testing.F) {
	for _, name := range []string{"legacy_ok.json", "legacy_zero_results.json", "legacy_request_denied_bad_key.json", "new_ok.json"} {
		f.Add(read(f, name), 1)
	}
	f.Add([]byte(`{"results":[1,"]",[2],{}],"a":0}`), 2)
	f.Add([]byte(`{"results" : [ ] }`), 0)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		s, err := scan(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("took %q", body)
		}
		if n < 0 || !s.hasResults {
			return
		}
		var all, some struct {
			R []json.RawMessage `json:"results"`
		}
		var before, after map[string]json.RawMessage
		got := s.cut(bytes.Clone(body), n)
		if json.Unmarshal(body, &before) != nil || json.Unmarshal(got, &after) != nil {
			t.Fatalf("%q cut to %d is %q", body, n, got)
		}
		if json.Unmarshal(before["results"], &all.R) != nil || json.Unmarshal(after["results"], &some.R) != nil {
			t.Fatalf("%q cut to %d is %q", body, n, got)
		}
		if want := min(n, len(all.R)); len(some.R) != want {
			t.Fatalf("%q cut to %d is %q", body, n, got)
		}
		for i := range some.R {
			if !bytes.Equal(all.R[i], some.R[i]) {
				t.Fatalf("%q cut to %d is %q", body, n, got)
			}
		}
		if !bytes.HasPrefix(got, body[:s.begin]) || !bytes.HasSuffix(got, body[s.end:]) {
			t.Fatalf("%q cut to %d is %q", body, n, got)
		}
	})
}
