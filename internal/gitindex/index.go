// Package gitindex takes the history of repositories into the trail: an event
// for each commit that is an agent's or names one, and a row of the index for
// every commit. Messages, names and addresses of people stay where they are: a
// person is a pseudonym, and of a message only its trailers and the commits and
// the pull request that it names are kept.
package gitindex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// Recorder takes those events in that the trail does not hold yet, durably; what
// is not valid becomes a gap. internal/record is the implementation.
type Recorder interface {
	RecordValid(ctx context.Context, events []whodid.Event) ([]*store.Row, error)
}

// Indexer reads repositories into the trail of one organisation.
type Indexer struct {
	Org      string
	Store    *store.Store
	Recorder Recorder
	// Pseudonym is the name of a person in the trail, by an identity such as
	// "git:ada@example.com".
	Pseudonym func(identity string) string
	// Clean takes out of text what the trail must not hold.
	Clean func(text string) string
	Now   func() time.Time
}

// Options say what to read.
type Options struct {
	// Name is the identity of the repository, if it is not to be found out.
	Name string
	// Rebuild forgets what was read before and reads everything anew.
	Rebuild bool
	// Progress is called now and then with how many commits are done.
	Progress func(done int)
}

// Result is what reading a repository gave.
type Result struct {
	// Repository is its identity: "host/owner/name", or "root/" and the id of
	// its first commit.
	Repository string `json:"repository"`
	// Refs is how many different commits its refs stand at.
	Refs int `json:"refs"`
	// Commits were read now, Attributed of them name an agent, Named of them an
	// execution. Events are those that the trail did not hold yet.
	Commits    int `json:"commits"`
	Attributed int `json:"attributed"`
	Named      int `json:"named"`
	Events     int `json:"events"`
	// Cut counts messages that were too long to be read whole.
	Cut int `json:"cut"`
	// Shallow and Partial say that the clone lacks history, or files.
	Shallow bool `json:"shallow"`
	Partial bool `json:"partial"`
}

// Index reads what a repository's refs lead to and the trail has not seen. It
// may be stopped at any time and called again: what is known changes nothing.
func (x *Indexer) Index(ctx context.Context, repo *gitlog.Repository, o Options) (*Result, error) {
	repo.FindPartial(ctx)
	res := &Result{Repository: o.Name, Shallow: repo.Shallow, Partial: repo.Partial}
	if res.Repository == "" {
		name, err := repo.Name(ctx)
		if err != nil {
			return nil, err
		}
		res.Repository = name
	}
	res.Repository = x.Clean(res.Repository)
	refs, err := repo.Refs(ctx)
	if err != nil {
		return nil, err
	}
	if len(refs.Tips) == 0 {
		return nil, gitlog.ErrNoCommit
	}
	res.Refs = len(refs.Tips)
	seen, err := x.seen(ctx, res.Repository, o.Rebuild)
	if err != nil {
		return nil, err
	}
	if slices.Equal(seen.Tips, refs.Tips) && maps.Equal(seen.Notes, refs.Notes) {
		return res, nil
	}
	if err := x.read(ctx, repo, refs, seen, o, res); err != nil {
		return nil, err
	}
	return res, x.finish(ctx, refs, res)
}

// seen returns up to where the trail has read a repository.
func (x *Indexer) seen(ctx context.Context, name string, rebuild bool) (store.GitRepository, error) {
	if rebuild {
		return store.GitRepository{}, x.Store.ForgetGitRepository(ctx, x.Org, name)
	}
	seen, err := x.Store.GitRepository(ctx, x.Org, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.GitRepository{}, nil
	}
	return seen, err
}

// read reads the commits that are new, and those whose note changed.
func (x *Indexer) read(ctx context.Context, repo *gitlog.Repository, refs gitlog.Refs, seen store.GitRepository, o Options, res *Result) error {
	notes, err := repo.Notes(ctx, seen.Notes, refs.Notes)
	if err != nil {
		return err
	}
	// Commits that were seen and are gone can't be named to git.
	known, err := repo.Existing(ctx, seen.Tips)
	if err != nil {
		return err
	}
	p, feeding := newPipeline(ctx, x, res, notes, o.Progress)
	fresh := map[string]bool{}
	err = repo.Log(feeding, gitlog.LogOptions{Tips: refs.Tips, Seen: known, Files: !repo.Partial}, func(batch []gitlog.Commit) error {
		for i := range batch {
			if _, ok := notes[batch[i].ID]; ok {
				fresh[batch[i].ID] = true
			}
		}
		return p.put(batch)
	})
	if again := noted(notes, fresh); err == nil && len(again) > 0 {
		if again, err = repo.Existing(ctx, again); err == nil {
			err = repo.Log(feeding, gitlog.LogOptions{Tips: again, Alone: true, Files: !repo.Partial}, p.put)
		}
	}
	return p.wait(err)
}

// noted lists the commits with a changed note that were not read just now.
func noted(notes gitlog.Notes, fresh map[string]bool) []string {
	var ids []string
	for id := range notes {
		if !fresh[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// finish records that the repository was read, and notes up to where.
func (x *Indexer) finish(ctx context.Context, refs gitlog.Refs, res *Result) error {
	tips := digest(fmt.Sprint(refs.Tips, refs.Notes)) // maps print sorted
	e := whodid.Event{
		Key: "git.index/" + digest(res.Repository) + "/" + tips, Actor: whodid.System, What: "git.index",
		At: x.Now(), Target: res.Repository, Source: "git",
		Data: whodid.Data{
			"repository": res.Repository, "refs": int64(res.Refs), "commits": int64(res.Commits),
			"attributed": int64(res.Attributed), "tips": tips,
		},
	}
	if res.Shallow {
		e.Data["shallow"] = true
	}
	if res.Partial {
		e.Data["partial"] = true
	}
	if _, err := x.Recorder.RecordValid(ctx, []whodid.Event{e}); err != nil {
		return fmt.Errorf("couldn't record that %s was read: %w", res.Repository, err)
	}
	return x.Store.PutGitRepository(ctx, x.Org, store.GitRepository{
		Name: res.Repository, Tips: refs.Tips, Notes: refs.Notes, IndexedAt: x.Now(),
	})
}

// digest is a name that tells nothing, for keys, which are published.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
