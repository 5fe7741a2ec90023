package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"herd/places"
)

// How long the steps of a stop may take. With an ack_timeout of half a second or
// less their sum stays below 5 s.
const (
	drainTimeout    = 2 * time.Second         // clients' requests, if the drain is shorter
	upstreamTimeout = 1 * time.Second         // of those, what waits for a places provider
	leaveTimeout    = 1500 * time.Millisecond // what the cluster needs beyond ack_timeout
	placesTimeout   = 300 * time.Millisecond  // calls of providers that nobody waits for
	httpTimeout     = 500 * time.Millisecond  // operators' requests
)

var errClosed = errors.New("the node was closed while it ran")

// Run runs the node until ctx is done, or it is asked to leave over HTTP, and it
// has left: then it returns nil. It returns an error if a part fails, and a
// [*NameTakenError] in its chain if the herd has a live node of this name. It may
// be called once.
func (n *Node) Run(ctx context.Context) error {
	n.mu.Lock()
	again := n.ran != nil
	if !again {
		n.ran = make(chan struct{})
		defer close(n.ran)
	}
	n.mu.Unlock()
	if again {
		return errors.New("the node has been run before")
	}
	defer context.AfterFunc(ctx, func() { n.leaveWithin(n.usualDrain()) })()
	r := &run{Node: n, failed: make(chan error, 3)}
	err := r.up()
	if err == nil {
		select { // what failed may have lost the race against the wish to end
		case err = <-r.failed:
		default:
		}
	}
	return errors.Join(err, r.down(err == nil))
}

// run is the life of a node. It is owned by Run.
type run struct {
	*Node
	http, gossip, clients *part // nil: not started
	stopGossip            context.CancelFunc
	loading               sync.WaitGroup // the providers' data
	failed                chan error     // from parts that ended unasked; a place for each
}

// part is a goroutine of a node. Its other fields are to be read after done.
type part struct {
	done    chan struct{} // closed when it has ended
	err     error         // what it ended with
	unasked bool          // it ended before it was told to: Run returns err
}

// start runs one part. It is to go on until the node leaves.
func (r *run) start(name string, f func() error) *part {
	p := &part{done: make(chan struct{})}
	go func() { // down waits for done
		defer close(p.done)
		p.err = f()
		if r.in(leaving) || r.alive.Err() != nil {
			return
		}
		p.unasked = true
		if p.err == nil {
			p.err = errors.New("ended unasked")
		}
		r.failed <- fmt.Errorf("%s: %w", name, p.err)
	}()
	return p
}

// errAsked ends the steps of up when the node is asked to leave.
var errAsked = errors.New("asked to leave")

// up takes the node through its life, and returns when it is to end: nil if that was asked for.
func (r *run) up() error {
	r.announce()
	r.http = r.start("HTTP API", func() error { return r.api.Serve(r.httpListener) })
	var ctx context.Context
	ctx, r.stopGossip = context.WithCancel(context.Background())
	r.gossip = r.start("gossip", func() error { return r.cluster.Run(ctx) })
	files, _ := split(r.places.now.Load().links)
	behind, err := r.getReady(r.load(files))
	if err == nil {
		err = r.serveClients(behind)
	}
	if err == errAsked {
		return nil
	}
	return err
}

// announce logs what starts, and what is doubtful about it.
func (r *run) announce() {
	s := r.config.Settings
	a := r.Addrs()
	r.log.Info("node starts", "name", s.Name, "version", r.config.Version,
		"client", a.Client, "gossip", a.Gossip, "http", a.HTTP, "join", s.Gossip.Join, "keys", len(r.config.Keys),
		"places", chainText(r.places.now.Load().links))
	if s.Gossip.Insecure && len(r.config.Keys) == 0 {
		r.log.Warn("gossip is open to everyone who reaches its port", "gossip", a.Gossip)
	}
	r.warnOfSpending(s.Places)
	r.warnOfCertificate()
}

// getReady waits for what the node should know before it serves clients, but no longer than
// ready_timeout for all of it. The channel is closed when the node has caught up; nil: it has.
func (r *run) getReady(filesRead <-chan struct{}) (behind <-chan struct{}, err error) {
	late := time.NewTimer(r.config.Settings.Herd.ReadyTimeout)
	defer late.Stop()

	behind = r.cluster.CaughtUp()
	switch done, err := r.await(behind, late); {
	case err != nil:
		return nil, err
	case done:
		r.logCaughtUp()
		behind = nil
	default:
		r.log.Warn("ready without having caught up: answers may be older than the herd's", "after", r.age(),
			"behind", whom(r.cluster.Sync()), "clients", r.table.Len())
	}

	switch done, err := r.await(r.cluster.ClockChecked(), late); {
	case err != nil:
		return nil, err
	case !done && behind == nil: // else there was nobody to compare it with
		r.log.Error("ready with a clock that is wrong: set it, or old fixes win over new ones", "after", r.age(),
			"clock", r.cluster.Sync().Clock.Difference())
	}

	switch done, err := r.await(filesRead, late); { // a file that has yet to be read would be passed over
	case err != nil:
		return nil, err
	case !done:
		r.log.Warn("ready before all files of places are read", "after", r.age())
	}
	return behind, nil
}

// await waits for a step of the start, and tells whether it was done before late, which then has
// the steps to come not waited for either.
func (r *run) await(step <-chan struct{}, late *time.Timer) (done bool, err error) {
	select {
	case <-step: // what is done is not late, though it may be past that time
		return true, nil
	default:
	}
	select {
	case <-step:
		return true, nil
	case <-late.C:
		late.Reset(0)
		return false, nil
	case err := <-r.failed:
		return false, err
	case <-r.asked.Done():
		return false, errAsked
	}
}

