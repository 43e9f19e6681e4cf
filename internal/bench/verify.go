//go:build bench

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// measureVerify verifies a trail by turns with hashing as many bytes, in as
// many pieces, from memory.
func (b *bench) measureVerify(ctx context.Context, engine string, t *trail) error {
	f := &figure{
		name: "verify." + engine, unit: "/s", aim: -0.5,
		what: "events verified a second; events a second of which SHA-256 hashes the same bytes from memory, on all processors",
	}
	pieces, err := piecesOfRun()
	if err != nil {
		return err
	}
	asker := ask.New(t.store, store.DefaultOrg, time.Now)
	for range pick(b, 3, 3) {
		began := time.Now()
		v, err := asker.Verify(ctx, ask.VerifyOptions{})
		took := time.Since(began)
		if err != nil {
			return err
		}
		if len(v.Problems) > 0 {
			return fmt.Errorf("a trail that nobody touched has a problem: %+v", v.Problems[0])
		}
		f.add(float64(v.TreeSize)/took.Seconds(), hashRate(pieces))
	}
	b.done(f)
	return nil
}

// piecesOfRun is all that a verification hashes for the events of one run:
// for each committed field its key and the inner and the outer message of
// HMAC, the leaf, and one node of the tree.
func piecesOfRun() ([][]byte, error) {
	var pieces [][]byte
	piece := func(size int) { pieces = append(pieces, make([]byte, size)) }
	for _, r := range rowsOf(1, 1) {
		e := &r.Event
		person := `["` + e.OnBehalfOf + `","` + e.OnBehalfAuth + `"]`
		for field, value := range map[string]string{
			proof.FieldData: string(r.DataText), proof.FieldOnBehalfOf: person, proof.FieldTarget: e.Target, proof.FieldWhy: e.Why,
		} {
			piece(len("whodid field key v1\x00") + len(field) + 1 + proof.SaltSize)
			piece(sha256.BlockSize + len(value))
			piece(sha256.BlockSize + sha256.Size)
		}
		leaf, err := proof.Leaf(e, &proof.Commitments{})
		if err != nil {
			return nil, err
		}
		piece(1 + len(leaf))
		piece(1 + 2*sha256.Size)
	}
	return pieces, nil
}

// hashRate is the number of events a second whose pieces all processors hash.
func hashRate(pieces [][]byte) float64 {
	const runs = 20_000
	var all sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for range runs {
				for _, p := range pieces {
					sha256.Sum256(p)
				}
			}
		})
	}
	all.Wait()
	return float64(runtime.GOMAXPROCS(0)*runs*eventsPerRun) / time.Since(began).Seconds()
}
