package main

import (
	"encoding/json"
	"fmt"
	"os"

	"herd/gossip/durable"
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

// writeReady writes v as JSON in one step: whoever sees the file sees all of it. After a power cut it
// is of no use.
func writeReady(name string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = durable.Swap(name, 0o644, func(f *os.File) error {
			_, err := f.Write(append(text, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}
