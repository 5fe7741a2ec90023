package main

import "context"

func (b *benchVerb) runConverge(ctx context.Context) error { return usagef("not there yet") }
func (b *benchVerb) runJoin(ctx context.Context) error     { return usagef("not there yet") }
