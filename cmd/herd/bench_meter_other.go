//go:build !linux

package main

import (
	"errors"
	"time"
)

// canMeter tells whether cpuTime works here.
const canMeter = false

func cpuTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func resident(int) (int64, error) { return 0, errors.ErrUnsupported }
