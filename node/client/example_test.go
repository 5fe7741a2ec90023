package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"herd/config"
	"herd/node"
	"herd/node/client"
)

// startNode starts a herd of one node in this process, and tells how to end it.
func startNode() (addrs node.Addrs, stop func()) {
	s := config.Default()
	s.Name = "Clark"
	s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	n, err := node.New(node.Config{Settings: s})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	<-n.Ready()
	return n.Addrs(), func() {
		cancel()
		<-ended
	}
}

func Example() {
	addrs, stop := startNode() // in earnest: herd node
	defer stop()
	ctx := context.Background()

	herd, err := client.New(client.Config{Addrs: []string{addrs.Client}}) // of all nodes, or a name that stands for them
	if err != nil {
		log.Fatal(err)
	}
	defer herd.Close()
	if _, err := herd.Report(ctx, "kiwi", client.PositionOf(34.06893, -118.445127), client.SecondsOf(time.Now())); err != nil {
		log.Fatal(err)
	}
	fix, err := herd.Locate(ctx, "kiwi")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fix.Node, "took the report of", fix.ID, "at", fix.Position)

	_, err = herd.Locate(ctx, "emu")
	var invalid *client.InvalidError
	fmt.Println("unknown:", errors.As(err, &invalid))
	// Output:
	// Clark took the report of kiwi at +34.06893-118.445127
	// unknown: true
}

func ExampleAPI() {
	addrs, stop := startNode()
	defer stop()
	ctx := context.Background()

	api, err := client.NewAPI(client.Config{Addrs: []string{addrs.HTTP}})
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()
	for id, at := range map[string]client.Position{"kiwi": "+34.0689-118.4451", "emu": "+34.0689-118.4452", "moa": "-41+174"} {
		if _, err := api.Put(ctx, id, at, ""); err != nil {
			log.Fatal(err)
		}
	}
	near, err := api.NearClient(ctx, "kiwi", 1000, 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range near {
		fmt.Printf("%s is %.0f m from kiwi\n", c.ID, c.Distance)
	}
	for c, err := range api.Clients(ctx, client.Which{Prefix: "m"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.ID, c.Lat, c.Lon)
	}
	// Output:
	// emu is 9 m from kiwi
	// moa -41 174
}

// To know all clients and every change: list them after the hello, and again after a reset.
func ExampleAPI_Events() {
	addrs, stop := startNode()
	defer stop()
	ctx := context.Background()

	api, err := client.NewAPI(client.Config{Addrs: []string{addrs.HTTP}})
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()
	for e, err := range api.Events(ctx, client.Filter{Kinds: []client.Kind{client.Fixed}, Prefix: "ki"}) {
		if err != nil {
			log.Fatal(err)
		}
		switch e.Kind {
		case client.Hello, client.Reset:
			fmt.Println(e.Kind, "from", e.Node)
			if _, err := api.Put(ctx, "kiwi", "+34-118", ""); err != nil { // somebody moves
				log.Fatal(err)
			}
		case client.Fixed:
			fmt.Println(e.Client.ID, "is at", e.Client.Position)
			return
		}
	}
	// Output:
	// hello from Clark
	// kiwi is at +34-118
}
