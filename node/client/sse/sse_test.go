package sse

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// read gives all events of a stream as texts, and what ended it.
func read(text string) (all []string, err error) {
	r := NewReader(iotest.OneByteReader(strings.NewReader(text)), nil)
	for {
		e, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s|%s|%s|%t", e.Name, e.ID, e.Data, e.Data == nil))
	}
}

func TestNext(t *testing.T) {
	for stream, want := range map[string][]string{
		"": nil,
		"retry: 1000\nid: a-1\nevent: hello\ndata: {}\n\n":     {"hello|a-1|{}|false"},
		"event:fix\r\ndata:  two\r\nid:1\r\n\r\n":              {"fix|1| two|false"},
		": still here\nid: 7\n\n: still here\n\ndata: x\n\n":   {"|7||true", "|7||true", "|7|x|false"},
		"id: 7\ndata\ndata: b\ndata:\n\nevent: a\n\nevent\n\n": {"|7|\nb\n|false", "a|7||true", "|7||true"},
		"data: lost":                           nil,
		"data: lost\n":                         nil,
		"id: 1\x002\nother: 3\ndata: a: b\n\n": {"||a: b|false"},
		"data: " + strings.Repeat("k", 60_000) + "\n\n": {"||" + strings.Repeat("k", 60_000) + "|false"},
	} {
		got, err := read(stream)
		if fmt.Sprint(got) != fmt.Sprint(want) || err != io.EOF {
			t.Errorf("%.60q: got %.200q, %v", stream, got, err)
		}
	}
}

// A line, or an event, without an end is not kept.
func TestTooLong(t *testing.T) {
	for _, stream := range []string{
		"data: " + strings.Repeat("k", MaxEvent) + "\n\n",
		": " + strings.Repeat("k", MaxEvent),
		strings.Repeat("data: kiwi\n", 20_000),
	} {
		if got, err := read("data: a\n\n" + stream); len(got) != 1 || !errors.Is(err, ErrTooLong) {
			t.Errorf("%.20q: got %.200q, %v", stream, got, err)
		}
	}
}

// Whatever comes, it ends, and no event is larger than allowed.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.SampledFrom([]string{"data:", "event: fix\n", "id: 1", "\n", "\n\n", "\r\n", ": x\n", "\x00"}), rapid.String())).Draw(t, "stream")
		lines := 0
		r := NewReader(strings.NewReader(strings.Join(parts, "")), func() { lines++ })
		for {
			e, err := r.Next()
			if err != nil {
				break
			}
			if len(e.Data) > MaxEvent || strings.ContainsRune(e.ID, 0) {
				t.Errorf("got %+v", e)
			}
		}
		if want := strings.Count(strings.Join(parts, ""), "\n"); lines != want {
			t.Errorf("%d lines, want %d", lines, want)
		}
	})
}
