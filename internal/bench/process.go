//go:build bench

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// program is a program that is started over and over.
type program struct {
	argv  []string
	dir   string
	env   []string
	stdin []byte
}

// run starts the program, with no shell between, and returns how long it took
// until it had ended. What it reads waits in a pipe before it starts, as from
// an agent.
func (p *program) run() (time.Duration, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if _, err := w.Write(p.stdin); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	began := time.Now()
	child, err := os.StartProcess(p.argv[0], p.argv, &os.ProcAttr{Dir: p.dir, Env: p.env, Files: []*os.File{r, null, os.Stderr}})
	if err != nil {
		return 0, err
	}
	state, err := child.Wait()
	took := time.Since(began)
	if err == nil && !state.Success() {
		err = fmt.Errorf("%s: %s", filepath.Base(p.argv[0]), state)
	}
	return took, err
}

// burst runs the program n times at once and returns how long each took.
func (p *program) burst(n int) ([]float64, error) {
	times, errs := make([]float64, n), make([]error, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			d, err := p.run()
			times[i], errs[i] = d.Seconds(), err
		})
	}
	close(gate)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

// interleave runs each program in bursts of n, taking turns, until each ran
// calls times, and returns the times by program.
func interleave(programs []*program, n, calls int) ([][]float64, error) {
	times := make([][]float64, len(programs))
	for len(times[0]) < calls {
		for i, p := range programs {
			t, err := p.burst(n)
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], t...)
		}
	}
	return times, nil
}
