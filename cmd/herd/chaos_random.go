package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// shot is a fault of a schedule.
type shot struct {
	At  time.Duration `json:"at"`
	For time.Duration `json:"for"`

	Kind  string        `json:"kind"`            // kill, pause, partition, cut, loss, delay, rate
	Nodes []string      `json:"nodes,omitempty"` // to whom; of a partition, one side
	Peers []string      `json:"peers,omitempty"` // of a cut, who does not hear them any more
	Loss  float64       `json:"loss,omitempty"`
	Delay time.Duration `json:"delay,omitempty"`
	Rate  int           `json:"rate,omitempty"`
}

// text is the shot for a person.
func (s *shot) text() string {
	nodes, d := strings.Join(s.Nodes, ","), s.For.Round(100*time.Millisecond)
	switch s.Kind {
	case "partition":
		return fmt.Sprintf("partition %s | %s for %s", nodes, strings.Join(s.Peers, ","), d)
	case "cut":
		return fmt.Sprintf("cut from %s to %s for %s", nodes, strings.Join(s.Peers, ","), d)
	case "loss":
		return fmt.Sprintf("loss of %.0f%% at %s for %s", s.Loss*100, nodes, d)
	case "delay":
		return fmt.Sprintf("delay of %s at %s for %s", s.Delay, nodes, d)
	case "rate":
		return fmt.Sprintf("rate of %d bytes a second at %s for %s", s.Rate, nodes, d)
	}
	return fmt.Sprintf("%s %s for %s", s.Kind, nodes, d)
}

// schedule is the faults of a seed: the same for the same nodes and time. Now and then
// two act at once, since that is where herds break. It kills one node at a time: of
// two that die together nobody may be left who holds what they acknowledged.
func schedule(seed uint64, names []string, total time.Duration) []shot {
	rng := rand.New(rand.NewPCG(seed, 0x6368616f73))
	longest := min(10*time.Second, total/3)
	var all []shot
	var dead time.Duration // until when somebody is
	for at := total / 20; at < total*9/10; {
		s := draw(rng, names)
		s.At = at
		s.For = min(between(rng, longest/5, longest), total-at)
		if s.Kind == "kill" {
			if at < dead {
				continue
			}
			dead = at + s.For + longest/2 // it has to catch up, too
		}
		all = append(all, s)
		step := s.For
		if rng.IntN(3) == 0 {
			step /= 2
		}
		at += step + between(rng, longest/10, longest/3)
	}
	return all
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(rng.Int64N(int64(most-least)+1))).Round(time.Millisecond)
}

// draw makes a fault without its time.
func draw(rng *rand.Rand, names []string) shot {
	shuffled := slices.Clone(names)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	some := shuffled[:1+rng.IntN(max(1, len(names)/2))]
	rest := shuffled[len(some):]
	slices.Sort(some)
	slices.Sort(rest)
	s := shot{Nodes: some}
	switch kinds := []string{"kill", "pause", "partition", "partition", "cut", "loss", "delay", "rate"}; kinds[rng.IntN(len(kinds))] {
	case "kill":
		s.Kind, s.Nodes = "kill", some[:1]
	case "pause":
		s.Kind, s.Nodes = "pause", some[:1]
	case "partition":
		s.Kind, s.Peers = "partition", rest
	case "cut":
		s.Kind, s.Peers = "cut", rest
	case "loss":
		s.Kind, s.Nodes, s.Loss = "loss", names, float64(5+rng.IntN(46))/100
	case "delay":
		s.Kind, s.Delay = "delay", between(rng, 5*time.Millisecond, 300*time.Millisecond)
	case "rate":
		s.Kind, s.Rate = "rate", (16+rng.IntN(240))<<10
	}
	return s
}

// fire has a shot act. A node that can't be killed, or is dead, is left alone: then it
// returns why.
func (c *chaosVerb) fire(ctx context.Context, herd chaosHerd, s *shot) (skipped, err error) {
	one := *c
	one.length = s.For
	nodes, err := herd.pick(s.Nodes)
	if err != nil {
		return nil, err
	}
	peers := chaosHerd{}
	if len(s.Peers) > 0 {
		if peers, err = herd.pick(s.Peers); err != nil {
			return nil, err
		}
	}
	for _, n := range herd {
		n.up = true // or add finds out
	}
	var p plan
	switch s.Kind {
	case "kill":
		return nodes[0].kill(ctx, s.For), nil
	case "pause":
		p = plan{nodes[0]: {{Pause: true}}}
	case "partition":
		p = partition([]chaosHerd{nodes, peers}, false)
	case "cut":
		p = cut(nodes, peers, true, false)
	case "loss":
		p = spread(herd, nodes, chaosFault{Way: "out", Loss: s.Loss, Duplicate: s.Loss / 2})
	case "delay":
		p = spread(herd, nodes, chaosFault{Delay: s.Delay.String(), Jitter: s.Delay.String()})
	case "rate":
		p = spread(herd, nodes, chaosFault{Rate: s.Rate})
	}
	err = one.add(ctx, herd, p)
	if isUnreachable(err) { // it has been killed
		return err, nil
	}
	return nil, err
}

