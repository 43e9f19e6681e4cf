package cli

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

func (p *Program) witnessCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "witness",
		GroupID: "prove",
		Short:   "Place checkpoints where the operator can't rewrite them",
		Long: `Shows the trail's signed head to others, who keep it where the operator of the
trail can't rewrite it: C2SP witnesses, authorities for time stamps (RFC 3161),
and git. docs/witnesses.md describes them.`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(p.witnessListCommand(), p.witnessAddCommand(), p.witnessRemoveCommand(), p.witnessPushCommand(), p.witnessShowCommand(), p.witnessPolicyCommand(), p.witnessGitCommand())
	return c
}

// gitWitness is the answer of "witness git".
type gitWitness struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	Ref    string `json:"ref"`
	Commit string `json:"commit"`
	Pushed string `json:"pushed"`
}

func (p *Program) witnessGitCommand() *cobra.Command {
	var push string
	c := &cobra.Command{
		Use:   "git",
		Short: "Commit the trail's signed checkpoint to refs/whodid/checkpoints",
		Long: `Commits the signed checkpoint of the trail to refs/whodid/checkpoints of the
repository here. It is no branch and in nobody's way; pushed with the code, it
lies where the operator of the trail can't rewrite it. "whodid verify" compares
the trail with every checkpoint that the repository has seen.`,
		Example: `  whodid witness git
  whodid witness git --push origin
  git fetch origin refs/whodid/checkpoints:refs/whodid/checkpoints   # elsewhere`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := p.witnessGit(c.Context(), push)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(w)
			}
			fmt.Fprintf(p.Stdout, "%d events, root %s\nwitnessed by %s at %.12s\n", w.Size, w.Root, w.Ref, w.Commit)
			if w.Pushed == "" {
				fmt.Fprintf(p.Stdout, "next: git push origin %s\n", w.Ref)
			}
			return nil
		},
	}
	c.Flags().StringVar(&push, "push", "", "push the ref to this remote")
	return c
}

func (p *Program) witnessGit(ctx context.Context, push string) (*gitWitness, error) {
	t, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	head, err := t.store.Head(ctx, p.org)
	if err != nil {
		return nil, err
	}
	checkpoint, err := proof.OpenCheckpoint(head.Checkpoint, t.ring.Public)
	if err != nil {
		return nil, err
	}
	repo := git.In(p.Dir)
	if _, err := repo.Run(ctx, "rev-parse", "--git-dir"); err != nil {
		return nil, withHint(err, "run it inside a git repository")
	}
	w, err := p.lastWitnessed(ctx, t, checkpoint.Size)
	if err != nil {
		return nil, err
	}
	again := w != nil
	if !again {
		commit, err := witness.InGit(ctx, repo, checkpoint.Origin, head.Checkpoint, p.Now())
		if err != nil {
			return nil, err
		}
		w = &gitWitness{Size: checkpoint.Size, Root: checkpoint.Root.String(), Commit: commit}
	}
	w.Origin, w.Ref = checkpoint.Origin, witness.Ref
	if push != "" {
		if _, err := repo.Run(ctx, "push", "--quiet", push, witness.Ref+":"+witness.Ref); err != nil {
			return nil, err
		}
		w.Pushed = push
	}
	if again {
		return w, nil
	}
	_, err = t.recorder.Record(ctx, whodid.Event{
		Key: "witness/git/" + w.Commit, Actor: whodid.System, What: "checkpoint.witness", At: p.Now(), Source: "cli",
		Data: whodid.Data{"witness": "git", "size": int64(w.Size), "root": hex.EncodeToString(checkpoint.Root[:]), "ref": w.Commit},
	})
	return w, err
}

// lastWitnessed returns the last checkpoint in git if nothing has been recorded
// since but that it was witnessed, and nil otherwise.
func (p *Program) lastWitnessed(ctx context.Context, t *trail, size uint64) (*gitWitness, error) {
	if size == 0 {
		return nil, nil
	}
	last, err := t.store.Events(ctx, p.org, store.EventFilter{AfterSeq: size - 1, What: "checkpoint.witness"})
	if err != nil || len(last) == 0 || last[0].Data.String("witness") != "git" {
		return nil, err
	}
	d := last[0].Data
	if _, err := git.In(p.Dir).Run(ctx, "cat-file", "-e", d.String("ref")); err != nil {
		return nil, nil //nolint:nilerr // it was witnessed in another repository
	}
	seen, _ := d.Int("size")
	var root proof.Hash
	if err := root.UnmarshalText([]byte(d.String("root"))); err != nil {
		return nil, nil //nolint:nilerr // what can't be read is witnessed again
	}
	return &gitWitness{Size: uint64(seen), Root: root.String(), Commit: d.String("ref")}, nil
}
