package ask

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// GitStats is the answer to "how much of this is the work of agents?".
type GitStats struct {
	// Commits counts the commits of the index that were selected, Lines what of
	// the files that are there now they left; Lines is null if it was not asked
	// for, or there is no repository at hand.
	Commits GitShares  `json:"commits"`
	Lines   *GitShares `json:"lines"`
	// LinesAdded and LinesRemoved are those of all selected commits, by kind;
	// Unmeasured counts the commits whose changes are not known.
	LinesAdded   map[string]int64 `json:"lines_added"`
	LinesRemoved map[string]int64 `json:"lines_removed"`
	Unmeasured   int64            `json:"unmeasured"`
	// FilesSkipped counts files that were not looked at: binary ones, and those
	// that are too large.
	FilesSkipped int64    `json:"files_skipped"`
	State        GitState `json:"state"`
}

// GitShares is a count by whose work it is, and of the agents' work by squad, by
// model and by month.
type GitShares struct {
	Total   int64            `json:"total"`
	ByKind  map[string]int64 `json:"by_kind"`
	BySquad []GitShare       `json:"by_squad"`
	ByModel []GitShare       `json:"by_model"`
	ByMonth []GitShare       `json:"by_month"`
}

// GitShare is how much of something is the work of agents. An empty name is
// what is not known.
type GitShare struct {
	Name  string `json:"name"`
	Agent int64  `json:"agent"`
	Total int64  `json:"total"`
}

// counter makes shares.
type counter struct {
	kind                map[string]int64
	squad, model, month map[string]*GitShare
	total               int64
}

func newCounter() *counter {
	return &counter{kind: map[string]int64{}, squad: map[string]*GitShare{}, model: map[string]*GitShare{}, month: map[string]*GitShare{}}
}

func (c *counter) add(kind, squad, model, month string, n int64) {
	c.total += n
	c.kind[kind] += n
	agent := int64(0)
	if kind == string(gitlog.Agent) {
		agent = n
	}
	at := func(m map[string]*GitShare, name string) {
		if m[name] == nil {
			m[name] = &GitShare{Name: name}
		}
		m[name].Agent += agent
		m[name].Total += n
	}
	at(c.month, month)
	if agent > 0 {
		at(c.squad, squad)
		at(c.model, model)
	}
}

func (c *counter) shares() GitShares {
	most := func(m map[string]*GitShare) []GitShare {
		out := values(m)
		slices.SortFunc(out, func(x, y GitShare) int {
			return cmp.Or(cmp.Compare(y.Agent, x.Agent), cmp.Compare(x.Name, y.Name))
		})
		return out
	}
	months := values(c.month)
	slices.SortFunc(months, func(x, y GitShare) int { return cmp.Compare(x.Name, y.Name) })
	return GitShares{Total: c.total, ByKind: c.kind, BySquad: most(c.squad), ByModel: most(c.model), ByMonth: months}
}

func values(m map[string]*GitShare) []GitShare {
	out := make([]GitShare, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, *m[name])
	}
	return out
}

// StatsOptions say what to count besides commits.
type StatsOptions struct {
	// Lines counts the lines that survive, which follows every line of every
	// file: it takes its time.
	Lines bool
	// Progress is called with how many files are done.
	Progress func(done int)
}

// Stats answers how much is the work of agents: of the commits of the index
// that the filter selects, and of the lines that are there now.
func (g *Git) Stats(ctx context.Context, f CommitFilter, o StatsOptions) (*GitStats, error) {
	s := &GitStats{LinesAdded: map[string]int64{}, LinesRemoved: map[string]int64{}}
	commits := newCounter()
	if g.Trail != nil {
		tallies, err := g.Trail.store.CommitTallies(ctx, g.Trail.org, f.store())
		if err != nil {
			return nil, err
		}
		for _, t := range tallies {
			commits.add(t.Kind, t.Squad, t.Model, t.Month, t.Commits)
			s.LinesAdded[t.Kind] += t.Added
			s.LinesRemoved[t.Kind] += t.Removed
			s.Unmeasured += t.Unmeasured
		}
	}
	s.Commits = commits.shares()
	if !o.Lines || g.Repo == nil {
		return s, nil
	}
	lines, skipped, err := g.survivingLines(ctx, f.Path, o.Progress)
	if err != nil {
		return nil, err
	}
	shares := lines.shares()
	s.Lines, s.FilesSkipped = &shares, skipped
	return s, nil
}

// maxBlamedFile is the largest file whose lines are followed, in bytes: larger
// ones are seldom written by anybody.
const maxBlamedFile = 2 << 20

// survivingLines counts the lines of the files in HEAD by who wrote them.
func (g *Git) survivingLines(ctx context.Context, path string, progress func(int)) (*counter, int64, error) {
	files, skipped, err := g.textFiles(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	byCommit := map[string]int64{}
	var mu sync.Mutex
	done := 0
	group, blaming := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, file := range files {
		group.Go(func() error {
			lines := map[string]int64{}
			err := g.Repo.Blame(blaming, file, gitlog.BlameOptions{Revision: "HEAD", Plain: true}, func(l gitlog.Line) error {
				lines[l.Commit]++
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			for id, n := range lines {
				byCommit[id] += n
			}
			if done++; progress != nil {
				progress(done)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	found, _, err := g.commits(ctx, slices.Sorted(maps.Keys(byCommit)))
	if err != nil {
		return nil, 0, err
	}
	c := newCounter()
	for i := range found {
		x := &found[i]
		squad, month := "", ""
		if len(x.Runs) > 0 {
			squad = x.Runs[0].Squad
		}
		if x.CommittedAt != nil {
			month = x.CommittedAt.Format("2006-01")
		}
		c.add(x.Kind, squad, x.Model, month, byCommit[x.Commit])
	}
	return c, skipped, nil
}

// textFiles lists the files of HEAD that have lines to follow, and counts the
// others.
func (g *Git) textFiles(ctx context.Context, path string) (files []string, skipped int64, err error) {
	args := []string{"ls-tree", "-r", "-z", "--long", "--full-tree", "HEAD"}
	if path != "" {
		args = append(args, "--", path)
	}
	out, err := g.Repo.Run(ctx, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("couldn't list the files: %w", err)
	}
	binary, err := g.binaryFiles(ctx)
	if err != nil {
		return nil, 0, err
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		meta, name, ok := strings.Cut(entry, "\t")
		words := strings.Fields(meta)
		if !ok || len(words) != 4 || words[1] != "blob" || words[0] == "120000" {
			continue
		}
		if size, err := strconv.Atoi(words[3]); err != nil || size > maxBlamedFile || binary[name] {
			skipped++
			continue
		}
		files = append(files, name)
	}
	return files, skipped, nil
}

// binaryFiles are the files of HEAD that git takes for binary: compared with
// nothing, their lines can't be counted.
func (g *Git) binaryFiles(ctx context.Context) (map[string]bool, error) {
	empty, err := g.Repo.RunWith(ctx, nil, "hash-object", "-t", "tree", "--stdin")
	if err != nil {
		return nil, fmt.Errorf("couldn't list the files: %w", err)
	}
	out, err := g.Repo.Run(ctx, "diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", strings.TrimSpace(empty), "HEAD")
	if err != nil {
		return nil, fmt.Errorf("couldn't list the files: %w", err)
	}
	binary := map[string]bool{}
	for entry := range bytes.SplitSeq([]byte(out), []byte{0}) {
		if name, ok := bytes.CutPrefix(entry, []byte("-\t-\t")); ok {
			binary[string(name)] = true
		}
	}
	return binary, nil
}
