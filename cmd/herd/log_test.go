package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"herd/config"
)

func TestLogFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "herd.log")
	var stderr bytes.Buffer
	logger, end, err := newLogger(config.Log{Level: "info", Format: "json", File: name}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	logger.Debug("too fine")
	logger.Named("gossip").Info("joined", "seed", "127.0.0.1:4132")
	end()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != stderr.String() {
		t.Errorf("the file has %q, standard error %q", text, &stderr)
	}
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil || line["@module"] != "herd.gossip" || line["seed"] != "127.0.0.1:4132" {
		t.Errorf("%v: %s", err, text)
	}
}

// The file is renamed away, as log rotation does, and opened anew.
func TestLogReopen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "herd.log")
	l := &logFile{}
	if err := l.use(name); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.Write([]byte("old\n"))
	if err := os.Rename(name, name+".1"); err != nil {
		t.Skip("a file in use can't be renamed here:", err)
	}
	l.Write([]byte("still old\n"))
	if err := l.reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("new\n"))
	for file, want := range map[string]string{name + ".1": "old\nstill old\n", name: "new\n"} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", file, got, err, want)
		}
	}
}

func TestLogText(t *testing.T) {
	var stderr bytes.Buffer
	logger, end, err := newLogger(config.Log{Level: "debug", Format: "text"}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	logger.Debug("a client left", "conns", 3)
	end()
	if !strings.Contains(stderr.String(), "[DEBUG] herd: a client left: conns=3") {
		t.Errorf("got %q", &stderr)
	}
}