// serveClients takes clients until the node is to end. behind is as getReady returns it.
func (r *run) serveClients(behind <-chan struct{}) error {
	r.clients = r.start("clients", func() error { return r.server.serve(r.alive) })
	if r.phase.CompareAndSwap(int32(starting), int32(serving)) {
		close(r.ready)
	}
	r.log.Info("ready", "after", r.age())
	// The table of the world is not worth waiting for, and to unpack it takes what nodes that
	// start together need to be ready.
	_, others := split(r.places.now.Load().links)
	r.load(others)
	rest := time.NewTicker(nearRest)
	defer rest.Stop()
	for {
		select {
		case <-rest.C:
			r.table.RestNear()
		case <-behind:
			r.logCaughtUp()
			behind = nil
		case err := <-r.failed:
			return err
		case <-r.asked.Done():
			return errAsked
		}
	}
}

func (r *run) logCaughtUp() {
	r.log.Info("caught up", "after", r.age(), "clients", r.table.Len())
}

// load begins to load what providers answer from. The channel is closed when it is loaded.
func (r *run) load(links []places.Link) (loaded <-chan struct{}) {
	done := make(chan struct{})
	r.loading.Go(func() {
		defer close(done)
		for _, err := range load(r.asked, links) {
			if r.asked.Err() == nil {
				r.log.Error("a places provider is of no use", "error", err)
			}
		}
	})
	return done
}

// age is how long ago the node was made, as a person wants to read it.
func (n *Node) age() time.Duration { return time.Since(n.started).Round(time.Millisecond) }

// down ends what up has started, in order. After a failure the same steps are
// taken: what still works may say goodbye.
func (r *run) down(wanted bool) error {
	began := time.Now()
	r.phase.Store(int32(leaving))
	if r.faults != nil {
		r.faults.Heal() // a goodbye must be heard
	}
	switch {
	case r.alive.Err() != nil:
	case wanted:
		r.log.Info("leaving")
	default:
		r.log.Error("a part has failed: ending")
	}
	r.stopClients()
	r.leaveHerd()
	r.stopPlaces()
	r.loading.Wait()
	r.stopHTTP()
	if r.alive.Err() != nil {
		return errClosed
	}
	r.log.Info("left", "after", time.Since(began).Round(time.Millisecond))
	return nil
}

// stopClients closes the client port, answers what has been asked and ends the sessions, spread
// over the time that was given. Questions that wait for an upstream then are answered from memory.
func (r *run) stopClients() {
	ctx, cancel := context.WithCancel(r.alive)
	defer cancel()
	hurry := time.AfterFunc(upstreamTimeout, r.places.hurry)
	defer hurry.Stop()
	cut := time.AfterFunc(drainTimeout, cancel)
	defer cut.Stop()
	began, open := time.Now(), r.server.connections()
	defer r.parting.follow(func(left time.Duration) {
		spread := left / drainParts * spreadParts
		r.server.drain(spread)
		hurry.Reset(max(spread, upstreamTimeout))
		cut.Reset(max(left/drainParts*busyParts, drainTimeout))
		if left > 0 && open > 0 {
			r.cluster.Parting()
			r.log.Info("clients are drained", "connections", r.server.connections(), "within", left.Round(time.Millisecond))
		}
	})()
	r.reporting.shut() // reports over HTTP are answered, or refused from now on
	if r.clients == nil {
		return
	}
	err := r.server.shutdown(ctx)
	<-r.clients.done
	if r.alive.Err() != nil {
		return
	}
	if err != nil {
		r.log.Warn("clients were cut off", "error", err)
	}
	if open > 0 {
		r.log.Info("clients are gone", "after", time.Since(began).Round(time.Millisecond),
			"drained", r.server.count.drained.Load(), "cut", r.server.count.cut.Load())
	}
}

// leaveHerd has the cluster send what it owes and say goodbye. A node that is
// killed says nothing: then the cluster is closed before it can think of leaving.
func (r *run) leaveHerd() {
	defer func() {
		r.cluster.Close()
		<-r.gossip.done
		r.stopGossip()
	}()
	ctx, cancel := context.WithTimeout(r.alive, r.config.Settings.Herd.AckTimeout+leaveTimeout)
	defer cancel()
	if ctx.Err() != nil {
		return
	}
	r.stopGossip()
	select {
	case <-r.gossip.done:
		if err := r.gossip.err; err != nil && !r.gossip.unasked {
			r.log.Warn("did not leave in good order", "error", err)
		}
	case <-ctx.Done():
		if r.alive.Err() == nil {
			r.log.Warn("gave up leaving: the others will take this node for dead")
		}
	}
}

// stopPlaces ends calls that nobody waits for any more.
func (r *run) stopPlaces() {
	ctx, cancel := context.WithTimeout(r.alive, placesTimeout)
	defer cancel()
	if err := r.places.close(ctx); err != nil && r.alive.Err() == nil {
		r.log.Warn("places calls were abandoned", "error", err)
	}
}

// stopHTTP is the end of the node for those who watch it.
func (r *run) stopHTTP() {
	ctx, cancel := context.WithTimeout(r.alive, httpTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, r.apiConns.cut)()
	if err := r.api.Shutdown(ctx); err != nil && r.alive.Err() == nil {
		r.log.Warn("HTTP requests were cut off", "error", err)
	}
	r.api.Close()
	r.events.Wait()
	<-r.http.done // with http.ErrServerClosed, or with what Run returns
}