// play has the shots act, each at its time, and returns when the last is over. begun is
// called for each that has begun, and what it returns when it is over; skip for each that could not.
func (c *chaosVerb) play(ctx context.Context, herd chaosHerd, shots []shot, begun func(*shot) (over func()), skip func(*shot, error)) error {
	type step struct {
		at time.Duration
		do func() error
	}
	var steps []step
	for i := range shots {
		s := &shots[i]
		over := func() {}
		steps = append(steps,
			step{s.At, func() error {
				skipped, err := c.fire(ctx, herd, s)
				if skipped != nil {
					skip(s, skipped)
				}
				if err != nil || skipped != nil {
					return err
				}
				over = begun(s)
				return nil
			}},
			step{s.At + s.For, func() error { over(); return nil }})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	start := time.Now()
	for _, s := range steps {
		timer := time.NewTimer(time.Until(start.Add(s.at)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		if err := s.do(); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) chaosRandom() *cobra.Command {
	c := &chaosVerb{app: a}
	var seed uint64
	cmd := c.verb(&cobra.Command{
		Use:   "random",
		Short: "Break the herd at random for a while",
		Long: "Random kills, pauses, cuts and slows nodes at random, and heals all at the end, or when\n" +
			"it is interrupted. The same seed makes the same faults for the same nodes and time.\n" +
			"\"herd chaos run\" does this and checks what clients see.",
		Example: "  herd chaos random --seed 7 --for 30s",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, _ []string) error {
		if err := c.checkLong(); err != nil {
			return err
		}
		outliveReaders()
		seed := orRandom(seed)
		herd, err := c.find(ctx)
		if err != nil {
			return err
		}
		if err := c.allowed(ctx, herd); err != nil {
			return err
		}
		shots := schedule(seed, herd.names(), c.length)
		if !c.json {
			fmt.Fprintf(a.stdout, "Seed %d: %d faults in %s.\n", seed, len(shots), c.length)
		}
		start := time.Now()
		err = c.play(ctx, herd, shots, func(s *shot) func() {
			c.tell(start, s.text())
			return func() {}
		}, func(s *shot, why error) { c.tell(start, fmt.Sprintf("no %s: %v", s.text(), why)) })
		healed, herr := healAll(ctx, herd)
		c.tell(start, healed)
		return errors.Join(err, herr)
	})
	c.longFlag(cmd, &seed)
	return cmd
}

// longFlag gives a verb --for and --seed.
func (c *chaosVerb) longFlag(cmd *cobra.Command, seed *uint64) {
	cmd.Flags().DurationVar(&c.length, "for", 30*time.Second, "how long; a minute or more shows more")
	cmd.Flags().Uint64Var(seed, "seed", 0, "of all that is random; 0 takes any, and says which")
}

func (c *chaosVerb) checkLong() error {
	if c.length < minChaosRun || c.length > maxChaosTime {
		return usagef("--for must be from %s to %s", minChaosRun, maxChaosTime)
	}
	return nil
}

func orRandom(seed uint64) uint64 {
	for seed == 0 {
		seed = uint64(rand.Uint32()) // short enough to be typed
	}
	return seed
}

// tell prints what happens as it does.
func (c *chaosVerb) tell(start time.Time, text string) {
	at := time.Since(start)
	if c.json {
		printLine(c.app.stdout, moment{at, text})
	} else {
		fmt.Fprintf(c.app.stdout, "%7.1fs  %s\n", at.Seconds(), text)
	}
}

// moment is a line of the time line.
type moment struct {
	At   time.Duration `json:"at"` // since the start, in nanoseconds
	What string        `json:"what"`
}

// allowed tells before anything is done whether all nodes that answer allow chaos.
func (c *chaosVerb) allowed(ctx context.Context, herd chaosHerd) error {
	for _, n := range herd {
		if _, err := n.state(ctx); n.up && err != nil {
			return err
		}
	}
	return nil
}

// healTimeout bounds the heal after an interrupt.
const healTimeout = 10 * time.Second

// healAll ends what acts at the nodes that answer, also when ctx is done. It says who is healed.
func healAll(ctx context.Context, herd chaosHerd) (text string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout)
	defer cancel()
	for _, n := range herd {
		_, err := n.self(ctx)
		n.up = err == nil
	}
	h := heal(ctx, herd, herd)
	switch {
	case h.err != nil:
		return "not all is healed", h.err
	case len(h.Silent) > 0:
		return "all is healed but " + strings.Join(h.Silent, ", ") + ", from whom there is no answer", nil
	}
	return "all is healed", nil
}
