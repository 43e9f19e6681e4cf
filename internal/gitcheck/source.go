package gitcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
)

// PolicyFromFile reads the policy from a file.
func PolicyFromFile(path, name string) (*policy.Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the policy: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, policy.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the policy: %w", err)
	}
	return policy.Parse(text, name)
}

// PolicyOfTree reads the policy from the working tree; without one, it is the
// default policy.
func PolicyOfTree(root string) (*policy.Policy, error) {
	p, err := PolicyFromFile(filepath.Join(root, filepath.FromSlash(policy.File)), policy.File)
	if errors.Is(err, fs.ErrNotExist) {
		return policy.Default(), nil
	}
	return p, err
}

// PolicyOfRevision reads the policy that a revision holds. If it holds none, or
// if there is no such revision and it need not be there, it is the default
// policy.
func PolicyOfRevision(ctx context.Context, repository *gitlog.Repository, revision string, needed bool) (*policy.Policy, error) {
	if strings.HasPrefix(revision, "-") || strings.ContainsAny(revision, "\n\x00") {
		return nil, fmt.Errorf("%w: %q", ErrBadRange, revision)
	}
	if needed {
		if _, err := repository.Run(ctx, "rev-parse", "--verify", "--quiet", revision+"^{commit}"); err != nil {
			return nil, fmt.Errorf("%w: %q", ErrBadRange, revision)
		}
	}
	name := revision + ":" + policy.File
	size, err := repository.RunWith(ctx, []byte(name+"\n"), "cat-file", "--batch-check=%(objecttype) %(objectsize)")
	if err != nil {
		return nil, fmt.Errorf("couldn't read the policy of %s: %w", revision, err)
	}
	kind, bytes, _ := strings.Cut(strings.TrimSpace(size), " ")
	if kind != "blob" {
		return policy.Default(), nil // it is missing
	}
	if n, err := strconv.Atoi(bytes); err != nil || n > policy.MaxBytes {
		return nil, &policy.Error{Source: name, Text: fmt.Sprintf("the policy has %s bytes, %d are allowed", bytes, policy.MaxBytes)}
	}
	text, err := repository.Run(ctx, "cat-file", "blob", name)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the policy of %s: %w", revision, err)
	}
	return policy.Parse([]byte(text), name)
}
