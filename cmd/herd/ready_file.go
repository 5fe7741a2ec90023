package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// readyNode is what the ready file says of a node.
type readyNode struct {
	Name   string `json:"name"`
	Client string `json:"client"`
	Gossip string `json:"gossip"`
	HTTP   string `json:"http"`
	PID    int    `json:"pid"`
}

func describe(name string, a addrs) readyNode {
	return readyNode{Name: name, Client: a.Client, Gossip: a.Gossip, HTTP: a.HTTP, PID: os.Getpid()}
}

// writeReady writes v as JSON in one step: whoever sees the file sees all of it.
func writeReady(name string, v any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the ready file: %w", err)
		}
	}()
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
