package witness

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/git"
)

// Ref is where git keeps the checkpoints. It is no branch: it is not checked
// out and not in the way, and it is pushed and fetched by its name.
const Ref = "refs/whodid/checkpoints"

// InGit commits a checkpoint of the log with that origin to [Ref] of a
// repository and returns the commit's id.
func InGit(ctx context.Context, repo git.Repository, origin, signed string, now time.Time) (string, error) {
	parent, err := refCommit(ctx, repo)
	if err != nil {
		return "", fmt.Errorf("couldn't witness in git: %w", err)
	}
	commit, err := commitCheckpoint(ctx, repo, parent, origin, signed, now)
	if err != nil {
		return "", fmt.Errorf("couldn't witness in git: %w", err)
	}
	return commit, nil
}

func commitCheckpoint(ctx context.Context, repo git.Repository, parent, origin, signed string, now time.Time) (string, error) {
	blob, err := repo.RunWith(ctx, []byte(signed), "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	entries := map[string]string{fileName(origin): strings.TrimSpace(blob)}
	args := []string{"commit-tree"}
	if parent != "" {
		if err := keepOthers(ctx, repo, parent, entries); err != nil {
			return "", err
		}
		args = append(args, "-p", parent)
	}
	var list strings.Builder
	for name, id := range entries {
		fmt.Fprintf(&list, "100644 blob %s\t%s\n", id, name)
	}
	tree, err := repo.RunWith(ctx, []byte(list.String()), "mktree")
	if err != nil {
		return "", err
	}
	date := fmt.Sprintf("%d +0000", now.Unix())
	author := []string{"-c", "user.name=whodid", "-c", "user.email=whodid@localhost", "-c", "commit.gpgSign=false"}
	args = append(append(author, args...), "-m", "checkpoint of "+origin, strings.TrimSpace(tree))
	commit, err := repo.RunDated(ctx, date, args...)
	if err != nil {
		return "", err
	}
	commit = strings.TrimSpace(commit)
	// Only if the ref is still where it was: two witnesses at once do not lose
	// each other's checkpoint. An empty parent says that there may be no ref.
	_, err = repo.Run(ctx, "update-ref", "-m", "whodid: checkpoint", Ref, commit, parent)
	return commit, err
}

// keepOthers keeps the checkpoints of other logs in the tree.
func keepOthers(ctx context.Context, repo git.Repository, parent string, entries map[string]string) error {
	list, err := repo.Run(ctx, "ls-tree", "-z", parent)
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		meta, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 || fields[1] != "blob" {
			continue
		}
		if _, ours := entries[name]; !ours {
			entries[name] = fields[2]
		}
	}
	return nil
}

func refCommit(ctx context.Context, repo git.Repository) (string, error) {
	out, err := repo.Run(ctx, "rev-parse", "--verify", "--quiet", Ref)
	var failed *git.Error
	if errors.As(err, &failed) && failed.ExitCode() == 1 {
		return "", nil // there is no such ref yet
	}
	return strings.TrimSpace(out), err
}

// FromGit returns the checkpoints of the log with that origin that a
// repository has witnessed, the newest first, at most limit. A directory
// without a repository has witnessed nothing.
func FromGit(ctx context.Context, repo git.Repository, origin string, limit int) ([]Sighting, error) {
	tip, err := refCommit(ctx, repo)
	if err != nil || tip == "" {
		return nil, nil //nolint:nilerr // no git, or no repository: no witness
	}
	// Commits that took the file away hold no checkpoint.
	log, err := repo.Run(ctx, "log", "-n", strconv.Itoa(limit), "--diff-filter=AM", "--format=%H %ct", tip, "--", fileName(origin))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the checkpoints in git: %w", err)
	}
	var out []Sighting
	for line := range strings.Lines(log) {
		commit, seconds, _ := strings.Cut(strings.TrimSpace(line), " ")
		signed, err := repo.Run(ctx, "show", commit+":"+fileName(origin))
		if err != nil {
			return nil, fmt.Errorf("couldn't read the checkpoints in git: %w", err)
		}
		at, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("couldn't read the checkpoints in git: %w", err)
		}
		out = append(out, Sighting{Witness: "git", Kind: KindGit, Where: Ref + " at " + commit[:12], Checkpoint: signed, SeenAt: time.Unix(at, 0).UTC()})
	}
	return out, nil
}
