// Package metrics shows what a node counts to Prometheus. It is the only user of
// its client library: all others keep plain counters and give a Stats struct,
// which is read when somebody scrapes.
//
// Every series is there from the start, at 0, so that a rate over the first
// event is right and an alert on something that has never happened is no error.
// Names begin with herd_ and end with their unit; no label holds anything that a
// client or a stranger can choose: members' names are given by who has the gossip key.
package metrics
